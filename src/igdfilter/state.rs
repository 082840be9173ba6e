//! What is there from start to stop, and what is done for a frame.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst_video::VideoFrameRef;
use image::GrayImage;

use super::canvas::{Canvas, Found};
use super::drift::DriftWatch;
use super::engine::{Batching, Engine, Instance, Mailbox, Reply, no_thread};
use super::lesson::{Lesson, Progress, Saving, Step};
use super::marks::JudgedPicture;
use super::refusal::{learn_error, not_negotiated, unexpected_frame};
use super::settings::{FrameSettings, Inspection};
use super::views::{NothingToInspect, View, Views};
use super::{InferenceMode, Messages};
use crate::meta::{
    AnomalyMessage, AnomalyMeta, AttachedMap, DriftMessage, FrameTimes, LearnedMessage,
    ObjectResult, PartMap, attach,
};
use crate::video::Area;
use igd::model::{Detection, InputPicture, Postprocessor, Region};
use igd::train::dense::LearnError;

/// What an element starts with.
pub struct Start {
    pub instance: Arc<Instance>,
    /// Where the instance has no model yet.
    pub lesson: Option<Lesson>,
    /// For a model that is learned.
    pub batching: Batching,
    /// White where frames are inspected.
    pub mask: Option<GrayImage>,
    /// Of samples of 16 bits, those that the user says are used.
    pub significant_bits: Option<u32>,
    pub mailbox: Arc<Mailbox>,
    /// Where the picture goes that was judged last.
    pub judged: Arc<Mutex<JudgedPicture>>,
    /// The element's name in results.
    pub element: String,
}

/// All memory that a frame needs is kept here for the next one.
pub struct State {
    instance: Arc<Instance>,
    /// The instance's model as of the last frame, and what judges its numbers for this stream.
    model: Option<(Arc<Engine>, Postprocessor)>,
    /// Where the model tells drift.
    drift: Option<DriftWatch>,
    /// While there is one, nothing is inspected.
    lesson: Option<Lesson>,
    batching: Batching,
    mask: Option<GrayImage>,
    significant_bits: Option<u32>,
    video: Option<Video>,
    /// Caps that have been answered with an error; sources may try them again and again.
    refused: Option<gst_video::VideoInfo>,
    mailbox: Arc<Mailbox>,
    judged: Arc<Mutex<JudgedPicture>>,
    /// The frame whose pictures are with the model.
    pending: Option<PendingFrame>,
    /// Memory for a picture to learn from.
    lesson_rgb: Vec<f32>,
    /// Memory for the parts of a frame.
    views: Vec<View>,
    /// What is inspected: the last that the user has asked for and that these frames have.
    inspection: Option<Inspection>,
    /// What the user asks for and these frames do not have, where that has been told of.
    refused_inspection: Option<Inspection>,
    /// Frames since the start.
    frames: u64,
    /// The number of the last frame that was handed in.
    handed_in: Option<u64>,
    /// What is drawn: each inspected part of the last inferred frame, in pixels of the frame.
    detections: Vec<(Area, Detection)>,
    result: AnomalyMeta,
    /// The number of the frame that `detections` and `result` belong to.
    inferred: Option<u64>,
    /// What the last message said.
    reported: bool,
    /// What the last message of drift said.
    reported_drift: bool,
}

/// What depends on the caps.
struct Video {
    info: gst_video::VideoInfo,
    composes: bool,
    views: Views,
    canvas: Canvas,
}

/// A frame of which parts are being inferred.
struct PendingFrame {
    number: u64,
    times: FrameTimes,
    views: Vec<View>,
    since: Instant,
}

/// What has been done for a frame.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The result of an earlier frame, which has come meanwhile.
    pub earlier: Option<Inferred>,
    /// The frame's own result.
    pub own: Option<Inferred>,
    /// What the user asks for now and these frames do not have.
    pub refused: Option<NothingToInspect>,
    /// Where it has no region of interest after an anomalous one: that there is nothing any more.
    pub gone: Option<AnomalyMessage>,
    /// It was not inferred because downstream was late.
    pub late: bool,
    pub lesson: Option<LessonOutcome>,
}

