//! Training: normal pictures in, a calibrated model out. A folder a profile; what they share lies beside them.

mod backbone;
pub mod dense;
mod error;
mod options;
pub mod paper;
mod reader;
mod run;
mod state;

pub use self::backbone::BACKBONE_LICENCE;
pub use self::error::TrainError;
pub use self::options::{FEWEST_LEFT_OUT, HOLD_OUT, Options, Profile};
use self::run::Run;
use crate::data::{PictureError, Sample};
use crate::files::{check_writable, sweep};
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
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Pictures that the model was trained on.
    pub pictures: usize,
    /// Pictures that could not be used.
    pub skipped: usize,
    /// The thresholds; `None` where no picture was held out that could be used.
    pub calibration: Option<Calibration>,
    /// How often it was trained on each picture.
    pub epochs: usize,
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
    /// Pictures that it was not trained on.
    HeldOut(Vec<Sample>),
    /// What those score that it was fitted to, each as if it had been left out.
    LeftOut(Vec<Measurement>),
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
    let mut run = Run::new(options, &mut tell);
    let trained = match &options.profile {
        Profile::Dense(dense) => dense::learn(dense, &mut run)?,
        Profile::Paper(paper) => paper::learn(paper, &mut run)?,
    };
    // The file is written when it is whole; until then the state keeps what was learned.
    let outcome = run.finish(trained)?;
    if !options.keep {
        options.forget();
    }
    Ok(outcome)
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
        match sample.open_as(detector.significant_bits()) {
            Ok(picture) => {
                measurements.push(detector.measure(&picture.resized(detector.input_size()))?);
                judged(Ok(index + 1))?;
            }
            Err(error) => judged(Err(error))?,
        }
    }
    Ok(measurements)
}
