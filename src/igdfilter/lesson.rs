//! Learning a model from the frames that pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::engine::Target;
use crate::meta::LearnedMessage;
use igd::libtorch::Work;
use igd::model::{DenseConfig, Detector, FALSE_POSITIVE_RATE, Mask, Model};
use igd::train::dense::{LearnError, Learned, Learning};

/// The name of a model that is not saved.
const NAME: &str = "learned";

/// The frames of a stream, from the first one that is learned to the model.
pub struct Lesson {
    learning: Learning,
    /// Of samples of 16 bits, those that the frames use; `None` for all.
    significant_bits: Option<u32>,
    location: Option<PathBuf>,
    /// When the first frame came.
    started: Option<Instant>,
    /// Frames that have passed since one was learned.
    age: Option<u32>,
    /// The user has been told that a frame shows nothing.
    told: bool,
}

/// What has come of a picture.
pub enum Step {
    /// It was learned, and there are more to come.
    Learned,
    /// It shows nothing and is not learned; the first such picture is news.
    Blank { is_news: bool },
    /// It was the last one.
    Finished(Box<LearnedModel>),
}

/// What has been learned.
pub struct LearnedModel {
    pub detector: Detector,
    /// What is to be said of it.
    pub message: LearnedMessage,
    /// The model's name in results.
    pub name: String,
    pub saving: Option<Saving>,
}

/// A model on its way to a file.
#[derive(Debug)]
pub struct Saving {
    model: Model,
    location: PathBuf,
}

/// How far a lesson is, in pictures.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub learned: usize,
    pub all: usize,
}

impl Lesson {
    /// Fetches the backbone if it is not there yet.
    pub fn new(
        frames: u32,
        config: DenseConfig,
        significant_bits: Option<u32>,
        location: Option<PathBuf>,
        target: Target,
    ) -> Result<Self, LearnError> {
        let frames = frames as usize;
        let Target { device, kind } = target;
        Ok(Self {
            learning: Learning::new(frames, config, FALSE_POSITIVE_RATE, device, kind)?,
            significant_bits,
            location,
            started: None,
            age: None,
            told: false,
        })
    }

    pub fn input_size(&self) -> (usize, usize) {
        self.learning.input_size()
    }

    pub fn progress(&self) -> Progress {
        let (learned, all) = self.learning.progress();
        Progress { learned, all }
    }

    /// Whether the frame at hand is one that would be inspected, if every `interval`th was; it is counted.
    pub fn is_due(&mut self, interval: u32) -> bool {
        let age = self.age.map_or(interval, |age| age.saturating_add(1));
        let is_due = age >= interval;
        self.age = Some(if is_due { 0 } else { age });
        is_due
    }

    /// What of the pictures counts for the threshold.
    pub fn set_mask(&mut self, mask: Option<Arc<Mask>>) {
        self.learning.set_mask(mask);
    }

    /// Learns from a picture; see [`Learning::take`].
    pub fn learn(&mut self, rgb: &[f32]) -> Result<Step, LearnError> {
        let started = *self.started.get_or_insert_with(Instant::now);
        // A process that ends needs no model any more.
        let Some(_work) = Work::begin() else {
            return Ok(Step::Learned);
        };
        let learned = match self.learning.take(rgb) {
            Ok(Some(learned)) => learned,
            Ok(None) => return Ok(Step::Learned),
            Err(LearnError::Blank) => {
                let is_news = !std::mem::replace(&mut self.told, true);
                return Ok(Step::Blank { is_news });
            }
            Err(error) => return Err(error),
        };
        let Learned {
            detector,
            mut model,
            calibration,
        } = learned;
        model.provenance.significant_bits = self.significant_bits;
        let location = self.location.as_deref();
        let stem = location.and_then(Path::file_stem);
        Ok(Step::Finished(Box::new(LearnedModel {
            detector,
            message: LearnedMessage {
                frames: u32::try_from(model.provenance.pictures).unwrap_or(u32::MAX),
                calibration_frames: u32::try_from(calibration.pictures).unwrap_or(u32::MAX),
                threshold: calibration.threshold,
                median: calibration.median,
                false_positive_rate: calibration.false_positive_rate,
                seconds: started.elapsed().as_secs_f64(),
                location: location
                    .map(|path| path.display().to_string())
                    .unwrap_or_default(),
            },
            name: stem.map_or_else(
                || NAME.to_owned(),
                |stem| stem.to_string_lossy().into_owned(),
            ),
            saving: self
                .location
                .clone()
                .map(|location| Saving { model, location }),
        })))
    }
}

impl Saving {
    /// Writes the file. It waits for the disk, and is not for the streaming thread.
    pub fn run(self) -> Result<(), igd::model::ModelError> {
        self.model.save(&self.location, self.model.config.storage())
    }
}
