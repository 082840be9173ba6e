//! The two networks' trainings: what each is made of, and how it starts and goes on.

use tch::{Device, Tensor};

use super::checkpoint::{OF_GLOBAL, OF_LOCAL, PROGRESS, Progress};
use super::clock::Clock;
use super::encoder::{self, Encoder};
use super::options::{GlobalEncoder, LocalEncoder, Options};
use super::pictures::Pictures;
use super::saver::Saver;
use super::source::{Patches, Source, WholePictures};
use super::trainer::{Begin, Setup, Trainer};
use super::whitening::whitening;
use crate::criterion::MsSsim;
use crate::libtorch::KeptBlocks;
use crate::model::{Described, PaperConfig, Provenance, Tensors};
use crate::nn::{Autoencoder, Critic, GlobalConfig, LocalConfig, PATCH};
use crate::train::run::Run;
use crate::train::{TrainError, TrainingEvent, state};

/// Names of the networks, in file names too.
pub const GLOBAL: &str = "global";
pub const LOCAL: &str = "local";

/// A network at the end of its training.
pub struct TrainedScale<C> {
    pub sizes: C,
    /// Named as in the model file.
    pub tensors: Vec<(String, Tensor)>,
    pub epochs: usize,
    pub encoder_licence: Option<String>,
}

impl<C> TrainedScale<C> {
    /// Adds its tensors and where they come from to those of a model: its sizes.
    pub fn part(self, tensors: &mut Tensors, provenance: &mut Provenance) -> C {
        tensors.extend(self.tensors);
        provenance.epochs = provenance.epochs.max(self.epochs);
        provenance.encoder_licence = provenance.encoder_licence.take().or(self.encoder_licence);
        self.sizes
    }
}

/// Trains the network of the whole picture.
pub fn train_global(
    encoder: &GlobalEncoder,
    options: &Options,
    config: &PaperConfig,
    pictures: &Pictures,
    run: &mut Run,
) -> Result<TrainedScale<GlobalConfig>, TrainError> {
    let encoder = encoder::global(encoder)?;
    let sizes = GlobalConfig {
        encoder: encoder.kind,
        width: options.width,
        latent: options.latent,
    };
    let device = run.options.device;
    let mut trainer = Trainer::new(
        Setup::new(options, MsSsim::global(config.range, device), device),
        encoder.tensors,
        |builder| Described::global(builder, &sizes, &config.normalisation),
        |builder| Critic::global(builder.root(), sizes.width),
    )
    .map_err(TrainError::Encoder)?;
    let source = whole_pictures(&mut trainer, GLOBAL, pictures, options.batch, options, run);
    let trained = train(GLOBAL, sizes, trainer, &source, options, run)?;
    Ok(TrainedScale {
        encoder_licence: encoder.licence,
        ..trained
    })
}

/// Trains the network of the patches.
pub fn train_local(
    encoder: &LocalEncoder,
    options: &Options,
    config: &PaperConfig,
    pictures: &Pictures,
    run: &mut Run,
) -> Result<TrainedScale<LocalConfig>, TrainError> {
    let Encoder {
        kind,
        tensors,
        licence,
    } = encoder::local(encoder)?;
    let sizes = LocalConfig {
        encoder: kind,
        frozen_encoder: *encoder != LocalEncoder::Scratch,
        encoder_width: encoder_width(&tensors).unwrap_or(options.width),
        width: options.width,
        latent: options.latent,
    };
    let device = run.options.device;
    let mut trainer = Trainer::new(
        Setup::new(options, MsSsim::local(config.range, device), device),
        tensors,
        |builder| Described::local(builder, &sizes, &config.normalisation),
        |builder| Critic::local(builder.root(), sizes.width),
    )
    .map_err(TrainError::Encoder)?;
    let trained = if pictures.side() == PATCH {
        let source = whole_pictures(
            &mut trainer,
            LOCAL,
            pictures,
            options.patch_batch,
            options,
            run,
        );
        train(LOCAL, sizes, trainer, &source, options, run)?
    } else {
        let source = Patches::new(pictures, options.patch_batch, options.flip, options.seed);
        train(LOCAL, sizes, trainer, &source, options, run)?
    };
    Ok(TrainedScale {
        encoder_licence: licence,
        ..trained
    })
}

