//! Which of several models tells a few known defects best from good pictures.
//!
//! Each candidate is fitted to some of the good pictures, which are left out in turn, and judges the defects. They
//! choose, and do nothing else: neither a fit nor a threshold sees them.

mod candidates;
mod error;
mod pictures;
mod tried;

use std::path::Path;
use std::time::Instant;

use tch::Device;

pub use self::candidates::candidates;
pub use self::error::ChoiceError;
pub use self::tried::{Gain, Tried, best};
use crate::data::{PictureError, Sample, TrainingSet};
use crate::eval::Rate;
use crate::model::{Calibration, Detector, Measurement, Precision};
use crate::train::{self, Profile, TrainError, TrainingEvent, measure, train};

/// Good pictures that a candidate is fitted to at most, so that all of them together take minutes.
pub const MOST_PICTURES: usize = 200;

/// What is chosen among, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The training that it is for. Its profile is the first candidate, and wins where none is better.
    pub training: &'a train::Options,
    /// Whether other sizes of the picture and tiles are tried as well, as far as the pictures have pixels for them.
    pub sizes: bool,
    /// Other profiles that are tried.
    pub others: &'a [Profile],
    /// The known defects.
    pub bad: &'a [Sample],
}

/// What a run tells while it goes on.
pub enum ChoiceEvent<'a> {
    /// Another candidate, of so many, is fitted.
    Trying(&'a Profile, usize, usize),
    /// What its training tells.
    Training(TrainingEvent<'a>),
    /// A picture of a defect cannot be used and is left out.
    Skipped(&'a PictureError),
}

/// What has come of it.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Good pictures that the candidates were fitted to.
    pub pictures: usize,
    /// What was tried, in order.
    pub tried: Vec<Tried>,
    /// Which of them was chosen.
    pub best: usize,
    /// Pictures of defects that could not be used.
    pub skipped: usize,
}

/// Tries the candidates. Good pictures that cannot be read are passed over here: the training that follows tells of
/// them.
pub fn choose(options: &Options, mut tell: impl FnMut(ChoiceEvent)) -> Result<Choice, ChoiceError> {
    let training = options.training;
    let TrainingSet {
        samples,
        significant_bits: bits,
        ..
    } = &training.data;
    pictures::check_apart(samples, options.bad)?;
    let (bad, unusable) = pictures::loaded(options.bad, *bits, options.bad.len());
    for error in &unusable {
        tell(ChoiceEvent::Skipped(error));
    }
    if bad.is_empty() {
        return Err(ChoiceError::NoDefects);
    }
    let (good, _) = pictures::loaded(samples, *bits, MOST_PICTURES);
    let mut profiles = vec![training.profile.clone()];
    if let (Profile::Dense(dense), true) = (&training.profile, options.sizes) {
        let sizes = candidates(dense, pictures::size(&good));
        profiles.extend(sizes.into_iter().map(Profile::Dense));
    }
    profiles.extend(options.others.iter().cloned());
    let data = TrainingSet {
        samples: good,
        ..training.data.clone()
    };
    let folder = tempfile::tempdir().map_err(ChoiceError::Folder)?;
    let mut tried = Vec::with_capacity(profiles.len());
    for (index, profile) in profiles.iter().enumerate() {
        tell(ChoiceEvent::Trying(profile, index, profiles.len()));
        let candidate = train::Options {
            data: data.clone(),
            out: folder.path().join(format!("{index}.safetensors")),
            profile: profile.clone(),
            keep: false,
            resume: false,
            resume_from: None,
            ..training.clone()
        };
        tried.push(attempt(&candidate, &bad, &mut tell)?);
    }
    Ok(Choice {
        pictures: data.samples.len(),
        best: best(&tried),
        tried,
        skipped: unusable.len(),
    })
}

/// Fits a candidate and has it judge the defects.
fn attempt(
    candidate: &train::Options,
    bad: &[Sample],
    tell: &mut impl FnMut(ChoiceEvent),
) -> Result<Tried, ChoiceError> {
    let start = Instant::now();
    let (mut good, mut calibration) = (Vec::new(), None::<Calibration>);
    train(candidate, |event| match event {
        TrainingEvent::Judged(measurements, found) => {
            good = scores(measurements);
            calibration = found;
        }
        event => tell(ChoiceEvent::Training(event)),
    })?;
    let threshold = calibration.ok_or(ChoiceError::NotCalibrated)?.threshold;
    let bad = judged(&mut open(&candidate.out)?, bad)?;
    // A model of a large picture has hundreds of megabytes.
    let _ = std::fs::remove_file(&candidate.out);
    Ok(Tried {
        profile: candidate.profile.clone(),
        good,
        bad,
        threshold,
        time: start.elapsed(),
    })
}

/// How many of the known defects a model finds at its threshold, with an interval that holds for the best of so many
/// candidates. The model is one that [`choose`] has chosen.
pub fn found(model: &Path, bad: &[Sample], among: usize) -> Result<Rate, ChoiceError> {
    let mut detector = open(model)?;
    let threshold = detector.threshold();
    let scores = judged(&mut detector, bad)?;
    let above = scores.iter().filter(|&&score| score > threshold).count();
    Rate::of_best(above, scores.len(), among).ok_or(ChoiceError::NoDefects)
}

/// What the defects score that can be used.
fn judged(detector: &mut Detector, bad: &[Sample]) -> Result<Vec<f32>, TrainError> {
    measure(detector, bad, |_| Ok(())).map(|measurements| scores(&measurements))
}

fn open(model: &Path) -> Result<Detector, TrainError> {
    Ok(Detector::open(model, Device::Cpu, Precision::Auto)?)
}

fn scores(measurements: &[Measurement]) -> Vec<f32> {
    measurements.iter().map(|one| one.score).collect()
}
