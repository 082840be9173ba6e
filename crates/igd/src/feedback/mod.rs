//! A model learns from its mistakes: from defects that it passed over and from good pictures that it took for defects.
//!
//! The marked defects, the marked good pictures and what the model keeps of the pictures that it was fitted to
//! ([`LeftOut`]) teach a [`Head`]; the threshold is set anew from what good pictures score by heads that have not seen
//! them. Nothing else of the model changes, its map included. Each time all marks count: a head that is there already
//! is learned anew.

mod comparison;
mod error;
mod logistic;
mod told;

use std::path::PathBuf;

use tch::{Device, Kind, Tensor};

use self::comparison::Comparison;
pub use self::error::FeedbackError;
pub use self::told::{lines, rates};
use crate::criterion::Head;
use crate::data::{PictureError, Sample};
use crate::files::check_writable;
use crate::model::{
    Calibration, CalibrationMethod, Detector, FALSE_POSITIVE_RATE, LeftOut, Measurement, Model,
    ModelError, Precision, ProfileNetworks, Provenance, Revision, Scales, Tensors, calibrate,
    tensors_of,
};
use crate::train::{TrainError, measure};

/// Fewer marked defects teach nothing that would hold for others.
pub const FEWEST_BAD: usize = 5;

/// What is to be learned from.
#[derive(Clone, Debug)]
pub struct Options {
    /// The model file; it stays as it is.
    pub model: PathBuf,
    /// Pictures that are defective: all that were ever marked so.
    pub bad: Vec<Sample>,
    /// Pictures that are good: all that were ever marked so. The model must not have been fitted to them.
    pub good: Vec<Sample>,
    /// The file to write, which must not be there yet.
    pub out: PathBuf,
    /// Share of good pictures that may lie above the threshold; `None` for what the model was calibrated for.
    pub false_positive_rate: Option<f64>,
    /// A picture that cannot be used ends it; else it is left out.
    pub strict: bool,
}

/// What has come of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What has changed.
    pub revision: Revision,
    /// The new thresholds.
    pub calibration: Calibration,
    /// Raw score above which pictures were anomalous without marks.
    pub threshold_before: f32,
    /// Pictures that could not be used.
    pub skipped: usize,
    /// What the pictures score.
    pub scores: Scores,
}

/// What pictures score with what the others have taught, each in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Those of the fit, or an even part of them.
    pub fitted: Vec<f32>,
    /// Those that are marked good.
    pub good: Vec<f32>,
    /// Those that are marked as defects.
    pub bad: Vec<f32>,
}

/// What a run tells while it goes on.
pub enum FeedbackEvent<'a> {
    /// So many of so many marked pictures have been looked at.
    Pictures(usize, usize),
    /// A picture cannot be used and is left out.
    Skipped(&'a PictureError),
}

/// Pictures as a head sees them.
#[derive(Debug)]
struct Examples {
    /// Scores without a head.
    distances: Vec<f32>,
    /// (pictures, d), f64.
    departures: Tensor,
}

impl Examples {
    fn len(&self) -> usize {
        self.distances.len()
    }

    fn of_fit(left_out: &LeftOut) -> Self {
        Self {
            distances: Vec::try_from(&left_out.distances).expect("a vector of floats"),
            departures: left_out.departures.to_kind(Kind::Double),
        }
    }

    fn of_marks(measurements: &[Measurement], dimensions: i64) -> Self {
        let departures = measurements
            .iter()
            .map(|one| Tensor::from_slice(&one.departure).view([1, dimensions]));
        let none = Tensor::zeros([0, dimensions], (Kind::Float, Device::Cpu));
        let departures: Vec<_> = departures.chain([none]).collect();
        Self {
            distances: measurements.iter().map(|one| one.score).collect(),
            departures: Tensor::cat(&departures, 0).to_kind(Kind::Double),
        }
    }

    /// Those of them that it says, in their order.
    fn only(&self, is_one: impl Fn(usize) -> bool) -> Self {
        let ones: Vec<usize> = (0..self.len()).filter(|&index| is_one(index)).collect();
        let rows: Vec<i64> = ones.iter().map(|&index| index as i64).collect();
        Self {
            distances: ones.iter().map(|&index| self.distances[index]).collect(),
            departures: self.departures.index_select(0, &Tensor::from_slice(&rows)),
        }
    }

    /// What they score with a head.
    fn scores(&self, head: &Head) -> Vec<f32> {
        let departures = self.departures.to_kind(Kind::Float);
        let departure = |index| Vec::<f32>::try_from(departures.get(index)).expect("floats");
        let distances = (0..).zip(&self.distances);
        distances
            .map(|(index, distance)| distance * head.factor(&departure(index)))
            .collect()
    }

    fn and(&self, others: &Self) -> Self {
        let departures = [&self.departures, &others.departures];
        Self {
            distances: [&self.distances[..], &others.distances].concat(),
            departures: Tensor::cat(&departures, 0),
        }
    }
}