impl Outcome {
    /// The results that have come, in the order of their frames.
    pub fn results(&self) -> impl Iterator<Item = &Inferred> {
        self.earlier.iter().chain(&self.own)
    }
}

/// What has become of a frame that was to be inspected.
enum HandedIn {
    /// It is with the model.
    Pending,
    /// It has no region of interest.
    Nothing,
    /// It waited for memory, and the element is being flushed.
    Flushing,
}

/// A result.
#[derive(Debug)]
pub struct Inferred {
    /// From the frame's arrival to its result.
    pub latency: Duration,
    pub anomalous: bool,
    pub message: Option<AnomalyMessage>,
    /// How far the frames of late have drifted.
    pub drift: Option<f32>,
    /// They have drifted with this one, or do so no longer.
    pub drift_message: Option<DriftMessage>,
}

/// What has come of a frame in a lesson.
#[derive(Debug)]
pub enum LessonOutcome {
    /// It was taken for normal.
    Learned,
    /// It was not, since it shows nothing; the first such frame is news.
    Blank { is_news: bool },
    /// It was the last one, and there is a model.
    Finished(Box<LearnedMessage>, Option<Box<Saving>>),
    /// Nothing could be learned, and the model before goes on.
    Failed(LearnError),
}

/// A lesson that is not over.
#[derive(Debug)]
pub struct UnfinishedLesson {
    pub progress: Progress,
    /// There is a model without it.
    pub has_model: bool,
}

/// Caps that frames cannot have.
#[derive(Debug)]
pub struct RefusedVideo {
    pub error: gst::ErrorMessage,
    /// They were not refused just before: sources may try them again and again.
    pub is_news: bool,
}

/// Why nothing was done for a frame.
#[derive(Debug)]
pub enum Stop {
    /// The element is being flushed or stopped.
    Flushing,
    Error(gst::ErrorMessage),
}

impl From<gst::ErrorMessage> for Stop {
    fn from(error: gst::ErrorMessage) -> Self {
        Self::Error(error)
    }
}

/// A frame as it passes.
pub struct FrameContext<'a> {
    pub settings: &'a FrameSettings,
    pub segment: &'a gst::Segment,
    /// Downstream needs frames sooner than they come.
    pub is_late: bool,
}

impl State {
    pub fn new(start: Start) -> Self {
        let mut state = Self {
            instance: start.instance,
            model: None,
            drift: None,
            lesson: start.lesson,
            batching: start.batching,
            mask: start.mask,
            significant_bits: start.significant_bits,
            video: None,
            refused: None,
            mailbox: start.mailbox,
            judged: start.judged,
            pending: None,
            lesson_rgb: Vec::new(),
            views: Vec::new(),
            inspection: None,
            refused_inspection: None,
            frames: 0,
            handed_in: None,
            detections: Vec::new(),
            result: AnomalyMeta {
                element: start.element,
                ..AnomalyMeta::default()
            },
            inferred: None,
            reported: false,
            reported_drift: false,
        };
        state.forget_result();
        state.follow();
        state
    }

    /// The model that frames are handed in to, if there is one yet.
    pub fn engine(&self) -> Option<&Engine> {
        self.model.as_ref().map(|(engine, _)| &**engine)
    }

    /// A result must not be drawn on the frames of another place or video.
    pub fn forget_result(&mut self) {
        self.inferred = None;
        self.handed_in = None;
        self.pending = None;
        self.mailbox.forget();
        if let Some((_, postprocessor)) = &mut self.model {
            postprocessor.forget();
        }
        self.forget_drift();
    }

