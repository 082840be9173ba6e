use std::env;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::VideoFrameRef;

use super::stats::Stats;
use super::{Messages, Overlay};
use crate::libtorch::{Choice, DeviceError, choose_device};
use crate::meta::{AnomalyMessage, AnomalyMeta, attach_regions_of_interest};
use crate::model::{Detection, Detector, ModelError, Precision};
use crate::video::{Colormap, FORMATS, FrameReader, Painter};

const DEFAULT_DEVICE: &str = "auto";
const DEFAULT_PRECISION: Precision = Precision::Auto;
/// A negative threshold stands for the model's own.
const DEFAULT_THRESHOLD: f32 = -1.0;
const DEFAULT_OVERLAY: Overlay = Overlay::HEATMAP;
const DEFAULT_OPACITY: f32 = 0.5;
const DEFAULT_COLORMAP: Colormap = Colormap::Turbo;
const DEFAULT_INFERENCE_INTERVAL: u32 = 1;
const DEFAULT_MESSAGES: Messages = Messages::Changes;

/// The model of elements that are not given one.
const MODEL_VARIABLE: &str = "IGD_MODEL";

/// Frames below this, in either direction, say nothing about a picture of the network's size.
const SMALLEST_SIDE: u32 = 16;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "igdfilter",
        gst::DebugColorFlags::empty(),
        Some("IGD visual anomaly detection"),
    )
});

#[derive(Debug, Clone)]
struct Settings {
    model: Option<PathBuf>,
    device: String,
    precision: Precision,
    frame: FrameSettings,
}

/// The settings that may change between two frames.
#[derive(Debug, Clone, Copy)]
struct FrameSettings {
    threshold: f32,
    overlay: Overlay,
    opacity: f32,
    colormap: Colormap,
    inference_interval: u32,
    messages: Messages,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            device: DEFAULT_DEVICE.into(),
            precision: DEFAULT_PRECISION,
            frame: FrameSettings {
                threshold: DEFAULT_THRESHOLD,
                overlay: DEFAULT_OVERLAY,
                opacity: DEFAULT_OPACITY,
                colormap: DEFAULT_COLORMAP,
                inference_interval: DEFAULT_INFERENCE_INTERVAL,
                messages: DEFAULT_MESSAGES,
            },
        }
    }
}

/// What is there from start to stop. All memory that a frame needs is kept here for the next one.
struct State {
    detector: Detector,
    threshold: f32,
    video: Option<Video>,
    /// Caps that have been answered with an error; sources may try them again and again.
    refused: Option<gst_video::VideoInfo>,
    /// The network's input, planar R, G, B.
    rgb: Vec<f32>,
    detection: Detection,
    result: AnomalyMeta,
    /// `detection` and `result` belong to an earlier frame of this video.
    has_result: bool,
    /// What the last message said.
    reported: bool,
}

/// What depends on the caps.
struct Video {
    info: gst_video::VideoInfo,
    reader: FrameReader,
    painter: Painter,
}

/// What has been done for a frame.
struct Outcome {
    /// How long the frame was kept, if it was inferred.
    latency: Option<Duration>,
    message_due: bool,
}

#[derive(Default)]
pub struct IgdFilter {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    /// Apart from the state, so that reading them never waits for an inference.
    stats: Mutex<Stats>,
}

/// A panic elsewhere has been reported as an element error; there is no need for a second one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Settings {
    fn model_path(&self) -> Result<PathBuf, gst::ErrorMessage> {
        let is_set = |path: &PathBuf| !path.as_os_str().is_empty();
        let path = self
            .model
            .clone()
            .filter(is_set)
            .or_else(|| {
                env::var_os(MODEL_VARIABLE)
                    .map(PathBuf::from)
                    .filter(is_set)
            })
            .ok_or_else(|| {
                gst::error_msg!(
                    gst::ResourceError::Settings,
                    ("no model: set model=FILE or {MODEL_VARIABLE}")
                )
            })?;
        if !path.exists() {
            return Err(gst::error_msg!(
                gst::ResourceError::NotFound,
                (
                    "there is no model {}: set model=FILE or {MODEL_VARIABLE} to a model that `igd train` has written",
                    path.display()
                )
            ));
        }
        Ok(path)
    }

    fn choose_device(&self) -> Result<Choice, gst::ErrorMessage> {
        choose_device(&self.device).map_err(|err| {
            let kind = match err {
                DeviceError::Unknown => gst::ResourceError::Settings,
                DeviceError::Unusable(_) | DeviceError::Missing { .. } => {
                    gst::ResourceError::NotFound
                }
            };
            gst::error_msg!(kind, ("device={}: {err}", self.device))
        })
    }
}

