//! Training: normal pictures in, a calibrated model out.

mod adam;
mod checkpoint;
mod clock;
mod encoder;
mod losses;
mod options;
mod pictures;
mod scales;
mod source;
mod trainer;
mod whitening;

use std::fs;
use std::path::PathBuf;

use tch::Device;

pub use losses::{Gradients, Losses, gradients};
pub use options::{GlobalEncoder, LocalEncoder, Options};
pub use trainer::{Report, Setup, Source, StepLosses, Trainer};

use crate::data::{self, FolderError, Picture, PictureError, elpv, fetch::FetchError};
use crate::libtorch::KeptBlocks;
use crate::model::{
    Calibration, DetectError, Detector, Judgement, Model, ModelConfig, ModelError, Networks,
    Precision, Provenance, Storage, Tensors, calibrate, check_writable,
};
use crate::nn::{Builder, WeightsError};
use pictures::Pictures;
use scales::{train_global, train_local};

/// Fewer pictures than this teach nothing.
const FEWEST_PICTURES: usize = 8;

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("encoder weights: {0}")]
    Encoder(WeightsError),
    #[error("{folder}: {found} normal pictures, at least {FEWEST_PICTURES} are needed", folder = .folder.display())]
    TooFew { folder: PathBuf, found: usize },
    #[error("{path}: {reason}; without --resume training starts anew", path = .path.display())]
    Resume { path: PathBuf, reason: String },
    #[error("the losses of the {scale} network became NaN; lower --learning-rate")]
    Diverged { scale: String },
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A new stage has begun.
    Stage(&'a str),
    Step(Report<'a>),
    /// So many of so many held-out pictures were judged.
    Judged(usize, usize),
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub pictures: usize,
    pub calibration: Option<Calibration>,
    pub epochs: usize,
}

/// Trains the networks that `options` names, calibrates on the held-out pictures and writes the model.
pub fn train(options: &Options, mut tell: impl FnMut(Event)) -> Result<Outcome, TrainError> {
    let _kept = KeptBlocks::new();
    tell(Event::Stage("reading pictures"));
    check_writable(&options.out)?;
    let paths = data::normal_pictures(&options.data)?;
    let (training, held_out) = split(paths, options.hold_out);
    if training.len() < FEWEST_PICTURES {
        return Err(TrainError::TooFew {
            folder: options.data.clone(),
            found: training.len() + held_out.len(),
        });
    }
    let mut config = ModelConfig::paper(None, None);
    let pictures = Pictures::load(&training, &config.normalisation)?;
    let share = match (&options.global, &options.local) {
        (Some(_), Some(_)) => options.global_time_share,
        (Some(_), None) => 1.0,
        _ => 0.0,
    };
    let mut provenance = Provenance {
        data: options.data.display().to_string(),
        data_licence: fs::read_to_string(options.data.join(elpv::LICENCE_FILE))
            .ok()
            .map(|text| text.trim().to_owned()),
        pictures: training.len(),
        seed: options.seed,
        ..Provenance::now()
    };
    let mut tensors = Tensors::new();
    if let Some(encoder) = &options.global {
        let global = train_global(encoder, options, &pictures, &config, share, &mut tell)?;
        provenance.encoder_licence = global.encoder_licence;
        provenance.epochs = global.epochs;
        tensors.extend(global.tensors);
        config.global = Some(global.sizes);
    }
    if let Some(encoder) = &options.local {
        let local = train_local(encoder, options, &pictures, &config, 1.0 - share, &mut tell)?;
        provenance.epochs = provenance.epochs.max(local.epochs);
        tensors.extend(local.tensors);
        config.local = Some(local.sizes);
    }
    drop(pictures);

    // The file is written when it is whole; until then the checkpoints keep what was learned.
    tell(Event::Stage("calibrating"));
    let kind = Precision::Auto.on(Device::Cpu).map_err(ModelError::from)?;
    let mut detector = Detector::new(assemble(&tensors, &config, options)?, Device::Cpu, kind)?;
    let judgements = judge(&mut detector, &held_out, |done| {
        tell(Event::Judged(done, held_out.len()));
    })?;
    let model = Model {
        calibration: calibrate(&judgements, options.false_positive_rate),
        provenance,
        ..assemble(&tensors, &config, options)?
    };
    model.save(&options.out, Storage::F32)?;
    for scale in ["global", "local"] {
        let _ = fs::remove_file(checkpoint::path(&options.out, scale));
    }
    Ok(Outcome {
        pictures: training.len(),
        calibration: model.calibration,
        epochs: model.provenance.epochs,
    })
}

/// The model of the trained tensors, not calibrated yet.
fn assemble(
    tensors: &Tensors,
    config: &ModelConfig,
    options: &Options,
) -> Result<Model, TrainError> {
    let path = || options.out.clone();
    config.check().map_err(|reason| ModelError::NotAModel {
        path: path(),
        reason,
    })?;
    let tensors = tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
        .collect();
    let networks =
        Networks::new(Builder::for_inference(tensors, Device::Cpu), config).map_err(|cause| {
            ModelError::Weights {
                path: path(),
                cause,
            }
        })?;
    Ok(Model {
        config: config.clone(),
        calibration: None,
        provenance: Provenance::default(),
        networks,
    })
}

/// The raw numbers of picture files.
pub fn judge(
    detector: &mut Detector,
    paths: &[PathBuf],
    mut judged: impl FnMut(usize),
) -> Result<Vec<Judgement>, TrainError> {
    let mut judgements = Vec::with_capacity(paths.len());
    for path in paths {
        let rgb = Picture::open(path)?.resized(detector.input_size());
        judgements.push(detector.judge(&rgb)?);
        judged(judgements.len());
    }
    Ok(judgements)
}

/// Takes `share` of the pictures, evenly spread over their order, out for calibration: (training, held out).
fn split(paths: Vec<PathBuf>, share: f64) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let due = |index: usize| (index as f64 * share) as usize;
    let (held_out, training): (Vec<_>, Vec<_>) = paths
        .into_iter()
        .enumerate()
        .partition(|&(index, _)| due(index + 1) > due(index));
    let paths_of = |part: Vec<(usize, PathBuf)>| part.into_iter().map(|(_, path)| path).collect();
    (paths_of(training), paths_of(held_out))
}
