//! Training: normal pictures in, a calibrated model out.

mod adam;
mod checkpoint;
mod clock;
mod encoder;
mod losses;
mod options;
mod pictures;
mod source;
mod trainer;
mod whitening;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tch::{Device, Tensor};

pub use losses::Losses;
pub use options::{GlobalEncoder, LocalEncoder, Options};
pub use trainer::{Report, StepLosses};

use crate::criterion::MsSsim;
use crate::data::{self, FolderError, Picture, PictureError, elpv, fetch::FetchError};
use crate::model::{
    Calibration, DetectError, Detector, Judgement, Model, ModelConfig, ModelError, Networks,
    Provenance, Scale, Storage, calibrate, check_writable, descriptor,
};
use crate::nn::{
    Autoencoder, Builder, Critic, Global, GlobalConfig, Local, LocalConfig, WeightsError,
};
use checkpoint::Progress;
use clock::Clock;
use pictures::Pictures;
use trainer::{Setup, Source, Trainer};
use whitening::whitening;

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
    let mut tensors = HashMap::new();
    let mut provenance = Provenance {
        data: options.data.display().to_string(),
        data_licence: fs::read_to_string(options.data.join(elpv::LICENCE_FILE))
            .ok()
            .map(|text| text.trim().to_owned()),
        pictures: training.len(),
        seed: options.seed,
        ..Provenance::now()
    };

    if let Some(encoder) = &options.global {
        let (kind, given, licence) = encoder::global(encoder)?;
        provenance.encoder_licence = licence;
        let sizes = GlobalConfig {
            encoder: kind,
            width: options.width,
            latent: options.latent,
        };
        let criterion = MsSsim::global(config.range, Device::Cpu);
        let mut trainer = Trainer::new(
            Setup::new(options, criterion),
            given,
            |builder| {
                let scope = &builder.root() / "global";
                Ok(Scale {
                    descriptor: descriptor(&scope, sizes.latent)?,
                    network: Global::new(scope, &sizes, &config.normalisation)?,
                })
            },
            |builder| Critic::global(builder.root(), sizes.width),
        )
        .map_err(TrainError::Encoder)?;
        tell(Event::Stage("encoding pictures"));
        let network = &trainer.scale.network;
        let source = source::WholePictures::new(&pictures, network, options.batch, options.seed);
        if let Some(start) = source
            .features()
            .and_then(|features| whitening(features, sizes.latent))
        {
            trainer.start_latent_layer("global.ln11", &start);
        }
        run(&mut trainer, &source, "global", options, share, &mut tell)?;
        provenance.epochs = trainer.clock.epoch();
        tensors.extend(trainer.trained());
        config.global = Some(sizes);
    }

    if let Some(encoder) = &options.local {
        let given = match encoder {
            LocalEncoder::Scratch => HashMap::new(),
            LocalEncoder::File(path) => encoder::local(path)?,
        };
        let given_width = given
            .get("local.pretrain.conv1.conv.bias")
            .map(|bias| bias.numel() as i64);
        let sizes = LocalConfig {
            frozen_encoder: *encoder != LocalEncoder::Scratch,
            encoder_width: given_width.unwrap_or(options.width),
            width: options.width,
            latent: options.latent,
        };
        let criterion = MsSsim::local(config.range, Device::Cpu);
        let mut trainer = Trainer::new(
            Setup::new(options, criterion),
            given,
            |builder| {
                let scope = &builder.root() / "local";
                Ok(Scale {
                    descriptor: descriptor(&scope, sizes.latent)?,
                    network: Local::new(scope, &sizes)?,
                })
            },
            |builder| Critic::local(builder.root(), sizes.width),
        )
        .map_err(TrainError::Encoder)?;
        let source = source::Patches::new(&pictures, options.patch_batch, options.seed);
        run(
            &mut trainer,
            &source,
            "local",
            options,
            1.0 - share,
            &mut tell,
        )?;
        provenance.epochs = provenance.epochs.max(trainer.clock.epoch());
        tensors.extend(trainer.trained());
        config.local = Some(sizes);
    }

    config.check().map_err(|reason| ModelError::NotAModel {
        path: options.out.clone(),
        reason,
    })?;
    let networks =
        Networks::new(Builder::for_inference(tensors, Device::Cpu), &config).map_err(|cause| {
            ModelError::Weights {
                path: options.out.clone(),
                cause,
            }
        })?;
    let mut model = Model {
        config,
        calibration: None,
        provenance,
        networks,
    };
    // Written before it is calibrated too: whatever happens next, the training is not lost.
    model.save(&options.out, Storage::F32)?;
    tell(Event::Stage("calibrating"));
    let mut detector = Detector::open(&options.out, Device::Cpu)?;
    let judgements = judge(&mut detector, &held_out, |done| {
        tell(Event::Judged(done, held_out.len()));
    })?;
    model.calibration = calibrate(&judgements, options.false_positive_rate);
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