/// Channels of the first convolution of a given local encoder.
fn encoder_width(given: &Tensors) -> Option<i64> {
    let of_tower = given.get("local.pretrain.conv1.conv.bias");
    let first = of_tower.or_else(|| given.get("local.pretrain._conv_stem.weight"))?;
    first.size().first().copied()
}

/// The pictures for a network that sees them whole. Where its encoder is frozen they are encoded once, and its latent
/// layer starts from what that says.
fn whole_pictures<'a, N: Autoencoder>(
    trainer: &mut Trainer<N>,
    scale: &str,
    pictures: &'a Pictures,
    batch: usize,
    options: &Options,
    run: &mut Run,
) -> WholePictures<'a> {
    let network = &trainer.scale.network;
    if network.frozen() {
        run.tell(TrainingEvent::Stage("encoding pictures"));
    }
    // Each stage has its own: what one leaves fits few of the next one's tensors, and would be gigabytes on top of
    // those.
    let kept = KeptBlocks::new();
    let source = WholePictures::new(pictures, network, batch, options.flip, options.seed);
    drop(kept);
    let start = source
        .features()
        .and_then(|features| whitening(features, options.latent));
    if let Some(start) = start {
        trainer.start_latent_layer(&format!("{scale}.ln11"), &start);
    }
    source
}

/// Trains one network to the end of its share of the time, from its checkpoint if it should be resumed.
fn train<N: Autoencoder, C>(
    scale: &str,
    sizes: C,
    mut trainer: Trainer<N>,
    source: &impl Source<N>,
    options: &Options,
    run: &mut Run,
) -> Result<TrainedScale<C>, TrainError> {
    let _kept = KeptBlocks::new();
    let limit = options.time_of(scale);
    trainer.clock = Clock::new(source.steps_an_epoch(), options.length, limit);
    let kind = match scale {
        GLOBAL => OF_GLOBAL,
        _ => OF_LOCAL,
    };
    let fingerprint = options.fingerprint(run.options);
    if let Some(path) = run.options.earlier(kind)? {
        let checkpoint = state::read::<Progress>(&path, PROGRESS)?;
        let progress = checkpoint.header;
        if progress.run != fingerprint {
            let reason = format!(
                "it was made with {}, this run has {fingerprint}",
                progress.run
            );
            return Err(TrainError::resume(&path, reason));
        }
        trainer
            .restore(&progress, checkpoint.tensors)
            .map_err(|entry| TrainError::resume(&path, format!("entry `{entry}` does not fit")))?;
    }
    run.tell(TrainingEvent::Stage(&format!(
        "training the {scale} network"
    )));
    run.tell(TrainingEvent::Begin(Begin {
        scale,
        epoch: trainer.clock.epoch(),
        step: trainer.clock.steps(),
        progress: trainer.clock.progress().min(1.0),
    }));
    let path = state::path(&run.options.out, kind.ending);
    let mut saver = Saver::new(path, fingerprint, run.options, trainer.clock.epoch());
    trainer.run(source, scale, |report, trainer| {
        run.tell(TrainingEvent::Step(report));
        if !report.losses.is_finite() {
            return Err(TrainError::Diverged {
                scale: scale.to_owned(),
            });
        }
        saver.after_step(trainer, run)
    })?;
    saver.save(&trainer, run);
    Ok(TrainedScale {
        sizes,
        tensors: trainer.trained().collect(),
        epochs: trainer.clock.epoch(),
        encoder_licence: None,
    })
}

impl Setup {
    fn new(options: &Options, criterion: MsSsim, device: Device) -> Self {
        Self {
            device,
            criterion,
            learning_rate: options.learning_rate,
            interpolation: options.interpolation,
            whiten: options.whiten,
            seed: options.seed,
        }
    }
}