impl State {
    fn open(
        path: &Path,
        device: tch::Device,
        precision: Precision,
    ) -> Result<Self, gst::ErrorMessage> {
        let detector = Detector::open(path, device, precision).map_err(|err| match err {
            ModelError::Precision(err) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{err}"))
            }
            err => gst::error_msg!(
                gst::ResourceError::OpenRead,
                ("cannot use the model: {err}"),
                ["{err:?}"]
            ),
        })?;
        let (width, height) = detector.input_size();
        Ok(Self {
            detector,
            threshold: DEFAULT_THRESHOLD,
            video: None,
            refused: None,
            rgb: vec![0.0; 3 * width * height],
            detection: Detection::default(),
            result: AnomalyMeta {
                model: path
                    .file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                ..Default::default()
            },
            has_result: false,
            reported: false,
        })
    }

    fn set_video(&mut self, info: &gst_video::VideoInfo) -> Result<(), gst::ErrorMessage> {
        self.video = None;
        self.has_result = false;
        if info.width().min(info.height()) < SMALLEST_SIDE {
            return Err(gst::error_msg!(
                gst::StreamError::Format,
                (
                    "frames of {}x{} are too small: igdfilter needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE}",
                    info.width(),
                    info.height()
                )
            ));
        }
        let reader = FrameReader::new(info, self.detector.input_size()).map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Format,
                ("{err}: put a videoconvert before igdfilter")
            )
        })?;
        self.video = Some(Video {
            reader,
            painter: Painter::new(info),
            info: info.clone(),
        });
        Ok(())
    }

    /// Inspects a frame, draws on it and attaches the result.
    fn process(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &FrameSettings,
    ) -> Result<Outcome, gst::ErrorMessage> {
        let start = Instant::now();
        let mut outcome = Outcome {
            latency: None,
            message_due: false,
        };
        // A gap is a repetition or a filler: nothing to inspect, but the last result goes on, so that it does not flicker.
        let is_gap = buffer.flags().contains(gst::BufferFlags::GAP);
        let is_due =
            !self.has_result || self.result.age.saturating_add(1) >= settings.inference_interval;
        if is_due && !is_gap {
            self.infer(buffer, settings.threshold)?;
        } else if self.has_result {
            self.result.age = self.result.age.saturating_add(1);
        } else {
            return Ok(outcome);
        }
        self.paint(buffer, settings)?;
        self.result.attach(buffer).map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Failed,
                ("cannot attach the result: {err}")
            )
        })?;
        attach_regions_of_interest(&self.result, buffer);
        if self.result.age == 0 {
            outcome.latency = Some(start.elapsed());
            outcome.message_due = match settings.messages {
                Messages::None => false,
                Messages::Changes => self.result.anomalous != self.reported,
                Messages::All => true,
            };
            if outcome.message_due {
                self.reported = self.result.anomalous;
            }
        }
        Ok(outcome)
    }

    fn infer(&mut self, buffer: &gst::BufferRef, threshold: f32) -> Result<(), gst::ErrorMessage> {
        let start = Instant::now();
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        {
            let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &video.info)
                .map_err(|_| unexpected_frame(buffer.size(), &video.info))?;
            video
                .reader
                .read(&frame, &mut self.rgb)
                .map_err(|_| unexpected_frame(buffer.size(), &video.info))?;
        }
        if threshold != self.threshold {
            self.threshold = threshold;
            self.detector
                .set_threshold((threshold >= 0.0).then_some(threshold));
        }
        let size = (video.info.width(), video.info.height());
        // Should the inference fail, what is left in `detection` belongs to no frame.
        self.has_result = false;
        self.detector
            .detect(&self.rgb, size, &mut self.detection)
            .map_err(|err| {
                gst::error_msg!(
                    gst::StreamError::Failed,
                    ("cannot inspect the frame: {err}"),
                    ["{err:?}"]
                )
            })?;
        self.has_result = true;
        let inference_ms = start.elapsed().as_secs_f64() * 1e3;
        self.result.update(&self.detection, size, inference_ms);
        Ok(())
    }

    /// Maps the frame for writing only when there is something to draw: a buffer that others hold too would be copied for it.
    fn paint(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &FrameSettings,
    ) -> Result<(), gst::ErrorMessage> {
        let draws_map = settings.overlay.contains(Overlay::HEATMAP) && settings.opacity > 0.0;
        let draws_regions =
            settings.overlay.contains(Overlay::REGIONS) && !self.detection.regions.is_empty();
        if !draws_map && !draws_regions {
            return Ok(());
        }
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let size = buffer.size();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &video.info)
            .map_err(|_| unexpected_frame(size, &video.info))?;
        if draws_map {
            video.painter.heatmap(
                &mut frame,
                &self.detection.map,
                settings.colormap,
                settings.opacity,
            );
        }
        if draws_regions {
            video.painter.boxes(&mut frame, &self.detection.regions);
        }
        Ok(())
    }
}

