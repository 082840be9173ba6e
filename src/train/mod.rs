//! Training: normal pictures in, a calibrated model out. A folder a profile.

pub mod dense;
pub mod paper;

use std::fs;
use std::path::{Path, PathBuf};

use tch::Device;

use crate::data::{FolderError, Picture, PictureError, elpv, fetch::FetchError};
use crate::model::{
    Calibration, DetectError, Detector, Judgement, Model, ModelConfig, ModelError, Precision,
    Provenance, Tensors, calibrate, read_state_dict,
};
use crate::nn::{WeightsError, efficientnet_lite};

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
    #[error(transparent)]
    Fit(#[from] dense::FitError),
    #[error("the losses of the {scale} network became NaN; lower --learning-rate")]
    Diverged { scale: String },
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A new stage has begun.
    Stage(&'a str),
    Step(paper::Report<'a>),
    /// So many of so many pictures are done.
    Pictures(usize, usize),
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub pictures: usize,
    pub calibration: Option<Calibration>,
    pub epochs: usize,
}

/// Refuses a folder that has too few pictures.
fn enough(folder: &Path, training: usize, held_out: usize) -> Result<(), TrainError> {
    if training >= FEWEST_PICTURES {
        return Ok(());
    }
    Err(TrainError::TooFew {
        folder: folder.to_owned(),
        found: training + held_out,
    })
}

/// Where a model comes from that so many pictures of a folder were shown to.
fn provenance(data: &Path, pictures: usize) -> Provenance {
    Provenance {
        data: data.display().to_string(),
        data_licence: fs::read_to_string(data.join(elpv::LICENCE_FILE))
            .ok()
            .map(|text| text.trim().to_owned()),
        pictures,
        ..Provenance::now()
    }
}

/// The licence of [`imagenet_backbone`].
const BACKBONE_LICENCE: &str = "Apache-2.0 (EfficientNet-Lite0, trained on ImageNet)";

/// EfficientNet-Lite0's ImageNet weights, fetched if they are not there yet.
fn imagenet_backbone() -> Result<Tensors, TrainError> {
    let entries = read_state_dict(&crate::data::fetch::efficientnet_lite0()?)?;
    Ok(efficientnet_lite::without_head(entries))
}

/// Makes a model of its tensors, calibrates it on the held-out pictures and writes it.
fn calibrate_and_save(
    (config, tensors): (&ModelConfig, &Tensors),
    provenance: Provenance,
    held_out: &[PathBuf],
    false_positive_rate: f64,
    out: &Path,
    tell: &mut impl FnMut(Event),
) -> Result<Outcome, TrainError> {
    tell(Event::Stage("calibrating"));
    let kind = Precision::Auto.on(Device::Cpu).map_err(ModelError::from)?;
    let model = || {
        Model::of_tensors(config, tensors, Device::Cpu).map_err(|cause| ModelError::Weights {
            path: out.to_owned(),
            cause,
        })
    };
    let mut detector = Detector::new(model()?, Device::Cpu, kind)?;
    let judgements = judge(&mut detector, held_out, |done| {
        tell(Event::Pictures(done, held_out.len()));
    })?;
    let model = Model {
        calibration: calibrate(&judgements, false_positive_rate),
        provenance,
        ..model()?
    };
    model.save(out, model.config.storage())?;
    Ok(Outcome {
        pictures: model.provenance.pictures,
        calibration: model.calibration,
        epochs: model.provenance.epochs,
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
