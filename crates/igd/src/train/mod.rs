//! Training: normal pictures in, a calibrated model out. A folder a profile; what they share lies beside them.

mod augmentation;
mod backbone;
pub mod dense;
mod doubles;
mod error;
mod options;
pub mod paper;
mod reader;
mod run;
mod state;
mod survey;

use std::path::{Path, PathBuf};

pub use self::augmentation::Augmentation;
pub use self::backbone::BACKBONE_LICENCE;
pub use self::doubles::Doubles;
pub use self::error::TrainError;
pub use self::options::{FEWEST_LEFT_OUT, HOLD_OUT, Options, Profile};
pub use self::run::FEWEST_PICTURES;
pub use self::survey::{Doubt, Look, survey};

use self::run::Run;
use crate::data::{PictureError, Sample};
use crate::files::{check_writable, sweep};
use crate::libtorch::guarded;
use crate::model::{
    Calibration, Detector, Measurement, ModelConfig, ModelError, Provenance, Tensors,
};

/// What a run tells while it goes on.
pub enum TrainingEvent<'a> {
    /// A new stage has begun.
    Stage(&'a str),
    /// The training of one of the paper's networks begins.
    Begin(paper::Begin<'a>),
    /// One of the paper's networks has done a step.
    Step(paper::Report<'a>),
    /// A checkpoint could not be written; the one before it is whole, and the run goes on.
    NotSaved(&'a ModelError),
    /// What the pictures that calibrate score, and the thresholds that come of it.
    Judged(&'a [Measurement], Option<Calibration>),
    /// So many of so many pictures are done.
    Pictures(usize, usize),
    /// A picture cannot be used and is left out.
    Skipped(&'a PictureError),
    /// A picture does not fit the others and is dropped.
    Trimmed(&'a Trimmed<'a>),
    /// So many of the pictures that calibrate show what was trained on that the thresholds are too low.
    Doubles(&'a Doubles),
    /// It was to go on from a checkpoint beside this model file, and there is none.
    Anew(&'a Path),
}

/// A picture that was dropped.
#[derive(Clone, Copy, Debug)]
pub struct Trimmed<'a> {
    /// Which.
    pub sample: &'a Sample,
    /// Its raw score when it was left out.
    pub score: f32,
    /// As the backbone saw it: planar R, G, B, values of 0..=255.
    pub rgb: &'a [f32],
    /// Width and height of that.
    pub size: (usize, usize),
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Pictures that the model was trained on.
    pub pictures: usize,
    /// Pictures that could not be used.
    pub skipped: usize,
    /// Pictures that do not fit the others and were dropped, by their names.
    pub trimmed: Vec<PathBuf>,
    /// The thresholds; `None` where no picture was held out that could be used.
    pub calibration: Option<Calibration>,
    /// How often it was trained on each picture.
    pub epochs: usize,
    /// Where copies of the pictures have been fitted to, and calibrate too.
    pub augmented: Option<Augmented>,
    /// Where so many of the pictures that calibrate show what was trained on that the thresholds are too low: how many.
    pub doubles: Option<Doubles>,
}

/// What it costs that parts need not lie still.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Augmented {
    /// Of each picture.
    pub copies: usize,
    /// What the threshold would be for pictures of parts that lie still.
    pub threshold_of_still: f32,
}

/// What a profile makes of the pictures: a model but for its calibration.
struct Trained {
    config: ModelConfig,
    tensors: Tensors,
    provenance: Provenance,
    calibrating: Calibrating,
}

/// What the thresholds come of.
enum Calibrating {
    /// Pictures that it was not trained on, and what copies of them are.
    HeldOut(Vec<Sample>, Option<Augmentation>),
    /// What those score that it was fitted to, each as if it had been left out: as it is first, then its copies.
    LeftOut(Vec<Vec<Measurement>>),
}

/// Trains a model as `options` say, calibrates and writes it.
pub fn train(
    options: &Options,
    mut tell: impl FnMut(TrainingEvent),
) -> Result<Outcome, TrainError> {
    check_writable(&options.out)?;
    sweep(&options.out);
    for path in options.state_files() {
        sweep(&path);
    }
    if !goes_on(options)? {
        tell(TrainingEvent::Anew(&options.out));
    }
    let mut run = Run::new(options, &mut tell);
    let trained = guarded(|| {
        let trained = match &options.profile {
            Profile::Dense(dense) => dense::learn(dense, &mut run)?,
            Profile::Paper(paper) => paper::learn(paper, &mut run)?,
        };
        // The file is written when it is whole; until then the state keeps what was learned.
        run.finish(trained)
    });
    let outcome = trained.unwrap_or_else(|text| Err(TrainError::Libtorch(text)))?;
    if !options.keep {
        options.forget();
    }
    Ok(outcome)
}

/// Whether there is something to go on from, or there need not be.
fn goes_on(options: &Options) -> Result<bool, TrainError> {
    for kind in options.state_kinds() {
        if options.earlier(*kind)?.is_some() {
            return Ok(true);
        }
    }
    match &options.resume_from {
        Some(path) if options.resume => {
            let name = |kind: &state::Kind| {
                let path = state::path(path, kind.ending);
                path.display().to_string()
            };
            let names: Vec<_> = options.state_kinds().iter().map(name).collect();
            Err(TrainError::NoCheckpoint {
                path: path.clone(),
                looked_for: names.join(" and "),
            })
        }
        _ => Ok(!options.resume),
    }
}

/// The raw numbers of pictures. `judged` is told how many are done, and of those that cannot be used; its errors end
/// it.
pub fn measure(
    detector: &mut Detector,
    samples: &[Sample],
    mut judged: impl FnMut(Result<usize, PictureError>) -> Result<(), TrainError>,
) -> Result<Vec<Measurement>, TrainError> {
    let mut measurements = Vec::with_capacity(samples.len());
    for (index, sample) in samples.iter().enumerate() {
        let picture = sample.open_as(detector.significant_bits());
        judged(match picture {
            Ok(picture) => {
                let rgb = picture.resized(detector.input_size());
                measurements.push(detector.measure(&rgb)?);
                Ok(index + 1)
            }
            Err(error) => Err(error),
        })?;
    }
    Ok(measurements)
}
