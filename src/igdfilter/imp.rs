use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use image::GrayImage;
use tch::{Device, Kind};

use super::caps;
use super::engine::{Engine, Instance, Mailbox, Target};
use super::lesson::{Lesson, Progress, Saving};
use super::marks::{JudgedPicture, folder_of};
use super::pace::{Latency, Lateness};
use super::properties::properties;
use super::refusal::{Refusal, learn_error, learn_text, not_negotiated};
use super::settings::{LEARN_FRAMES, Settings};
use super::state::{FrameContext, LessonOutcome, Outcome, RefusedVideo, Start, State, Stop};
use super::stats::Stats;
use super::{InferenceMode, OverlayMethod};
use crate::meta::MarkedMessage;
use igd::files::check_writable;
use igd::libtorch::{Choice, Work};
use igd::model::{DenseConfig, MaskError, Precision, read_mask};
use igd::train::dense::LearnError;

/// How long stopping waits for the inference that is under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the first answer to a latency query may wait for an inference to be measured: the pipeline's state change
/// waits too.
const MEASURING: Duration = Duration::from_millis(500);

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "igdfilter",
        gst::DebugColorFlags::empty(),
        Some("IGD visual anomaly detection"),
    )
});

/// Where two locks are held at a time, they were taken in this order.
#[derive(Default)]
pub struct IgdFilter {
    /// Locked for as long as a frame is worked on, its inference included.
    state: Mutex<Option<State>>,
    /// As all that follows locked for a moment only, so that queries, signals and properties do not wait for a frame.
    running: Mutex<Running>,
    settings: Mutex<Settings>,
    stats: Mutex<Stats>,
    latency: Mutex<Latency>,
    lateness: Mutex<Lateness>,
    mailbox: Arc<Mailbox>,
    /// The picture that was judged last.
    judged: Arc<Mutex<JudgedPicture>>,
}

/// What there is from start to stop that a frame does not need.
#[derive(Default)]
struct Running {
    model: Option<RunningModel>,
    /// What the signal `learn` has asked for.
    lesson: Option<Lesson>,
    /// A learned model that is being written.
    saving: Option<JoinHandle<()>>,
    /// A marked picture that is being written, after those before it.
    marking: Option<JoinHandle<()>>,
    /// A model that is being opened to replace the one that is there. Returns what `model` says then. Nobody waits for
    /// it but the next one: disks may hang.
    opening: Option<JoinHandle<Option<PathBuf>>>,
}

/// Where the model is, and what one that replaces it runs on.
#[derive(Clone)]
struct RunningModel {
    instance: Arc<Instance>,
    target: Target,
}