/// Trains one network to the end of its share of the time, from its checkpoint if it should be resumed.
fn run<N: Autoencoder>(
    trainer: &mut Trainer<N>,
    source: &impl Source<N>,
    scale: &str,
    options: &Options,
    share: f64,
    tell: &mut impl FnMut(Event),
) -> Result<(), TrainError> {
    let limit = options.time.map(|time| time.mul_f64(share));
    trainer.clock = Clock::new(source.steps_an_epoch(), options.epochs, limit);
    let path = checkpoint::path(&options.out, scale);
    let run = options.fingerprint();
    if options.resume
        && let Some((progress, tensors)) = checkpoint::read(&path)?
    {
        let refused = |reason: String| TrainError::Resume {
            path: path.clone(),
            reason,
        };
        if progress.run != run {
            return Err(refused(format!(
                "it was made with {}, this run has {run}",
                progress.run
            )));
        }
        trainer
            .restore(&progress, tensors)
            .map_err(|entry| refused(format!("entry `{entry}` does not fit")))?;
    }
    let save = |trainer: &Trainer<N>| -> Result<(), TrainError> {
        let (progress, tensors): (Progress, Vec<(String, Tensor)>) = trainer.state(&run);
        Ok(checkpoint::write(&path, &progress, &tensors)?)
    };
    tell(Event::Stage(&format!("training the {scale} network")));
    trainer.run(
        source,
        scale,
        |report| {
            let finite = report.losses.total().is_finite();
            tell(Event::Step(report));
            finite.then_some(()).ok_or_else(|| TrainError::Diverged {
                scale: scale.to_owned(),
            })
        },
        save,
    )?;
    save(trainer)
}

impl Setup {
    fn new(options: &Options, criterion: MsSsim) -> Self {
        Self {
            criterion,
            learning_rate: options.learning_rate,
            checkpoint_interval: options.checkpoint_interval,
            seed: options.seed,
        }
    }
}

impl Options {
    /// What two runs must have in common for one to go on from the other's checkpoint.
    fn fingerprint(&self) -> String {
        format!(
            "data {}, global {:?}, local {:?}, width {}, latent {}, batch {}, patches {}, learning rate {}, seed {}, held out {}",
            self.data.display(),
            self.global,
            self.local,
            self.width,
            self.latent,
            self.batch,
            self.patch_batch,
            self.learning_rate,
            self.seed,
            self.hold_out
        )
    }

    /// The paper's settings for a folder of normal pictures.
    pub fn new(data: PathBuf, out: PathBuf) -> Self {
        Self {
            data,
            out,
            global: Some(GlobalEncoder::EfficientnetLite0),
            local: Some(LocalEncoder::Scratch),
            width: 16,
            latent: 128,
            epochs: 256,
            time: Some(Duration::from_secs(30 * 60)),
            global_time_share: 0.5,
            batch: 16,
            patch_batch: 450,
            learning_rate: 1e-4,
            seed: 1,
            hold_out: 0.15,
            false_positive_rate: 0.01,
            checkpoint_interval: Duration::from_secs(30),
            resume: false,
        }
    }
}
