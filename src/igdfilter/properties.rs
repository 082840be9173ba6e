//! The properties: what they are called and say, and how they are set and read.

use gst::glib;
use gst::glib::value::FromValue;
use gst::prelude::*;

use super::Overlay;
use super::region::{OddRegion, parse_region};
use super::settings::{DEFAULT_DEVICE, Settings};

/// All properties.
pub fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    vec![
        glib::ParamSpecString::builder("model")
            .nick("Model")
            .blurb("Model file that `igd train` has written; the environment variable IGD_MODEL where neither this \
                   nor learn-frames is set. While playing the new model takes over between two frames; one that \
                   cannot be used changes nothing but for a warning")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("device")
            .nick("Device")
            .blurb("Where the model runs: cpu, cuda (the first GPU), cuda:N, or auto (a GPU where libtorch sees one). \
                   A GPU that is named and not there is an error")
            .default_value(Some(defaults.device.as_str()))
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("precision", defaults.precision)
            .nick("Precision")
            .blurb("What the networks compute in; auto is bf16 where the hardware multiplies it faster and f32 \
                   elsewhere")
            .mutable_ready()
            .build(),
        glib::ParamSpecFloat::builder("threshold")
            .nick("Threshold")
            .blurb("Raw score above which a frame is anomalous; -1: the one that the model was calibrated to. A paper \
                   model that was never calibrated finds no regions all the same, and draws nothing")
            .minimum(-1.0)
            .maximum(f32::MAX)
            .default_value(defaults.frame.threshold)
            .mutable_playing()
            .build(),
        glib::ParamSpecFlags::builder::<Overlay>("overlay")
            .nick("Overlay")
            .blurb("What is drawn on the frames")
            .default_value(defaults.frame.overlay)
            .mutable_playing()
            .build(),
        glib::ParamSpecFloat::builder("opacity")
            .nick("Opacity")
            .blurb("How much of the frame the heatmap covers, from 0 (nothing) to 1 (all)")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(defaults.frame.opacity)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("colormap", defaults.frame.colormap)
            .nick("Colormap")
            .blurb("Colors of the heatmap")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("inference-interval")
            .nick("Inference interval")
            .blurb("Infer every Nth frame; between them the last result is drawn and attached, marked with its age")
            .minimum(1)
            .default_value(defaults.frame.inference_interval)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("messages", defaults.frame.messages)
            .nick("Messages")
            .blurb("When igd-anomaly element messages are posted on the bus")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("inference-mode", defaults.frame.inference_mode)
            .nick("Inference mode")
            .blurb("Whether frames wait for their own result, or the newest frame is inferred beside the video and \
                   frames carry the last result, marked with its age")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("inference-region", defaults.frame.inspection.kind)
            .nick("Inference region")
            .blurb("Inspect the frame as one picture, or each region of interest that an element before has attached; \
                   results are tied to those by their ids")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("region")
            .nick("Region")
            .blurb("Part of the frames to inspect, as x,y,width,height in pixels; empty for all. With \
                   inference-region=roi-list: only regions of interest with their centre in it. While playing one that \
                   the frames do not have changes nothing but for a warning")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("mask-location")
            .nick("Mask location")
            .blurb("Picture that is white where frames are inspected and black where anything may be; it is stretched \
                   over the frame")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("significant-bits")
            .nick("Significant bits")
            .blurb("Of the 16 bits of GRAY16 frames, the lower ones that the camera uses (8 to 16). 0: as many as the \
                   pictures had that the model was trained on, which is all of them for one that is learned here")
            .maximum(16)
            .default_value(defaults.significant_bits)
            .mutable_ready()
            .build(),
        glib::ParamSpecFloat::builder("smoothing")
            .nick("Smoothing")
            .blurb("Weight of the frames before in score and map, from 0 (none) to below 1 (slow)")
            .minimum(0.0)
            .maximum(0.999)
            .default_value(defaults.frame.smoothing)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("min-area")
            .nick("Smallest area")
            .blurb("Regions of fewer pixels of the frame are not reported")
            .default_value(defaults.frame.min_area)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("max-regions")
            .nick("Most regions")
            .blurb("Only so many regions are reported, the largest ones")
            .maximum(10_000)
            .default_value(defaults.frame.max_regions)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("candidates")
            .nick("Candidates")
            .blurb("Also show the regions of frames below the threshold, for tuning: with overlay=regions their corners \
                   are drawn, and the metadata has them as candidates")
            .default_value(defaults.frame.candidates)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("attach-map")
            .nick("Attach map")
            .blurb("Put the anomaly map in the metadata as well")
            .default_value(defaults.frame.attach_map)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("watch-drift")
            .nick("Watch drift")
            .blurb("Tell when the last 50 inspected frames no longer look like the pictures that the model was calibrated \
                   with (light, focus, place, compression): igd-drift messages, and drift in the metadata. For streams \
                   with a frame or few a part, as frames of one part alone look like no set of parts; a model that does \
                   not tell drift tells nothing")
            .default_value(defaults.frame.watch_drift)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("overlay-method", defaults.overlay_method)
            .nick("Overlay method")
            .blurb("Whether the overlay is blended into the frames or attached for an element after this one to draw")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("model-instance-id")
            .nick("Model instance ID")
            .blurb("Elements of this process with the same ID share one model and one queue of frames; only one of \
                   them has to name the model")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("batch-size")
            .nick("Batch size")
            .blurb("Pictures of all elements that share the model to infer together")
            .minimum(1)
            .maximum(1024)
            .default_value(defaults.batch_size)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("batch-timeout")
            .nick("Batch timeout")
            .blurb("How long a picture waits for others to be inferred with it, in milliseconds")
            .maximum(10_000)
            .default_value(defaults.batch_timeout)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("learn-frames")
            .nick("Learn frames")
            .blurb("Without a model: learn one from so many inspected frames, which are taken for normal; the last \
                   fifth of them sets the threshold. 0: never, but the signal learn, which then takes 300")
            .maximum(1_000_000)
            .default_value(defaults.learn_frames)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("learn-location")
            .nick("Learn location")
            .blurb("File that a learned model is saved to")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Since the start: frames, inferred, learned, skipped (passed with an earlier result or none), late \
                   (skipped because downstream was late) and anomalous frames; mean-latency and last-latency of the \
                   inferred ones, in milliseconds; drift, how far the last 50 of them are from the pictures that \
                   calibrated, of the limit, and 0 where it is not known; fps, frames a second over the last second")
            .read_only()
            .build(),
    ]
}