/// A panic elsewhere has been reported as an element error; there is no need for a second one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IgdFilter {
    /// The instance that the settings name, with a model.
    fn instance(&self, settings: &Settings, device: Device) -> Result<Arc<Instance>, Refusal> {
        let batching = settings.batching();
        let open = |path: &Path| {
            Engine::open(path, device, settings.precision.into(), batching)
                .map(|engine| Instance::new(engine, path.to_owned()))
        };
        let instance = match settings.instance_id() {
            // Others may have opened the model; without one of its own the element takes theirs.
            Some(id) => {
                let named = settings.named_model();
                Instance::share(id, named, batching, || open(&settings.model_path()?))?
            }
            None => Arc::new(open(&settings.model_path()?)?),
        };
        if let Some(engine) = instance.engine() {
            gst::info!(
                CAT,
                imp = self,
                "Running {} in {:?}",
                engine.name(),
                engine.target().kind
            );
            if settings.frame.threshold < 0.0 && !engine.is_calibrated() {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Settings,
                    (
                        "{} has no threshold, so that no frame will be anomalous: run `igd calibrate` or set threshold",
                        engine.name()
                    )
                );
            }
        }
        Ok(instance)
    }

    fn choose_device(&self, settings: &Settings) -> Result<Device, gst::ErrorMessage> {
        let Choice { device, reason } = settings.choose_device()?;
        gst::info!(CAT, imp = self, "Running on {device:?}: {reason}");
        Ok(device)
    }

    /// The lesson that the settings ask for, and what it runs on.
    fn first_lesson(
        &self,
        settings: &Settings,
        device: Device,
    ) -> Result<(Lesson, Target), gst::ErrorMessage> {
        if let Some(id) = settings.instance_id() {
            return Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("learn-frames without a model cannot be combined with model-instance-id={id}: learn in one element \
                 with learn-location, then share that model")
            ));
        }
        let kind = Precision::from(settings.precision)
            .on(device)
            .map_err(|err| gst::error_msg!(gst::ResourceError::Settings, ("{err}")))?;
        let location = settings.learn_location();
        if let Some(location) = &location {
            check_writable(location).map_err(|err| {
                gst::error_msg!(gst::ResourceError::OpenWrite, ("learn-location: {err}"))
            })?;
        }
        let (frames, config) = (settings.learn_frames, DenseConfig::usual());
        let target = Target { device, kind };
        let bits = settings.significant_bits();
        let lesson =
            Lesson::new(frames, config, bits, location, target).map_err(|err| learn_error(&err))?;
        Ok((lesson, target))
    }

    /// The signal `learn`: whether a lesson begins with the next frame.
    fn learn(&self) -> bool {
        let Some(RunningModel { instance, target }) = lock(&self.running).model.clone() else {
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
        // A model of the kind that is there.
        let engine = instance.engine();
        let config = engine.as_ref().and_then(|engine| engine.dense_config());
        let config = config.cloned().unwrap_or_else(DenseConfig::usual);
        // The bits that the model before goes by are still those of the frames.
        let models = engine.as_ref().and_then(|engine| engine.significant_bits());
        let bits = settings.significant_bits().or(models);
        match Lesson::new(frames, config, bits, settings.learn_location(), target) {
            Ok(lesson) => {
                lock(&self.running).lesson = Some(lesson);
                true
            }
            Err(error) => {
                self.warn(&learn_text(&error));
                false
            }
        }
    }

    /// The signal `mark`: whether the picture that was judged last is being stored.
    fn mark(&self, good: bool) -> bool {
        let mut running = lock(&self.running);
        let Some(model) = running.model.clone() else {
            gst::warning!(CAT, imp = self, "Cannot mark before the element is started");
            return false;
        };
        let judged = lock(&self.judged).clone();
        if judged.rgb.is_empty() {
            gst::warning!(CAT, imp = self, "No frame has been judged yet");
            return false;
        }
        let path = model.instance.path();
        let Some(path) = path.or_else(|| lock(&self.settings).learn_location()) else {
            drop(running);
            self.warn("the picture is not stored, since the model has no file: set learn-location");
            return false;
        };
        let element = self.obj().downgrade();
        let earlier = running.marking.take();
        let writer = thread::Builder::new().name("igd-mark".to_owned());
        let marking = writer.spawn(move || {
            // One after the other, so that the last word on a picture holds.
            let _ = earlier.map(JoinHandle::join);
            let written = judged.write(&folder_of(&path), good);
            let Some(element) = element.upgrade() else {
                return;
            };
            match written {
                Ok(location) => {
                    let message = MarkedMessage {
                        good,
                        location: location.display().to_string(),
                        score: judged.score,
                    };
                    element.imp().post(gst::Structure::from(&message));
                }
                Err(error) => gst::element_warning!(
                    element,
                    gst::ResourceError::Write,
                    ("the marked picture is not stored: {error}")
                ),
            }
        });
        match marking {
            Ok(marking) => {
                running.marking = Some(marking);
                true
            }
            Err(error) => {
                drop(running);
                self.warn(&format!("the marked picture is not stored: {error}"));
                false
            }
        }
    }

    /// The property `model` has been set: in a running element the model takes over as soon as it is open.
    fn replace_model(&self, before: Option<PathBuf>) {
        // Locked until the thread is there: one opens after the other, so that the last one wins.
        let mut running = lock(&self.running);
        let Some(RunningModel { instance, target }) = running.model.clone() else {
            return;
        };
        let settings = lock(&self.settings).clone();
        let element = self.obj().downgrade();
        let opener = thread::Builder::new().name("igd-open".to_owned());
        let earlier = running.opening.take();
        let expected = settings.named_model().map(|path| instance.expect(path));
        let instance = Arc::downgrade(&instance);
        let opening = opener.spawn(move || {
            // What was set before may have been refused meanwhile.
            let before = match earlier.map(JoinHandle::join) {
                Some(Ok(earlier)) => earlier,
                _ => before,
            };
            // A process that ends needs no other model.
            let Some(work) = Work::begin() else {
                return before;
            };
            let opened = settings.model_path().and_then(|path| {
                let engine = Engine::open(
                    &path,
                    target.device,
                    settings.precision.into(),
                    settings.batching(),
                )?;
                Ok((path, engine))
            });
            drop(work);
            // None: it has been stopped meanwhile, and others do not share the model.
            let instance = instance.upgrade();
            let model = match opened {
                Ok((path, engine)) => {
                    if let Some(instance) = &instance {
                        instance.replace(engine, Some(path));
                    }
                    settings.model
                }
                Err(refusal) => {
                    if let Some(element) = element.upgrade().filter(|_| instance.is_some()) {
                        let before = before.clone();
                        element.imp().keep_model(settings.model, before, &refusal);
                    }
                    before
                }
            };
            if let (Some(instance), Some(expected)) = (instance, expected) {
                instance.no_longer_expect(&expected);
            }
            model
        });
        let opening = opening.map(|opening| running.opening = Some(opening));
        drop(running);
        if let Err(error) = opening {
            self.warn(&format!("the model stays as it is: {error}"));
        }
    }

    /// A model could not be opened: the one `before` goes on.
    fn keep_model(&self, refused: Option<PathBuf>, before: Option<PathBuf>, refusal: &Refusal) {
        let is_named = {
            let mut settings = lock(&self.settings);
            let is_named = settings.model == refused;
            if is_named {
                settings.model = before;
            }
            is_named
        };
        if is_named {
            self.obj().notify("model");
        }
        gst::element_imp_warning!(
            self,
            gst::ResourceError::OpenRead,
            ("the model before goes on: {refusal}")
        );
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
            Ok(writer) => lock(&self.running).saving = Some(writer),
            Err(error) => gst::element_imp_warning!(
                self,
                gst::ResourceError::Write,
                ("the learned model is not saved: {error}")
            ),
        }
    }

    /// Waits until a learned model is written, so that whoever stops at the end of the stream has been told if it could
    /// not be.
    fn end_saving(&self) {
        let saving = lock(&self.running).saving.take();
        // It has told of its errors.
        let _ = saving.map(JoinHandle::join);
    }

    /// What has come of a frame.
    fn report(&self, mut outcome: Outcome) {
        {
            let mut stats = lock(&self.stats);
            stats.frame(Instant::now());
            for result in outcome.results() {
                stats.infer(result.latency, result.anomalous, result.drift);
            }
            if outcome.late {
                stats.skip_late();
            }
            if matches!(
                &outcome.lesson,
                Some(LessonOutcome::Learned | LessonOutcome::Finished(..))
            ) {
                stats.learn();
            }
        }
        if let Some(reason) = &outcome.refused {
            self.warn(&format!("the region before goes on: {reason}"));
        }
        match outcome.lesson.take() {
            None | Some(LessonOutcome::Learned | LessonOutcome::Blank { is_news: false }) => {}
            Some(LessonOutcome::Blank { is_news: true }) => self.warn(&format!(
                "{}, and is not learned, nor are others like it: is the camera covered?",
                LearnError::Blank
            )),
            Some(LessonOutcome::Failed(error)) => self.warn(&learn_text(&error)),
            Some(LessonOutcome::Finished(learned, saving)) => {
                self.post(gst::Structure::from(&*learned));
                if let Some(saving) = saving {
                    self.save(*saving);
                }
            }
        }
        let messages = outcome
            .results()
            .filter_map(|result| result.message.as_ref());
        for message in messages.chain(&outcome.gone) {
            self.post(gst::Structure::from(message));
        }
        for result in outcome.results() {
            if let Some(message) = &result.drift_message {
                self.post(gst::Structure::from(message));
            }
        }
    }

    /// A frame that came at `start` goes on.
    fn note_latency(&self, start: Instant) {
        let now = Instant::now();
        let kept = now.saturating_duration_since(start);
        if lock(&self.latency).note(kept, now) {
            let obj = self.obj();
            // Without a bus there is nobody to tell.
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }

    /// Adds what this element delays frames by.
    fn answer_latency(&self, query: &mut gst::query::Latency) -> bool {
        if !self.obj().sink_pad().peer_query(query) {
            return false;
        }
        let (is_live, min, max) = query.result();
        let mode = lock(&self.settings).frame.inference_mode;
        let is_known = lock(&self.latency).is_known();
        if is_live && mode == InferenceMode::Sync && !is_known {
            let model = lock(&self.running).model.clone();
            let engine = model.and_then(|model| model.instance.engine());
            if let Some(engine) = engine {
                // Where it takes longer, the first frames tell how much.
                let time = engine.measure(MEASURING).unwrap_or(MEASURING);
                lock(&self.latency).guess(time);
            }
        }
        let own = lock(&self.latency).tell();
        let own = gst::ClockTime::try_from(own).unwrap_or_default();
        gst::debug!(CAT, imp = self, "Latency of {own} beside {min} upstream");
        query.set(is_live, min + own, max.map(|max| max + own));
        true
    }

    /// The mask that the settings name.
    fn mask(&self, settings: &Settings) -> Result<Option<GrayImage>, gst::ErrorMessage> {
        let Some(path) = settings.mask_location() else {
            return Ok(None);
        };
        let picture = read_mask(path).map_err(|err| {
            let kind = match err {
                MaskError::Read { .. } => gst::ResourceError::OpenRead,
                MaskError::Black(_) => gst::ResourceError::Settings,
            };
            gst::error_msg!(kind, ("mask-location: {err}"))
        })?;
        Ok(Some(picture))
    }

    /// Nothing of what was before goes on.
    fn begin_stream(&self) {
        *lock(&self.lateness) = Lateness::default();
        if let Some(state) = lock(&self.state).as_mut() {
            state.forget_result();
        }
    }

    /// A lesson that ends with the stream has come to nothing.
    fn end_lesson(&self) {
        self.begin_lesson();
        let unfinished = lock(&self.state)
            .as_ref()
            .and_then(State::unfinished_lesson);
        let Some(unfinished) = unfinished else {
            return;
        };
        let Progress { learned, all } = unfinished.progress;
        let text = format!(
            "cannot learn a model: the stream ended after {learned} of {all} frames; lower learn-frames or show it more"
        );
        if unfinished.has_model {
            self.warn(&text);
        } else {
            self.post_error_message(gst::error_msg!(gst::ResourceError::Failed, ("{text}")));
        }
    }

    /// Takes up what the signal `learn` has asked for.
    fn begin_lesson(&self) {
        let lesson = lock(&self.running).lesson.take();
        if let (Some(lesson), Some(state)) = (lesson, lock(&self.state).as_mut()) {
            state.begin_lesson(lesson);
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
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);

        PROPERTIES.as_ref()
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            // Learns anew from the next learn-frames frames, and then inspects with what was learned. Returns whether
            // it does.
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
                // Stores the picture that was judged last as a good one (true) or a defect (false). Returns whether it
                // does; the message igd-marked tells when it is stored.
                glib::subclass::Signal::builder("mark")
                    .action()
                    .param_types([bool::static_type()])
                    .return_type::<bool>()
                    .class_handler(|args| {
                        let element = args[0].get::<super::IgdFilter>();
                        let good = args[1].get::<bool>();
                        let marked = element
                            .ok()
                            .zip(good.ok())
                            .is_some_and(|(element, good)| element.imp().mark(good));
                        Some(marked.to_value())
                    })
                    .build(),
            ]
        });

        SIGNALS.as_ref()
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        element.set_gap_aware(true);
        // As the elements of GStreamer that heed it.
        element.set_qos(true);
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let (model, set) = {
            let mut settings = lock(&self.settings);
            (settings.model.clone(), settings.set(pspec.name(), value))
        };
        if let Err(error) = set
            && lock(&self.running).model.is_some()
        {
            self.warn(&error.to_string());
        }
        if pspec.name() == "model" {
            self.replace_model(model);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let setting = lock(&self.settings).get(pspec.name());
        setting.unwrap_or_else(|| lock(&self.stats).to_structure().to_value())
    }
}

