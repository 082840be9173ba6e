//! Training: normal pictures in, a calibrated model out. A folder a profile.

pub mod dense;
mod log;
pub mod paper;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tch::Device;

pub use self::log::Log;
use crate::data::{PictureError, Sample, TrainingSet, fetch::FetchError};
use crate::files::NotWritable;
use crate::model::{
    Calibration, DetectError, Detector, Measurement, Model, ModelConfig, ModelError, Precision,
    Provenance, Tensors, calibrate, read_state_dict,
};
use crate::nn::{WeightsError, efficientnet_lite};

/// Fewer pictures than this teach nothing.
const FEWEST_PICTURES: usize = 8;

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    NotWritable(#[from] NotWritable),
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("encoder weights: {0}")]
    Encoder(WeightsError),
    #[error("{data}: {found} normal pictures, at least {FEWEST_PICTURES} are needed")]
    TooFew { data: String, found: usize },
    #[error("{path}: {reason}; without --resume training starts anew", path = .path.display())]
    Resume { path: PathBuf, reason: String },
    #[error(transparent)]
    Fit(#[from] dense::FitError),
    #[error("the losses of the {scale} network became NaN; lower --learning-rate")]
    Diverged { scale: String },
    /// The model is made, but there is no file of it.
    #[error(
        "{0}: make room for it, or mend the path, and run the same again with --resume, which goes on from what is \
        saved"
    )]
    NotWritten(ModelError),
    /// It was told to.
    #[error("stopped; --resume goes on")]
    Stopped,
}

/// Share of the normal pictures that is kept for calibration, unless told otherwise.
pub const HOLD_OUT: f64 = 0.15;

/// What a run tells while it goes on.
pub enum Event<'a> {
    /// A new stage has begun.
    Stage(&'a str),
    Begin(paper::Begin<'a>),
    Step(paper::Report<'a>),
    /// A checkpoint could not be written; the one before it is whole, and the run goes on.
    NotSaved(&'a ModelError),
    /// What the held-out pictures score, and the thresholds that come of it.
    Judged(&'a [Measurement], Option<Calibration>),
    /// So many of so many pictures are done.
    Pictures(usize, usize),
    /// A picture cannot be used and is left out.
    Skipped(&'a PictureError),
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub pictures: usize,
    /// Pictures that could not be used.
    pub skipped: usize,
    pub calibration: Option<Calibration>,
    pub epochs: usize,
}

/// What becomes of pictures that cannot be used.
#[derive(Debug)]
struct Skipping {
    /// None may be left out.
    strict: bool,
    skipped: usize,
}

impl Skipping {
    fn new(strict: bool) -> Self {
        Self { strict, skipped: 0 }
    }

    /// Counts a picture that is left out, unless that is an error.
    fn skip(
        &mut self,
        error: PictureError,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), TrainError> {
        if self.strict {
            return Err(error.into());
        }
        self.skipped += 1;
        tell(Event::Skipped(&error));
        Ok(())
    }
}

/// Refuses a set that has too few pictures.
fn enough(data: &TrainingSet, training: usize, held_out: usize) -> Result<(), TrainError> {
    if training >= FEWEST_PICTURES {
        return Ok(());
    }
    Err(TrainError::TooFew {
        data: data.name.clone(),
        found: training + held_out,
    })
}

/// Where a model comes from that so many pictures of a set were shown to.
fn provenance(data: &TrainingSet, pictures: usize) -> Provenance {
    Provenance {
        data: data.name.clone(),
        data_licence: data.licence.clone(),
        pictures,
        ..Provenance::now()
    }
}

/// The licence of EfficientNet-Lite0's ImageNet weights.
pub const BACKBONE_LICENCE: &str = "Apache-2.0 (EfficientNet-Lite0, trained on ImageNet)";

/// EfficientNet-Lite0's ImageNet weights, fetched if they are not there yet.
fn imagenet_backbone() -> Result<Tensors, TrainError> {
    let entries = read_state_dict(&crate::data::fetch::efficientnet_lite0()?)?;
    Ok(efficientnet_lite::without_head(entries))
}

/// Ends a run that was told to stop.
fn check_stop(stop: &AtomicBool) -> Result<(), TrainError> {
    match stop.load(Ordering::Relaxed) {
        true => Err(TrainError::Stopped),
        false => Ok(()),
    }
}

/// What a run still needs when all is learned.
struct Ending<'a> {
    held_out: &'a [Sample],
    false_positive_rate: f64,
    out: &'a Path,
    stop: &'a AtomicBool,
}

/// Makes a model of its tensors, calibrates it on the held-out pictures and writes it.
fn calibrate_and_save(
    (config, tensors): (&ModelConfig, &Tensors),
    provenance: Provenance,
    ending: Ending,
    mut skipping: Skipping,
    tell: &mut impl FnMut(Event),
) -> Result<Outcome, TrainError> {
    let Ending { held_out, out, .. } = ending;
    tell(Event::Stage("calibrating"));
    let kind = Precision::Auto.on(Device::Cpu).map_err(ModelError::from)?;
    let model = || {
        Model::of_tensors(config, tensors, Device::Cpu).map_err(|cause| ModelError::Weights {
            path: out.to_owned(),
            cause,
        })
    };
    let mut detector = Detector::new(model()?, Device::Cpu, kind)?;
    let measurements = measure(&mut detector, held_out, |done| {
        match done {
            Ok(done) => tell(Event::Pictures(done, held_out.len())),
            Err(error) => skipping.skip(error, tell)?,
        }
        check_stop(ending.stop)
    })?;
    let calibration = calibrate(&measurements, ending.false_positive_rate);
    tell(Event::Judged(&measurements, calibration));
    let model = Model {
        calibration,
        provenance,
        ..model()?
    };
    model
        .save(out, model.config.storage())
        .map_err(TrainError::NotWritten)?;
    Ok(Outcome {
        pictures: model.provenance.pictures,
        skipped: skipping.skipped,
        calibration: model.calibration,
        epochs: model.provenance.epochs,
    })
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
        match sample.open() {
            Ok(picture) => {
                measurements.push(detector.measure(&picture.resized(detector.input_size()))?);
                judged(Ok(index + 1))?;
            }
            Err(error) => judged(Err(error))?,
        }
    }
    Ok(measurements)
}

/// Takes `share` of the pictures, evenly spread over their order, out for calibration: (training, held out).
fn split(samples: Vec<Sample>, share: f64) -> (Vec<Sample>, Vec<Sample>) {
    let due = |index: usize| (index as f64 * share) as usize;
    let (held_out, training): (Vec<_>, Vec<_>) = samples
        .into_iter()
        .enumerate()
        .partition(|&(index, _)| due(index + 1) > due(index));
    let samples_of = |part: Vec<(usize, Sample)>| part.into_iter().map(|(_, one)| one).collect();
    (samples_of(training), samples_of(held_out))
}