fn not_negotiated() -> gst::ErrorMessage {
    gst::error_msg!(
        gst::CoreError::Negotiation,
        ("a frame came before the caps that describe it")
    )
}

fn unexpected_frame(size: usize, info: &gst_video::VideoInfo) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::StreamError::Format,
        (
            "a buffer of {size} bytes is not the {} frame of {}x{} that the caps promise",
            info.format(),
            info.width(),
            info.height()
        )
    )
}

impl IgdFilter {
    /// A result must not be drawn on the frames of another place or video.
    fn forget_result(&self) {
        if let Some(state) = lock(&self.state).as_mut() {
            state.has_result = false;
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for IgdFilter {
    const NAME: &'static str = "GstIgdFilter";
    type Type = super::IgdFilter;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for IgdFilter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let defaults = Settings::default();
            vec![
                glib::ParamSpecString::builder("model")
                    .nick("Model")
                    .blurb("Model file that `igd train` has written; the environment variable IGD_MODEL where this is not set")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("device")
                    .nick("Device")
                    .blurb("Where the model runs: cpu, cuda (the first GPU), cuda:N, or auto (a GPU where libtorch sees one). A GPU that is named and not there is an error")
                    .default_value(Some(defaults.device.as_str()))
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("precision", defaults.precision)
                    .nick("Precision")
                    .blurb("What the networks compute in; auto is bf16 where the hardware multiplies it faster and f32 elsewhere")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecFloat::builder("threshold")
                    .nick("Threshold")
                    .blurb("Raw score above which a frame is anomalous; -1: the one that the model was calibrated to")
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
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since the start: frames, inferred, skipped (passed with an earlier result or none) and anomalous frames; mean-latency and last-latency of the inferred ones, in milliseconds; fps, frames a second over the last second")
                    .read_only()
                    .build(),
            ]
        });

        PROPERTIES.as_ref()
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_gap_aware(true);
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        match pspec.name() {
            "model" => {
                settings.model = value
                    .get::<Option<PathBuf>>()
                    .expect("type checked upstream")
            }
            "device" => {
                settings.device = value
                    .get::<Option<String>>()
                    .expect("type checked upstream")
                    .unwrap_or_else(|| DEFAULT_DEVICE.into())
            }
            "precision" => settings.precision = value.get().expect("type checked upstream"),
            "threshold" => settings.frame.threshold = value.get().expect("type checked upstream"),
            "overlay" => settings.frame.overlay = value.get().expect("type checked upstream"),
            "opacity" => settings.frame.opacity = value.get().expect("type checked upstream"),
            "colormap" => settings.frame.colormap = value.get().expect("type checked upstream"),
            "inference-interval" => {
                settings.frame.inference_interval = value.get().expect("type checked upstream")
            }
            "messages" => settings.frame.messages = value.get().expect("type checked upstream"),
            _ => unimplemented!(),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return lock(&self.stats).to_structure().to_value();
        }
        let settings = lock(&self.settings);
        match pspec.name() {
            "model" => settings.model.to_value(),
            "device" => settings.device.to_value(),
            "precision" => settings.precision.to_value(),
            "threshold" => settings.frame.threshold.to_value(),
            "overlay" => settings.frame.overlay.to_value(),
            "opacity" => settings.frame.opacity.to_value(),
            "colormap" => settings.frame.colormap.to_value(),
            "inference-interval" => settings.frame.inference_interval.to_value(),
            "messages" => settings.frame.messages.to_value(),
            _ => unimplemented!(),
        }
    }
}