    fn forget_drift(&mut self) {
        self.result.drift = None;
        if let Some(drift) = &mut self.drift {
            drift.forget();
        }
    }

    /// From the next frame on.
    pub fn begin_lesson(&mut self, lesson: Lesson) {
        self.lesson = Some(lesson);
        self.forget_result();
        self.fit_views();
    }

    pub fn unfinished_lesson(&self) -> Option<UnfinishedLesson> {
        let lesson = self.lesson.as_ref()?;
        Some(UnfinishedLesson {
            progress: lesson.progress(),
            has_model: self.model.is_some(),
        })
    }

    /// Takes over the instance's model if it is another one than for the last frame.
    fn follow(&mut self) {
        let Some(engine) = self.instance.engine() else {
            return;
        };
        let is_known = |(known, _): &(Arc<Engine>, Postprocessor)| Arc::ptr_eq(known, &engine);
        if self.model.as_ref().is_some_and(is_known) {
            return;
        }
        self.result.model = engine.name().to_owned();
        let postprocessor = engine.postprocessor();
        self.drift = engine.drift().map(DriftWatch::new);
        self.model = Some((engine, postprocessor));
        self.lesson = None;
        self.forget_result();
        self.fit_views();
    }

    /// Prepares for frames of these caps, which carry compositions or are drawn on.
    pub fn set_video(
        &mut self,
        info: &gst_video::VideoInfo,
        composes: bool,
        settings: &FrameSettings,
    ) -> Result<(), RefusedVideo> {
        let configured = self.configure(info, composes, settings);
        let refused = configured.is_err().then(|| info.clone());
        let is_news = refused != self.refused;
        self.refused = refused;
        configured.map_err(|error| RefusedVideo { error, is_news })
    }

    fn configure(
        &mut self,
        info: &gst_video::VideoInfo,
        composes: bool,
        settings: &FrameSettings,
    ) -> Result<(), gst::ErrorMessage> {
        self.video = None;
        self.forget_result();
        self.follow();
        let mut views = self.views(info)?;
        let asked = settings.inspection;
        if let Err(error) = views.check(asked) {
            // One that was refused while playing is known to the user, and the one before goes on if it can.
            let is_known = self.refused_inspection == Some(asked);
            let goes_on = |before| is_known && views.check(before).is_ok();
            if !self.inspection.is_some_and(goes_on) {
                return Err(error.into());
            }
        } else {
            self.inspection = Some(asked);
            self.refused_inspection = None;
        }
        self.video = Some(Video {
            views,
            canvas: Canvas::new(info, self.significant_bits(), composes),
            info: info.clone(),
            composes,
        });
        Ok(())
    }

    /// Takes over what the user asks for from this frame on. Where the frames have no such part the one before goes
    /// on, and the first time the reason is returned.
    fn choose_inspection(&mut self, asked: Inspection) -> Option<NothingToInspect> {
        if self.inspection == Some(asked) {
            self.refused_inspection = None;
            return None;
        }
        let video = self.video.as_mut()?;
        if self.refused_inspection == Some(asked) {
            return None;
        }
        let checked = video.views.check(asked);
        match checked {
            Ok(()) => {
                self.inspection = Some(asked);
                self.refused_inspection = None;
            }
            Err(_) => self.refused_inspection = Some(asked),
        }
        checked.err()
    }

    /// Another model or lesson may take pictures of another size or depth.
    fn fit_views(&mut self) {
        let Some(info) = self.video.as_ref().map(|video| video.info.clone()) else {
            return;
        };
        let significant_bits = self.significant_bits();
        match (self.views(&info), &mut self.video) {
            (Ok(views), Some(video)) => {
                video.views = views;
                video.canvas = Canvas::new(&info, significant_bits, video.composes);
            }
            // The next frame tells.
            _ => self.video = None,
        }
    }