/// Learns, compares, and writes the new model if it is a better one. On two cores it takes some seconds.
pub fn feedback(
    options: &Options,
    mut tell: impl FnMut(FeedbackEvent),
) -> Result<Outcome, FeedbackError> {
    if options.out.exists() {
        return Err(FeedbackError::Exists(options.out.clone()));
    }
    check_writable(&options.out)?;
    let (mut model, fitted, has_head) = open(options)?;
    let dimensions = fitted.departures.size()[1];
    let rate = options
        .false_positive_rate
        .or_else(|| Some(model.calibration?.false_positive_rate))
        .unwrap_or(FALSE_POSITIVE_RATE);

    let mut detector = detector(options)?;
    let mut skipped = 0;
    let (all, mut before) = (options.bad.len() + options.good.len(), 0);
    let [bad, good] = [&options.bad, &options.good].map(|samples| {
        let measurements = measure(&mut detector, samples, |done| {
            match done {
                Ok(done) => tell(FeedbackEvent::Pictures(before + done, all)),
                Err(error) if options.strict => return Err(error.into()),
                Err(error) => {
                    skipped += 1;
                    tell(FeedbackEvent::Skipped(&error));
                }
            }
            Ok(())
        });
        before += samples.len();
        measurements.map(|measurements| Examples::of_marks(&measurements, dimensions))
    });
    let (bad, good) = (bad?, good?);
    check_marks(bad.len(), good.len(), has_head)?;

    let all_good = fitted.and(&good);
    let comparison = Comparison::new(&fitted, &bad, &good, rate)?;
    let old = model.calibration;
    let calibration = calibration(&comparison.scores, &all_good, rate, old)
        .ok_or(FeedbackError::NotCalibrated)?;
    let head = match bad.len() {
        0 => None,
        _ => Some(logistic::learn(&all_good, &bad).ok_or(FeedbackError::NothingToLearn)?),
    };
    let now = Provenance::now();
    let revision = Revision {
        created: now.created,
        version: now.version,
        of: options.model.display().to_string(),
        bad: bad.len(),
        good: good.len(),
        pictures: fitted.len(),
        before: comparison.before,
        after: comparison.after,
        auroc: comparison.auroc,
        threshold: calibration.threshold,
    };
    let outcome = Outcome {
        revision,
        calibration,
        threshold_before: comparison.threshold_before,
        skipped,
        scores: Scores {
            fitted: comparison.scores[..fitted.len()].to_vec(),
            good: comparison.scores[fitted.len()..].to_vec(),
            bad: comparison.bad_scores.clone(),
        },
    };
    if !comparison.is_better() {
        return Err(FeedbackError::NotBetter(Box::new(outcome)));
    }
    model.calibration = Some(calibration);
    model.history.push(outcome.revision.clone());
    write(options, model, head.as_ref())?;
    Ok(outcome)
}

/// The model, what it keeps of the pictures that it was fitted to, and whether it has a head.
fn open(options: &Options) -> Result<(Model, Examples, bool), FeedbackError> {
    let path = || options.model.clone();
    let model = Model::open(&options.model, Device::Cpu)?;
    let ProfileNetworks::Dense(networks) = &model.networks.profile else {
        return Err(FeedbackError::NotDense(path()));
    };
    let left_out = networks.left_out.as_ref();
    let left_out = left_out.ok_or_else(|| FeedbackError::NothingKept(path()))?;
    let (seen, has_head) = (Examples::of_fit(left_out), networks.head.is_some());
    Ok((model, seen, has_head))
}

/// Judges pictures as the model does without a head.
fn detector(options: &Options) -> Result<Detector, ModelError> {
    let mut model = Model::open(&options.model, Device::Cpu)?;
    if let ProfileNetworks::Dense(networks) = &mut model.networks.profile {
        networks.head = None;
    }
    let kind = Precision::Auto.on(Device::Cpu)?;
    let mut detector = Detector::new(model, Device::Cpu, kind)?;
    detector.tell_departures();
    Ok(detector)
}

fn check_marks(bad: usize, good: usize, has_head: bool) -> Result<(), FeedbackError> {
    match bad {
        0 if good == 0 => Err(FeedbackError::NoMarks),
        0 if has_head => Err(FeedbackError::NoDefects),
        0 => Ok(()),
        _ if bad < FEWEST_BAD => Err(FeedbackError::TooFew(bad)),
        _ => Ok(()),
    }
}

/// The thresholds for good pictures with such scores.
fn calibration(
    scores: &[f32],
    good: &Examples,
    rate: f64,
    old: Option<Calibration>,
) -> Option<Calibration> {
    let measurements: Vec<_> = scores
        .iter()
        .zip(&good.distances)
        .map(|(&score, &distance)| Measurement {
            score,
            scales: Scales::dense(distance),
            // Their maps are not kept; what an ordinary pixel is stays.
            map_sample: vec![old.map_or(distance, |old| old.pixel_median)],
            ..Measurement::default()
        })
        .collect();
    let calibration = Calibration {
        method: CalibrationMethod::CrossValidated,
        ..calibrate(&measurements, rate)?
    };
    calibration.check().is_ok().then_some(calibration)
}

fn write(options: &Options, model: Model, head: Option<&Head>) -> Result<(), FeedbackError> {
    let is_head = |name: &str| name.starts_with("dense.head.");
    let old = tensors_of(&model.networks.weights).into_iter();
    let old = old.filter(|(name, _)| !is_head(name));
    let new = head.into_iter().flat_map(Head::tensors);
    let new = new.map(|(name, tensor)| (format!("dense.head.{name}"), tensor));
    let tensors: Tensors = old.chain(new).collect();
    let networks = Model::of_tensors(&model.config, &tensors, Device::Cpu)
        .map_err(ModelError::weights(&options.out))?
        .networks;
    let model = Model { networks, ..model };
    Ok(model.save(&options.out, model.config.storage())?)
}

impl From<TrainError> for FeedbackError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Picture(error) => Self::Picture(error),
            error => Self::Judged(Box::new(error)),
        }
    }
}