impl GstObjectImpl for IgdFilter {}

impl ElementImpl for IgdFilter {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static ELEMENT_METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "IGD anomaly filter",
                "Filter/Analyzer/Effect/Video",
                "Finds what does not belong in video with an Interpolated Gaussian Descriptor, draws it and attaches it as metadata",
                "The gst-igd authors",
            )
        });

        Some(&*ELEMENT_METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PAD_TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            // Sizes below the smallest are let in, so that they end in an error that says so and not in "not negotiated".
            let caps = gst_video::VideoCapsBuilder::new()
                .format_list(FORMATS)
                .build();
            let template = |name, direction| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
                    .expect("raw video caps make a pad template")
            };
            vec![
                template("src", gst::PadDirection::Src),
                template("sink", gst::PadDirection::Sink),
            ]
        });

        PAD_TEMPLATES.as_ref()
    }
}

impl BaseTransformImpl for IgdFilter {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let path = settings.model_path()?;
        let Choice { device, reason } = settings.choose_device()?;
        gst::info!(CAT, imp = self, "Running on {device:?}: {reason}");
        let state = State::open(&path, device, settings.precision)?;
        gst::info!(
            CAT,
            imp = self,
            "Opened {}, computing in {:?}",
            path.display(),
            state.detector.target().1
        );
        if settings.frame.threshold < 0.0 && !state.detector.threshold().is_finite() {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                (
                    "{} has no threshold, so that no frame will be anomalous: run `igd calibrate` or set threshold",
                    path.display()
                )
            );
        }
        *lock(&self.stats) = Stats::default();
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        gst::info!(CAT, imp = self, "Stopped");
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "Cannot read the caps {incaps}"))?;
        gst::debug!(CAT, imp = self, "Configuring for {incaps}");
        let (configured, is_news) = match lock(&self.state).as_mut() {
            Some(state) => {
                let configured = state.set_video(&info);
                let refused = configured.is_err().then_some(info);
                let is_news = refused != state.refused;
                state.refused = refused;
                (configured, is_news)
            }
            None => (Err(not_negotiated()), true),
        };
        configured.map_err(|error| {
            if is_news {
                self.post_error_message(error);
            }
            gst::loggable_error!(CAT, "Cannot inspect {incaps}")
        })
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStop(_) | gst::EventView::StreamStart(_) => self.forget_result(),
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = lock(&self.settings).frame;
        // Nothing to see in it: markers of some sources, and gaps.
        if buffer.size() == 0 {
            gst::log!(CAT, imp = self, "Empty buffer");
            return Ok(gst::FlowSuccess::Ok);
        }
        let processed = match lock(&self.state).as_mut() {
            Some(state) => state.process(buffer, &settings).map(|outcome| {
                let message = outcome
                    .message_due
                    .then(|| AnomalyMessage::new(&state.result, buffer, &self.obj().segment()));
                (outcome.latency, state.result.anomalous, message)
            }),
            None => Err(not_negotiated()),
        };
        let (latency, anomalous, message) = processed.map_err(|error| {
            self.post_error_message(error);
            gst::FlowError::Error
        })?;
        let now = Instant::now();
        match latency {
            Some(latency) => lock(&self.stats).infer(now, latency, anomalous),
            None => lock(&self.stats).skip(now),
        }
        gst::log!(
            CAT,
            imp = self,
            "Frame at {:?}: inferred in {latency:?}",
            buffer.pts()
        );
        if let Some(message) = message {
            let obj = self.obj();
            let message = gst::message::Element::builder(gst::Structure::from(&message))
                .src(&*obj)
                .build();
            // Without a bus there is nobody to tell.
            let _ = obj.post_message(message);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