    /// Reads frames at the size that the lesson, or else the model, takes.
    fn views(&self, info: &gst_video::VideoInfo) -> Result<Views, gst::ErrorMessage> {
        let size = match (&self.lesson, &self.model) {
            (Some(lesson), _) => lesson.input_size(),
            (None, Some((engine, _))) => engine.input_size(),
            (None, None) => return Err(not_negotiated()),
        };
        Views::new(info, self.significant_bits(), size, self.mask.clone())
    }

    /// Of samples of 16 bits, those that are used: as the user says, or else the model; `None` for all.
    fn significant_bits(&self) -> Option<u32> {
        let models = self.engine().and_then(Engine::significant_bits);
        self.significant_bits.or(models)
    }

    /// Inspects a frame or learns from it, draws on it and attaches the result.
    pub fn process(
        &mut self,
        buffer: &mut gst::BufferRef,
        context: &FrameContext<'_>,
    ) -> Result<Outcome, Stop> {
        self.follow();
        self.frames += 1;
        // A gap is a repetition or a filler: nothing to inspect, but the last result goes on, so that it does not
        // flicker.
        let is_gap = buffer.flags().contains(gst::BufferFlags::GAP);
        let mut outcome = Outcome {
            refused: self.choose_inspection(context.settings.inspection),
            ..Outcome::default()
        };
        if self.lesson.is_some() {
            outcome.lesson = self.learn_from(buffer, context, is_gap)?;
            return Ok(outcome);
        }
        let is_sync = context.settings.inference_mode == InferenceMode::Sync;
        let reply = if is_sync && self.pending.is_some() {
            // It was another mode until now. This frame is to have its own result.
            Some(self.mailbox.wait().ok_or(Stop::Flushing)?)
        } else {
            self.mailbox.take()
        };
        if let Some(reply) = reply {
            outcome.earlier = self.finish(reply, context.settings)?;
        }
        let interval = u64::from(context.settings.inference_interval);
        let is_due = !is_gap
            && self.pending.is_none()
            && self
                .handed_in
                .is_none_or(|number| self.frames - number >= interval);
        if is_due && context.is_late {
            outcome.late = true;
        } else if is_due {
            match self.hand_in(buffer, context)? {
                HandedIn::Pending if is_sync => {
                    let reply = self.mailbox.wait().ok_or(Stop::Flushing)?;
                    outcome.own = self.finish(reply, context.settings)?;
                }
                HandedIn::Pending => {}
                HandedIn::Nothing => return self.pass_without_objects(buffer, context, outcome),
                HandedIn::Flushing => return Err(Stop::Flushing),
            }
        }
        self.draw_result(buffer, context, &outcome)?;
        Ok(outcome)
    }

    /// A frame without a region of interest: what was found in those before is not in it. It carries nothing but a
    /// result that has only just come, and that no other frame would carry.
    fn pass_without_objects(
        &mut self,
        buffer: &mut gst::BufferRef,
        context: &FrameContext<'_>,
        mut outcome: Outcome,
    ) -> Result<Outcome, Stop> {
        if outcome.earlier.is_some() {
            self.draw_result(buffer, context, &outcome)?;
        }
        self.inferred = None;
        if self.reported && context.settings.messages == Messages::Changes {
            self.reported = false;
            let threshold = self.result.threshold;
            let times = FrameTimes::new(buffer, context.segment);
            outcome.gone = Some(AnomalyMessage::nothing(threshold, times));
        }
        Ok(outcome)
    }

