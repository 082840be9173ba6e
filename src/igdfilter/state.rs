//! What is there from start to stop, and what is done for a frame.

use std::path::Path;
use std::time::{Duration, Instant};

use gst_video::VideoFrameRef;
use tch::{Device, Kind};

use super::lesson::{Lesson, Saving, Step};
use super::settings::{DEFAULT_THRESHOLD, FrameSettings};
use super::{Messages, Overlay};
use crate::meta::{AnomalyMeta, LearnedMessage, attach};
use crate::model::{DenseConfig, Detection, Detector, ModelError, Precision};
use crate::train::dense::LearnError;
use crate::video::{FrameReader, Painter};

/// Frames below this, in either direction, say nothing about a picture of the network's size.
const SMALLEST_SIDE: u32 = 16;

/// All memory that a frame needs is kept here for the next one.
pub struct State {
    /// One of the two is there at least; while there is a lesson, nothing is inspected.
    detector: Option<Detector>,
    lesson: Option<Lesson>,
    target: (Device, Kind),
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
#[derive(Debug)]
pub enum Outcome {
    /// It passed with the result of an earlier one, or with none.
    Passed,
    Inferred {
        /// How long the frame was kept.
        latency: Duration,
        message_due: bool,
    },
    /// It was taken for normal.
    Learned,
    /// It was not, since it shows nothing; the first such frame is news.
    Blank { is_news: bool },
    /// It was the last one to learn from.
    Taught(Box<LearnedMessage>, Option<Box<Saving>>),
    /// Nothing could be learned, and the model before goes on.
    GaveUp(LearnError),
}

/// An error of learning in a message.
pub fn learn_text(error: &LearnError) -> String {
    format!("cannot learn a model: {error}")
}

/// The same as GStreamer's error.
pub fn learn_error(error: &LearnError) -> gst::ErrorMessage {
    let kind = match error {
        LearnError::TooFewFrames(_) => gst::ResourceError::Settings,
        _ => gst::ResourceError::Failed,
    };
    gst::error_msg!(kind, ("{}", learn_text(error)), ["{error:?}"])
}

impl State {
    /// With a model from a file.
    pub fn open(
        path: &Path,
        device: Device,
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
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let target = detector.target();
        Ok(Self {
            result: AnomalyMeta {
                model: name.into_owned(),
                ..Default::default()
            },
            ..Self::new(Some(detector), None, target)
        })
    }

    /// With a lesson to begin with.
    pub fn learn_first(lesson: Lesson, target: (Device, Kind)) -> Self {
        Self::new(None, Some(lesson), target)
    }

    fn new(detector: Option<Detector>, lesson: Option<Lesson>, target: (Device, Kind)) -> Self {
        Self {
            detector,
            lesson,
            target,
            threshold: DEFAULT_THRESHOLD,
            video: None,
            refused: None,
            rgb: Vec::new(),
            detection: Detection::default(),
            result: AnomalyMeta::default(),
            has_result: false,
            reported: false,
        }
    }

    /// The model, if there is one yet.
    pub fn detector(&self) -> Option<&Detector> {
        self.detector.as_ref()
    }

    /// What a lesson is to be made for: where it runs, and the kind of model that is there.
    pub fn curriculum(&self) -> ((Device, Kind), DenseConfig) {
        let config = self.detector.as_ref().and_then(Detector::dense_config);
        (
            self.target,
            config.cloned().unwrap_or_else(DenseConfig::usual),
        )
    }

    /// What was found belongs to an earlier frame.
    pub fn result(&self) -> &AnomalyMeta {
        &self.result
    }

    /// A result must not be drawn on the frames of another place or video.
    pub fn forget_result(&mut self) {
        self.has_result = false;
    }

    /// From the next frame on.
    pub fn learn(&mut self, lesson: Lesson) {
        self.lesson = Some(lesson);
        self.has_result = false;
        if self.fit_reader().is_err() {
            // The next frame tells.
            self.video = None;
        }
    }

    /// The lesson's progress where it is not over, and whether a model goes on without it.
    pub fn unfinished(&self) -> Option<((usize, usize), bool)> {
        let lesson = self.lesson.as_ref()?;
        Some((lesson.progress(), self.detector.is_some()))
    }

    /// Prepares for frames of these caps; the answer to caps that were refused before is no news.
    pub fn set_video(
        &mut self,
        info: &gst_video::VideoInfo,
    ) -> (Result<(), gst::ErrorMessage>, bool) {
        let configured = self.configure(info);
        let refused = configured.is_err().then(|| info.clone());
        let is_news = refused != self.refused;
        self.refused = refused;
        (configured, is_news)
    }

    fn configure(&mut self, info: &gst_video::VideoInfo) -> Result<(), gst::ErrorMessage> {
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
        self.video = Some(Video {
            reader: self.reader(info)?,
            painter: Painter::new(info),
            info: info.clone(),
        });
        Ok(())
    }

    /// Another model or lesson may take pictures of another size.
    fn fit_reader(&mut self) -> Result<(), gst::ErrorMessage> {
        if let Some(info) = self.video.as_ref().map(|video| video.info.clone()) {
            let reader = self.reader(&info)?;
            if let Some(video) = &mut self.video {
                video.reader = reader;
            }
        }
        Ok(())
    }