impl Settings {
    /// Takes over a property's value. Fails for a text that is no region, which is kept and refused at the start.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> Result<(), OddRegion> {
        let frame = &mut self.frame;
        match name {
            "model" => read(&mut self.model, value),
            "device" => {
                let mut device = None::<String>;
                read(&mut device, value);
                self.device = device.unwrap_or_else(|| DEFAULT_DEVICE.into());
            }
            "precision" => read(&mut self.precision, value),
            "threshold" => read(&mut frame.threshold, value),
            "overlay" => read(&mut frame.overlay, value),
            "opacity" => read(&mut frame.opacity, value),
            "colormap" => read(&mut frame.colormap, value),
            "inference-interval" => read(&mut frame.inference_interval, value),
            "messages" => read(&mut frame.messages, value),
            "inference-mode" => read(&mut frame.inference_mode, value),
            "inference-region" => read(&mut frame.inspection.kind, value),
            "region" => {
                read(&mut self.region, value);
                frame.inspection.region = parse_region(self.region.as_deref().unwrap_or_default())?;
            }
            "mask-location" => read(&mut self.mask_location, value),
            "significant-bits" => read(&mut self.significant_bits, value),
            "smoothing" => read(&mut frame.smoothing, value),
            "min-area" => read(&mut frame.min_area, value),
            "max-regions" => read(&mut frame.max_regions, value),
            "candidates" => read(&mut frame.candidates, value),
            "attach-map" => read(&mut frame.attach_map, value),
            "watch-drift" => read(&mut frame.watch_drift, value),
            "overlay-method" => read(&mut self.overlay_method, value),
            "model-instance-id" => read(&mut self.model_instance_id, value),
            "batch-size" => read(&mut self.batch_size, value),
            "batch-timeout" => read(&mut self.batch_timeout, value),
            "learn-frames" => read(&mut self.learn_frames, value),
            "learn-location" => read(&mut self.learn_location, value),
            _ => {}
        }
        Ok(())
    }

    /// A property's value; `None` for one that is not kept here.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let frame = &self.frame;
        Some(match name {
            "model" => self.model.to_value(),
            "device" => self.device.to_value(),
            "precision" => self.precision.to_value(),
            "threshold" => frame.threshold.to_value(),
            "overlay" => frame.overlay.to_value(),
            "opacity" => frame.opacity.to_value(),
            "colormap" => frame.colormap.to_value(),
            "inference-interval" => frame.inference_interval.to_value(),
            "messages" => frame.messages.to_value(),
            "inference-mode" => frame.inference_mode.to_value(),
            "inference-region" => frame.inspection.kind.to_value(),
            "region" => self.region.to_value(),
            "mask-location" => self.mask_location.to_value(),
            "significant-bits" => self.significant_bits.to_value(),
            "smoothing" => frame.smoothing.to_value(),
            "min-area" => frame.min_area.to_value(),
            "max-regions" => frame.max_regions.to_value(),
            "candidates" => frame.candidates.to_value(),
            "attach-map" => frame.attach_map.to_value(),
            "watch-drift" => frame.watch_drift.to_value(),
            "overlay-method" => self.overlay_method.to_value(),
            "model-instance-id" => self.model_instance_id.to_value(),
            "batch-size" => self.batch_size.to_value(),
            "batch-timeout" => self.batch_timeout.to_value(),
            "learn-frames" => self.learn_frames.to_value(),
            "learn-location" => self.learn_location.to_value(),
            _ => return None,
        })
    }
}

/// GObject has checked the type.
fn read<T: for<'a> FromValue<'a>>(setting: &mut T, value: &glib::Value) {
    if let Ok(value) = value.get() {
        *setting = value;
    }
}