    /// Draws the last result on a frame and attaches it.
    fn draw_result(
        &mut self,
        buffer: &mut gst::BufferRef,
        context: &FrameContext<'_>,
        outcome: &Outcome,
    ) -> Result<(), gst::ErrorMessage> {
        let Some(number) = self.inferred else {
            return Ok(());
        };
        self.result.age = u32::try_from(self.frames - number).unwrap_or(u32::MAX);
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let found = Found {
            detections: &self.detections,
            regions: &self.result.regions,
            candidates: &self.result.candidates,
            is_new: outcome.results().next().is_some(),
        };
        video.canvas.draw(buffer, &found, context.settings)?;
        let maps = self.detections.iter();
        let maps = maps.map(|(area, detection)| PartMap {
            area: *area,
            map: &detection.map,
            anomalous: detection.anomalous,
        });
        attach(&self.result, maps, buffer).map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Failed,
                ("cannot attach the result: {err}")
            )
        })
    }

    /// Reads what is to be inspected of a frame and gives it to the model.
    fn hand_in(
        &mut self,
        buffer: &gst::BufferRef,
        context: &FrameContext<'_>,
    ) -> Result<HandedIn, gst::ErrorMessage> {
        let since = Instant::now();
        let views = self.look(buffer)?;
        if views.is_empty() {
            self.views = views;
            return Ok(HandedIn::Nothing);
        }
        let (engine, _) = self.model.as_ref().ok_or_else(not_negotiated)?;
        let lent = match context.settings.inference_mode {
            InferenceMode::Sync => engine.lend(views.len(), &self.mailbox),
            InferenceMode::Latest => Some(engine.lend_now(views.len())),
        };
        let Some(mut pictures) = lent else {
            self.views = views;
            return Ok(HandedIn::Flushing);
        };
        for (view, picture) in views.iter().zip(pictures.iter_mut()) {
            self.read(buffer, view.area, &mut picture.rgb)?;
        }
        let (engine, postprocessor) = self.model.as_mut().ok_or_else(not_negotiated)?;
        for (view, picture) in views.iter().zip(pictures.iter_mut()) {
            postprocessor.set_mask(view.mask.clone());
            postprocessor.prepare(&mut picture.rgb);
        }
        self.pending = Some(PendingFrame {
            number: self.frames,
            times: FrameTimes::new(buffer, context.segment),
            views,
            since,
        });
        self.handed_in = Some(self.frames);
        engine.submit(pictures, &self.mailbox);
        Ok(HandedIn::Pending)
    }

    /// The parts of a frame that are to be inspected, in memory that was lent from `self.views`.
    fn look(&mut self, buffer: &gst::BufferRef) -> Result<Vec<View>, gst::ErrorMessage> {
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let inspection = self.inspection.ok_or_else(not_negotiated)?;
        let mut views = std::mem::take(&mut self.views);
        video.views.list(buffer, inspection, &mut views)?;
        Ok(views)
    }

    /// Takes a frame's result over.
    fn finish(
        &mut self,
        reply: Reply,
        settings: &FrameSettings,
    ) -> Result<Option<Inferred>, gst::ErrorMessage> {
        let Some(pending) = self.pending.take() else {
            return Ok(None);
        };
        let Reply {
            mut pictures,
            inferred,
            inference,
        } = reply;
        // Should the inference have failed, what was found before belongs to no frame.
        self.inferred = None;
        inferred.map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Failed,
                ("cannot inspect the frame: {err}"),
                ["{err:?}"]
            )
        })?;
        self.conclude(&pending, &pictures, settings)?;
        self.watch(&pending, &pictures, settings.watch_drift);
        self.keep_judged(&mut pictures);
        self.result.inference_ms = inference.as_secs_f64() * 1e3;
        self.inferred = Some(pending.number);
        let anomalous = self.result.anomalous;
        let message_due = match settings.messages {
            Messages::None => false,
            Messages::Changes => anomalous != self.reported,
            Messages::All => true,
        };
        if message_due {
            self.reported = anomalous;
        }
        let message = message_due.then(|| AnomalyMessage::new(&self.result, pending.times));
        let drift = self.drift.as_ref().filter(|drift| {
            let is_news = drift.has_drifted() != self.reported_drift;
            // Of another model it is only known after a while.
            is_news && drift.level().is_some() && settings.messages != Messages::None
        });
        let drift_message = drift.map(|drift| DriftMessage {
            drifted: drift.has_drifted(),
            drift: drift.level().unwrap_or_default(),
            times: pending.times,
        });
        if let Some(message) = &drift_message {
            self.reported_drift = message.drifted;
        }
        self.views = pending.views;
        Ok(Some(Inferred {
            latency: pending.since.elapsed(),
            anomalous,
            message,
            drift: self.result.drift,
            drift_message,
        }))
    }

    /// Follows the drift of frames that are inspected as one picture, all of it, if it shall be.
    fn watch(&mut self, pending: &PendingFrame, pictures: &[InputPicture], is_asked: bool) {
        match (&mut self.drift, &pending.views[..], pictures) {
            (Some(drift), [view], [picture])
                if is_asked && view.object.is_none() && view.mask.is_none() =>
            {
                drift.push(&picture.raw.pooled);
                self.result.drift = drift.level();
            }
            _ => self.forget_drift(),
        }
    }

    /// Keeps the worst picture of a frame, should the user want to mark it.
    fn keep_judged(&self, pictures: &mut [InputPicture]) {
        let parts = pictures.iter_mut().zip(&self.detections);
        let worst =
            parts.max_by(|(_, (_, one)), (_, (_, other))| one.score.total_cmp(&other.score));
        if let Some((picture, (_, detection))) = worst {
            let size = (detection.map.width, detection.map.height);
            let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
            judged.take(&mut picture.rgb, size, detection.score);
        }
    }

    /// Makes `detections` and `result` of the raw numbers.
    fn conclude(
        &mut self,
        pending: &PendingFrame,
        pictures: &[InputPicture],
        settings: &FrameSettings,
    ) -> Result<(), gst::ErrorMessage> {
        let video = self.video.as_ref().ok_or_else(not_negotiated)?;
        let (_, postprocessor) = self.model.as_mut().ok_or_else(not_negotiated)?;
        let (width, height) = (video.info.width(), video.info.height());
        postprocessor.set_threshold((settings.threshold >= 0.0).then_some(settings.threshold));
        postprocessor.set_region_limits(settings.min_area, settings.max_regions as usize);
        postprocessor.set_candidates(settings.candidates);
        // Objects come and go.
        let is_whole = pending.views.iter().all(|view| view.object.is_none());
        postprocessor.set_smoothing(if is_whole { settings.smoothing } else { 0.0 });
        let before = self.detections.first().map(|(area, _)| *area);
        if before != pending.views.first().map(|view| view.area) {
            // What was in another part has nothing to do with this one.
            postprocessor.forget();
            if let Some(drift) = &mut self.drift {
                drift.forget();
            }
        }
        self.detections
            .resize_with(pictures.len(), Default::default);
        let parts = pending.views.iter().zip(pictures);
        for ((view, picture), (area, detection)) in parts.zip(&mut self.detections) {
            *area = view.area;
            postprocessor.set_mask(view.mask.clone());
            postprocessor.finish(&picture.raw, (area.w, area.h), detection);
            let candidates = detection.candidates.iter_mut();
            for region in detection.regions.iter_mut().chain(candidates) {
                region.x += area.x;
                region.y += area.y;
            }
        }
        let worst = self
            .detections
            .iter()
            .max_by(|(_, one), (_, other)| one.score.total_cmp(&other.score));
        let Some((area, worst)) = worst else {
            return Ok(());
        };
        let result = &mut self.result;
        result.update(worst, (width, height));
        result.objects.clear();
        result.inspected = None;
        result.map = None;
        let map = |detection: &Detection| {
            settings.attach_map.then(|| {
                let map = &detection.map;
                AttachedMap::new(map.width as u32, map.height as u32, &map.values)
            })
        };
        if is_whole {
            let is_part = *area != Area::whole(&video.info);
            result.inspected = is_part.then_some(*area);
            result.map = map(worst);
            return Ok(());
        }
        let objects = pending.views.iter().zip(&self.detections);
        result
            .objects
            .extend(objects.filter_map(|(view, (area, detection))| {
                let object = view.object.as_ref()?;
                Some(ObjectResult {
                    id: object.id,
                    kind: object.kind.clone(),
                    area: *area,
                    score: detection.score,
                    normalized: detection.normalized,
                    anomalous: detection.anomalous,
                    regions: detection.regions.clone(),
                    map: map(detection),
                })
            }));
        let detections = || self.detections.iter().map(|(_, detection)| detection);
        result.regions = largest_first(detections().flat_map(|detection| &detection.regions));
        result.candidates = largest_first(detections().flat_map(|detection| &detection.candidates));
        Ok(())
    }

    /// Learns from a frame, if it is one that would be inspected.
    fn learn_from(
        &mut self,
        buffer: &mut gst::BufferRef,
        context: &FrameContext<'_>,
        is_gap: bool,
    ) -> Result<Option<LessonOutcome>, gst::ErrorMessage> {
        let settings = context.settings;
        let Some(mut lesson) = self.lesson.take() else {
            return Ok(None);
        };
        let is_due = !is_gap && lesson.is_due(settings.inference_interval);
        let step = if is_due {
            self.learn_views(buffer, &mut lesson)?
        } else {
            Ok(Step::Learned)
        };
        let progress = lesson.progress();
        let come_to = match step {
            Ok(Step::Learned) => {
                self.lesson = Some(lesson);
                is_due.then_some(LessonOutcome::Learned)
            }
            Ok(Step::Blank { is_news }) => {
                self.lesson = Some(lesson);
                Some(LessonOutcome::Blank { is_news })
            }
            Ok(Step::Finished(model)) => {
                let engine = Engine::new(model.detector, model.name, self.batching)
                    .map_err(|err| no_thread(&err))?;
                self.instance.replace(engine, None);
                self.follow();
                let saving = model.saving.map(Box::new);
                Some(LessonOutcome::Finished(Box::new(model.message), saving))
            }
            Err(error) if self.model.is_some() => {
                self.fit_views();
                Some(LessonOutcome::Failed(error))
            }
            Err(error) => return Err(learn_error(&error)),
        };
        if !settings.overlay.is_empty() {
            let video = self.video.as_mut().ok_or_else(not_negotiated)?;
            let share = progress.learned as f32 / progress.all.max(1) as f32;
            video.canvas.draw_progress(buffer, share)?;
        }
        Ok(come_to)
    }

    /// Learns from each part of a frame that would be inspected, until the lesson has enough.
    fn learn_views(
        &mut self,
        buffer: &gst::BufferRef,
        lesson: &mut Lesson,
    ) -> Result<Result<Step, LearnError>, gst::ErrorMessage> {
        let views = self.look(buffer)?;
        let mut rgb = std::mem::take(&mut self.lesson_rgb);
        let mut step = Ok(Step::Learned);
        for view in &views {
            self.read(buffer, view.area, &mut rgb)?;
            lesson.set_mask(view.mask.clone());
            step = lesson.learn(&rgb);
            if !matches!(step, Ok(Step::Learned)) {
                break;
            }
        }
        self.lesson_rgb = rgb;
        self.views = views;
        Ok(step)
    }

    /// Reads a part of a frame.
    fn read(
        &mut self,
        buffer: &gst::BufferRef,
        area: Area,
        rgb: &mut Vec<f32>,
    ) -> Result<(), gst::ErrorMessage> {
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &video.info)
            .map_err(|_| unexpected_frame(buffer.size(), &video.info))?;
        video.views.read(&frame, area, rgb)
    }
}

fn largest_first<'a>(regions: impl Iterator<Item = &'a Region>) -> Vec<Region> {
    let mut regions: Vec<_> = regions.copied().collect();
    regions.sort_by_key(|region| std::cmp::Reverse(region.area));
    regions
}