    /// Reads frames at the size that the lesson, or else the model, takes; so is the memory for it.
    fn reader(&mut self, info: &gst_video::VideoInfo) -> Result<FrameReader, gst::ErrorMessage> {
        let size = match (&self.lesson, &self.detector) {
            (Some(lesson), _) => lesson.input_size(),
            (None, Some(detector)) => detector.input_size(),
            (None, None) => return Err(not_negotiated()),
        };
        self.rgb.resize(3 * size.0 * size.1, 0.0);
        FrameReader::new(info, size).map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Format,
                ("{err}: put a videoconvert before igdfilter")
            )
        })
    }

    /// Inspects a frame or learns from it, draws on it and attaches the result.
    pub fn process(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &FrameSettings,
    ) -> Result<Outcome, gst::ErrorMessage> {
        // A gap is a repetition or a filler: nothing to inspect, but the last result goes on, so that it does not flicker.
        let is_gap = buffer.flags().contains(gst::BufferFlags::GAP);
        if self.lesson.is_some() {
            return self.teach(buffer, settings, is_gap);
        }
        let start = Instant::now();
        let is_due =
            !self.has_result || self.result.age.saturating_add(1) >= settings.inference_interval;
        if is_due && !is_gap {
            self.infer(buffer, settings.threshold)?;
        } else if self.has_result {
            self.result.age = self.result.age.saturating_add(1);
        } else {
            return Ok(Outcome::Passed);
        }
        self.paint(buffer, settings)?;
        attach(&self.result, &self.detection.map, buffer).map_err(|err| {
            gst::error_msg!(
                gst::StreamError::Failed,
                ("cannot attach the result: {err}")
            )
        })?;
        if self.result.age > 0 {
            return Ok(Outcome::Passed);
        }
        let message_due = match settings.messages {
            Messages::None => false,
            Messages::Changes => self.result.anomalous != self.reported,
            Messages::All => true,
        };
        if message_due {
            self.reported = self.result.anomalous;
        }
        Ok(Outcome::Inferred {
            latency: start.elapsed(),
            message_due,
        })
    }

    /// Learns from a frame, if it is one that would be inspected.
    fn teach(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &FrameSettings,
        is_gap: bool,
    ) -> Result<Outcome, gst::ErrorMessage> {
        let Some(mut lesson) = self.lesson.take() else {
            return Ok(Outcome::Passed);
        };
        let is_due = !is_gap && lesson.is_due(settings.inference_interval);
        let step = if is_due {
            self.read(buffer)?;
            lesson.take(&self.rgb)
        } else {
            Ok(Step::Going)
        };
        let (done, all) = lesson.progress();
        let outcome = match step {
            Ok(Step::Going) => {
                self.lesson = Some(lesson);
                if is_due {
                    Outcome::Learned
                } else {
                    Outcome::Passed
                }
            }
            Ok(Step::Blank { is_news }) => {
                self.lesson = Some(lesson);
                Outcome::Blank { is_news }
            }
            Ok(Step::Done(lessons)) => {
                self.detector = Some(lessons.detector);
                self.threshold = DEFAULT_THRESHOLD;
                self.result.model = lessons.name;
                self.fit_reader()?;
                Outcome::Taught(Box::new(lessons.message), lessons.saving.map(Box::new))
            }
            Err(error) if self.detector.is_some() => {
                self.fit_reader()?;
                Outcome::GaveUp(error)
            }
            Err(error) => return Err(learn_error(&error)),
        };
        if !settings.overlay.is_empty() {
            let (mut frame, painter) = self.writable(buffer)?;
            painter.progress(&mut frame, done as f32 / all.max(1) as f32);
        }
        Ok(outcome)
    }

    /// Reads a frame into `self.rgb`.
    fn read(&mut self, buffer: &gst::BufferRef) -> Result<(), gst::ErrorMessage> {
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &video.info)
            .map_err(|_| unexpected_frame(buffer.size(), &video.info))?;
        video
            .reader
            .read(&frame, &mut self.rgb)
            .map_err(|_| unexpected_frame(buffer.size(), &video.info))
    }

    fn infer(&mut self, buffer: &gst::BufferRef, threshold: f32) -> Result<(), gst::ErrorMessage> {
        let start = Instant::now();
        self.read(buffer)?;
        let video = self.video.as_ref().ok_or_else(not_negotiated)?;
        let detector = self.detector.as_mut().ok_or_else(not_negotiated)?;
        if threshold != self.threshold {
            self.threshold = threshold;
            detector.set_threshold((threshold >= 0.0).then_some(threshold));
        }
        let size = (video.info.width(), video.info.height());
        // Should the inference fail, what is left in `detection` belongs to no frame.
        self.has_result = false;
        detector
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
        let detection = std::mem::take(&mut self.detection);
        let painted = self.writable(buffer).map(|(mut frame, painter)| {
            if draws_map {
                let (colormap, opacity) = (settings.colormap, settings.opacity);
                painter.heatmap(&mut frame, &detection.map, colormap, opacity);
            }
            if draws_regions {
                painter.boxes(&mut frame, &detection.regions);
            }
        });
        self.detection = detection;
        painted
    }

    /// The frame to draw on, and what draws.
    fn writable<'a>(
        &mut self,
        buffer: &'a mut gst::BufferRef,
    ) -> Result<(VideoFrameRef<&'a mut gst::BufferRef>, &mut Painter), gst::ErrorMessage> {
        let video = self.video.as_mut().ok_or_else(not_negotiated)?;
        let size = buffer.size();
        let frame = VideoFrameRef::from_buffer_ref_writable(buffer, &video.info)
            .map_err(|_| unexpected_frame(size, &video.info))?;
        Ok((frame, &mut video.painter))
    }
}

pub fn not_negotiated() -> gst::ErrorMessage {
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
