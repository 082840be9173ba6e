use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::Overlay;
use super::lesson::{Lesson, Saving};
use super::settings::{DEFAULT_DEVICE, LEARN_FRAMES, Settings};
use super::state::{Outcome, State, learn_error, learn_text, not_negotiated};
use super::stats::Stats;
use crate::libtorch::Choice;
use crate::meta::AnomalyMessage;
use crate::model::{DenseConfig, check_writable};
use crate::train::dense::LearnError;
use crate::video::FORMATS;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "igdfilter",
        gst::DebugColorFlags::empty(),
        Some("IGD visual anomaly detection"),
    )
});

#[derive(Default)]
pub struct IgdFilter {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    /// Apart from the state, so that reading them never waits for an inference.
    stats: Mutex<Stats>,
    /// A learned model that is being written.
    saving: Mutex<Option<JoinHandle<()>>>,
}

/// A panic elsewhere has been reported as an element error; there is no need for a second one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IgdFilter {
    /// With the model that the settings name.
    fn open(&self, settings: &Settings) -> Result<State, gst::ErrorMessage> {
        // Before the device: a missing model is the commoner mistake.
        let path = settings.model_path()?;
        let device = self.choose_device(settings)?;
        let state = State::open(&path, device, settings.precision)?;
        let Some(detector) = state.detector() else {
            return Ok(state);
        };
        gst::info!(
            CAT,
            imp = self,
            "Opened {}, computing in {:?}",
            path.display(),
            detector.target().1
        );
        if settings.frame.threshold < 0.0 && !detector.threshold().is_finite() {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                (
                    "{} has no threshold, so that no frame will be anomalous: run `igd calibrate` or set threshold",
                    path.display()
                )
            );
        }
        Ok(state)
    }

    fn choose_device(&self, settings: &Settings) -> Result<tch::Device, gst::ErrorMessage> {
        let Choice { device, reason } = settings.choose_device()?;
        gst::info!(CAT, imp = self, "Running on {device:?}: {reason}");
        Ok(device)
    }

    /// With the lesson that the settings ask for.
    fn learn_first(&self, settings: &Settings) -> Result<State, gst::ErrorMessage> {
        let device = self.choose_device(settings)?;
        let kind = settings
            .precision
            .on(device)
            .map_err(|err| gst::error_msg!(gst::ResourceError::Settings, ("{err}")))?;
        let location = settings.learn_location();
        if let Some(location) = &location {
            check_writable(location).map_err(|err| {
                gst::error_msg!(gst::ResourceError::OpenWrite, ("learn-location: {err}"))
            })?;
        }
        let (frames, config) = (settings.learn_frames, DenseConfig::usual());
        let lesson = Lesson::new(frames, config, location, (device, kind))
            .map_err(|err| learn_error(&err))?;
        Ok(State::learn_first(lesson, (device, kind)))
    }

    /// The signal `learn`: whether a lesson begins with the next frame.
    fn learn(&self) -> bool {
        let Some((target, config)) = lock(&self.state).as_ref().map(State::curriculum) else {
            gst::warning!(
                CAT,
                imp = self,
                "Cannot learn before the element is started"
            );
            return false;
        };
        let settings = lock(&self.settings).clone();
        let frames = match settings.learn_frames {
            0 => LEARN_FRAMES,
            frames => frames,
        };
        // Not under the lock: frames go on meanwhile.
        let lesson = Lesson::new(frames, config, settings.learn_location(), target);
        match (lesson, lock(&self.state).as_mut()) {
            (Ok(lesson), Some(state)) => {
                state.learn(lesson);
                true
            }
            (Ok(_), None) => false,
            (Err(error), _) => {
                self.warn(&learn_text(&error));
                false
            }
        }
    }

    /// For what the stream survives.
    fn warn(&self, text: &str) {
        gst::element_imp_warning!(self, gst::ResourceError::Failed, ("{text}"));
    }

    /// Writes a learned model beside the stream.
    fn save(&self, saving: Saving) {
        let element = self.obj().downgrade();
        let writer = thread::Builder::new().name("igd-save".to_owned());
        let written = writer.spawn(move || {
            let saved = saving.run();
            if let (Err(error), Some(element)) = (saved, element.upgrade()) {
                gst::element_warning!(
                    element,
                    gst::ResourceError::Write,
                    ("the learned model is not saved: {error}")
                );
            }
        });
        match written {
            Ok(writer) => *lock(&self.saving) = Some(writer),
            Err(error) => gst::element_imp_warning!(
                self,
                gst::ResourceError::Write,
                ("the learned model is not saved: {error}")
            ),
        }
    }

    /// A lesson that ends with the stream has come to nothing.
    fn end_lesson(&self) {
        let unfinished = lock(&self.state).as_ref().and_then(State::unfinished);
        let Some(((done, all), goes_on)) = unfinished else {
            return;
        };
        let text = format!(
            "cannot learn a model: the stream ended after {done} of {all} frames; lower learn-frames or show it more"
        );
        if goes_on {
            self.warn(&text);
        } else {
            self.post_error_message(gst::error_msg!(gst::ResourceError::Failed, ("{text}")));
        }
    }

    fn post(&self, structure: gst::Structure) {
        let obj = self.obj();
        let message = gst::message::Element::builder(structure).src(&*obj).build();
        // Without a bus there is nobody to tell.
        let _ = obj.post_message(message);
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
                    .blurb("Model file that `igd train` has written; the environment variable IGD_MODEL where neither this nor learn-frames is set")
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
                glib::ParamSpecUInt::builder("learn-frames")
                    .nick("Learn frames")
                    .blurb("Without a model: learn one from so many inspected frames, which are taken for normal; the last fifth of them sets the threshold. 0: never, but the signal learn, which then takes 300")
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
                    .blurb("Since the start: frames, inferred, learned, skipped (passed with an earlier result or none) and anomalous frames; mean-latency and last-latency of the inferred ones, in milliseconds; fps, frames a second over the last second")
                    .read_only()
                    .build(),
            ]
        });

        PROPERTIES.as_ref()
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            // Learns anew from the next learn-frames frames, and then inspects with what was learned. Returns whether it does.
            vec![
                glib::subclass::Signal::builder("learn")
                    .action()
                    .return_type::<bool>()
                    .class_handler(|args| {
                        let element = args[0].get::<super::IgdFilter>();
                        Some(
                            element
                                .is_ok_and(|element| element.imp().learn())
                                .to_value(),
                        )
                    })
                    .build(),
            ]
        });

        SIGNALS.as_ref()
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
            "learn-frames" => settings.learn_frames = value.get().expect("type checked upstream"),
            "learn-location" => {
                settings.learn_location = value
                    .get::<Option<PathBuf>>()
                    .expect("type checked upstream")
            }
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
            "learn-frames" => settings.learn_frames.to_value(),
            "learn-location" => settings.learn_location.to_value(),
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
        let state = if settings.learns_first() {
            self.learn_first(&settings)?
        } else {
            self.open(&settings)?
        };
        *lock(&self.stats) = Stats::default();
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        let writer = lock(&self.saving).take();
        // It has told of its errors.
        let _ = writer.map(JoinHandle::join);
        gst::info!(CAT, imp = self, "Stopped");
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "Cannot read the caps {incaps}"))?;
        gst::debug!(CAT, imp = self, "Configuring for {incaps}");
        let (configured, is_news) = match lock(&self.state).as_mut() {
            Some(state) => state.set_video(&info),
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
            gst::EventView::FlushStop(_) | gst::EventView::StreamStart(_) => {
                if let Some(state) = lock(&self.state).as_mut() {
                    state.forget_result();
                }
            }
            gst::EventView::Eos(_) => self.end_lesson(),
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
                let message = match outcome {
                    Outcome::Inferred {
                        message_due: true, ..
                    } => {
                        let segment = self.obj().segment();
                        Some(AnomalyMessage::new(state.result(), buffer, &segment))
                    }
                    _ => None,
                };
                (outcome, state.result().anomalous, message)
            }),
            None => Err(not_negotiated()),
        };
        let (outcome, anomalous, message) = processed.map_err(|error| {
            self.post_error_message(error);
            gst::FlowError::Error
        })?;
        let now = Instant::now();
        gst::log!(CAT, imp = self, "Frame at {:?}: {outcome:?}", buffer.pts());
        {
            let mut stats = lock(&self.stats);
            match &outcome {
                Outcome::Inferred { latency, .. } => stats.infer(now, *latency, anomalous),
                Outcome::Learned | Outcome::Taught(..) => stats.learn(now),
                Outcome::Passed | Outcome::Blank { .. } | Outcome::GaveUp(_) => stats.skip(now),
            }
        }
        match outcome {
            Outcome::Passed
            | Outcome::Inferred { .. }
            | Outcome::Learned
            | Outcome::Blank { is_news: false } => {}
            Outcome::Blank { is_news: true } => self.warn(&format!(
                "{}, and is not learned, nor are others like it: is the camera covered?",
                LearnError::Blank
            )),
            Outcome::GaveUp(error) => self.warn(&learn_text(&error)),
            Outcome::Taught(learned, saving) => {
                self.post(gst::Structure::from(&*learned));
                if let Some(saving) = saving {
                    self.save(*saving);
                }
            }
        }
        if let Some(message) = message {
            self.post(gst::Structure::from(&message));
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
