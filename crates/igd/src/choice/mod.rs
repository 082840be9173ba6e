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
    pictures::check_apart(&training.data.samples, options.bad)?;
    let good = pictures::loaded(&training.data, MOST_PICTURES);
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
    let mut skipped = 0;
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
        let one = attempt(&candidate, options.bad, &mut skipped, &mut tell)?;
        tried.push(one);
    }
    Ok(Choice {
        pictures: data.samples.len(),
        best: best(&tried),
        tried,
        skipped,
    })
}

/// Fits a candidate and has it judge the defects; the first one tells of those that cannot be read.
fn attempt(
    candidate: &train::Options,
    bad: &[Sample],
    skipped: &mut usize,
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
    let mut unread = 0;
    let bad = judged(&candidate.out, bad, |error| {
        unread += 1;
        if *skipped < unread {
            tell(ChoiceEvent::Skipped(error));
            *skipped = unread;
        }
    })?;
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
    let scores = scores(&measure(&mut detector, bad, |_| Ok(()))?);
    let above = scores.iter().filter(|&&score| score > threshold).count();
    Rate::of_best(above, scores.len(), among).ok_or(ChoiceError::NoDefects)
}

/// What a model scores the defects with.
fn judged(
    model: &Path,
    bad: &[Sample],
    mut skip: impl FnMut(&PictureError),
) -> Result<Vec<f32>, ChoiceError> {
    let measurements = measure(&mut open(model)?, bad, |one| {
        if let Err(error) = one {
            skip(&error);
        }
        Ok(())
    })?;
    match measurements.is_empty() {
        true => Err(ChoiceError::NoDefects),
        false => Ok(scores(&measurements)),
    }
}

fn open(model: &Path) -> Result<Detector, TrainError> {
    Ok(Detector::open(model, Device::Cpu, Precision::Auto)?)
}

fn scores(measurements: &[Measurement]) -> Vec<f32> {
    measurements.iter().map(|one| one.score).collect()
}
