//! The two networks' trainings: what each is made of, and how it starts and goes on.

use tch::{Device, Tensor};

use super::checkpoint;
use super::clock::Clock;
use super::encoder;
use super::options::{GlobalEncoder, LocalEncoder, Options};
use super::pictures::Pictures;
use super::saver::Saver;
use super::source::{Patches, WholePictures};
use super::trainer::{Begin, Setup, Source, Trainer};
use super::whitening::whitening;
use super::{Event, TrainError};
use crate::criterion::MsSsim;
use crate::libtorch::KeptBlocks;
use crate::model::{PaperConfig, Scale, Tensors, descriptor};
use crate::nn::{Autoencoder, Critic, Global, GlobalConfig, Local, LocalConfig};

/// A network at the end of its training.
pub struct Trained<C> {
    pub sizes: C,
    /// Named as in the model file.
    pub tensors: Vec<(String, Tensor)>,
    pub epochs: usize,
    pub encoder_licence: Option<String>,
}

/// Trains the network of the whole picture.
pub fn train_global(
    encoder: &GlobalEncoder,
    options: &Options,
    pictures: &Pictures,
    config: &PaperConfig,
    time_share: f64,
    tell: &mut impl FnMut(Event),
) -> Result<Trained<GlobalConfig>, TrainError> {
    let (encoder, given, encoder_licence) = encoder::global(encoder)?;
    let sizes = GlobalConfig {
        encoder,
        width: options.width,
        latent: options.latent,
    };
    let mut trainer = Trainer::new(
        Setup::new(options, MsSsim::global(config.range, Device::Cpu)),
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
    // Each stage has its own: what one leaves fits few of the next one's tensors, and would be gigabytes on top of
    // those.
    let kept = KeptBlocks::new();
    let network = &trainer.scale.network;
    let source = WholePictures::new(pictures, network, options.batch, options.flip, options.seed);
    drop(kept);
    if let Some(start) = source
        .features()
        .and_then(|features| whitening(features, sizes.latent))
    {
        trainer.start_latent_layer("global.ln11", &start);
    }
    run(&mut trainer, &source, "global", options, time_share, tell)?;
    Ok(Trained {
        sizes,
        tensors: trainer.trained().collect(),
        epochs: trainer.clock.epoch(),
        encoder_licence,
    })
}

/// Trains the network of the patches.
pub fn train_local(
    encoder: &LocalEncoder,
    options: &Options,
    pictures: &Pictures,
    config: &PaperConfig,
    time_share: f64,
    tell: &mut impl FnMut(Event),
) -> Result<Trained<LocalConfig>, TrainError> {
    let given = match encoder {
        LocalEncoder::Scratch => Tensors::new(),
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
    let mut trainer = Trainer::new(
        Setup::new(options, MsSsim::local(config.range, Device::Cpu)),
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
    let source = Patches::new(pictures, options.patch_batch, options.flip, options.seed);
    run(&mut trainer, &source, "local", options, time_share, tell)?;
    Ok(Trained {
        sizes,
        tensors: trainer.trained().collect(),
        epochs: trainer.clock.epoch(),
        encoder_licence: None,
    })
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
    let _kept = KeptBlocks::new();
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
    tell(Event::Stage(&format!("training the {scale} network")));
    tell(Event::Begin(Begin {
        scale,
        epoch: trainer.clock.epoch(),
        step: trainer.clock.steps(),
        progress: trainer.clock.progress().min(1.0),
    }));
    let mut saver = Saver::new(path, run, options, trainer.clock.epoch());
    trainer.run(source, scale, |report, trainer| {
        tell(Event::Step(report));
        if !report.losses.is_finite() {
            return Err(TrainError::Diverged {
                scale: scale.to_owned(),
            });
        }
        saver.after_step(trainer, tell)
    })?;
    saver.save(trainer, tell);
    Ok(())
}

impl Setup {
    fn new(options: &Options, criterion: MsSsim) -> Self {
        Self {
            criterion,
            learning_rate: options.learning_rate,
            interpolation: options.interpolation,
            seed: options.seed,
        }
    }
}