impl GstObjectImpl for IgdFilter {}

impl ElementImpl for IgdFilter {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static ELEMENT_METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "IGD anomaly filter",
                "Filter/Analyzer/Effect/Video",
                "Finds what does not belong in video with an Interpolated Gaussian Descriptor, draws it and attaches \
                it as metadata",
                "The gst-igd authors",
            )
        });

        Some(&*ELEMENT_METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PAD_TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = caps::template();
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

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.mailbox.resume(),
            // The pads wait for the frame that is being worked on; it must not wait for its inference.
            gst::StateChange::PausedToReady => self.mailbox.interrupt(),
            _ => {}
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for IgdFilter {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        settings
            .check_region()
            .map_err(|err| gst::error_msg!(gst::ResourceError::Settings, ("{err}")))?;
        let mask = self.mask(&settings)?;
        let (instance, lesson, target) = if settings.learns_first() {
            let device = self.choose_device(&settings)?;
            let (lesson, target) = self.first_lesson(&settings, device)?;
            (Arc::default(), Some(lesson), target)
        } else {
            // Before the device: a missing model is the commoner mistake.
            if settings.instance_id().is_none() {
                settings.model_path()?;
            }
            let device = self.choose_device(&settings)?;
            let instance = self.instance(&settings, device)?;
            let engine = instance.engine();
            let unknown = Target {
                device,
                kind: Kind::Float,
            };
            let target = engine.map_or(unknown, |engine| engine.target());
            (instance, None, target)
        };
        *lock(&self.stats) = Stats::default();
        *lock(&self.latency) = Latency::default();
        *lock(&self.lateness) = Lateness::default();
        let model = RunningModel {
            instance: instance.clone(),
            target,
        };
        lock(&self.running).model = Some(model);
        let state = State::new(Start {
            instance,
            lesson,
            batching: settings.batching(),
            mask,
            significant_bits: settings.significant_bits(),
            mailbox: self.mailbox.clone(),
            judged: self.judged.clone(),
            element: self.obj().name().into(),
        });
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let state = lock(&self.state).take();
        let running = std::mem::take(&mut *lock(&self.running));
        let latest = running.model.and_then(|model| model.instance.engine());
        let engines = [state.as_ref().and_then(State::engine), latest.as_deref()];
        let ends = engines.map(|engine| engine.map(Engine::end));
        drop((state, latest));
        // An inference that hangs must not hang who stops it.
        let deadline = Instant::now() + PATIENCE;
        for end in ends.into_iter().flatten() {
            end.wait(deadline);
        }
        // It has told of its errors.
        let _ = running.saving.map(JoinHandle::join);
        let _ = running.marking.map(JoinHandle::join);
        *lock(&self.judged) = JudgedPicture::default();
        gst::info!(CAT, imp = self, "Stopped");
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "Cannot read the caps {incaps}"))?;
        let settings = lock(&self.settings).clone();
        let composes =
            caps::has_composition(outcaps) && settings.overlay_method != OverlayMethod::Blend;
        gst::debug!(
            CAT,
            imp = self,
            "Configuring for {incaps}, composing: {composes}"
        );
        let configured = match lock(&self.state).as_mut() {
            Some(state) => state.set_video(&info, composes, &settings.frame),
            None => Err(RefusedVideo {
                error: not_negotiated(),
                is_news: true,
            }),
        };
        configured.map_err(|refused| {
            if refused.is_news {
                self.post_error_message(refused.error);
            }
            gst::loggable_error!(CAT, "Cannot inspect {incaps}")
        })
    }

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let method = lock(&self.settings).overlay_method;
        let other = caps::other_side(direction, caps, method);
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        })
    }

    fn fixate_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        othercaps: gst::Caps,
    ) -> gst::Caps {
        let method = lock(&self.settings).overlay_method;
        let othercaps = match direction {
            gst::PadDirection::Sink => caps::choose(othercaps, method, self.obj().src_pad()),
            _ => othercaps,
        };
        self.parent_fixate_caps(direction, caps, othercaps)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(query) if direction == gst::PadDirection::Src => {
                self.answer_latency(query)
            }
            _ => BaseTransformImplExt::parent_query(self, direction, query),
        }
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            // Comes while a frame may be waiting.
            gst::EventView::FlushStart(_) => self.mailbox.interrupt(),
            gst::EventView::FlushStop(_) => {
                self.mailbox.resume();
                self.begin_stream();
            }
            gst::EventView::StreamStart(_) => self.begin_stream(),
            gst::EventView::Eos(_) => {
                self.end_lesson();
                self.end_saving();
            }
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        let gst::EventView::Qos(qos) = event.view() else {
            return self.parent_src_event(event);
        };
        let (_, _, jitter, timestamp) = qos.get();
        lock(&self.lateness).take(timestamp, jitter);
        // Past the base class, which would drop late frames.
        self.obj().sink_pad().push_event(event)
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
        let start = Instant::now();
        self.begin_lesson();
        let segment = self.obj().segment();
        let is_late = self.obj().is_qos() && {
            let segment = segment.downcast_ref::<gst::ClockTime>();
            let running_time = segment.and_then(|segment| segment.to_running_time(buffer.pts()));
            lock(&self.lateness).concerns(running_time)
        };
        let context = FrameContext {
            settings: &settings,
            segment: &segment,
            is_late,
        };
        let processed = match lock(&self.state).as_mut() {
            Some(state) => state.process(buffer, &context),
            None => Err(not_negotiated().into()),
        };
        match processed {
            Ok(outcome) => {
                gst::log!(CAT, imp = self, "Frame at {:?}: {outcome:?}", buffer.pts());
                // A step of a lesson may take long, and is none of the delay that there will be.
                if outcome.lesson.is_none() {
                    self.note_latency(start);
                }
                self.report(outcome);
                Ok(gst::FlowSuccess::Ok)
            }
            Err(Stop::Flushing) => Err(gst::FlowError::Flushing),
            Err(Stop::Error(error)) => {
                self.post_error_message(error);
                Err(gst::FlowError::Error)
            }
        }
    }
}
