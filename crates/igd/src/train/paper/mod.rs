//! The paper's two networks: epochs of gradient steps against the critics.

mod adam;
mod checkpoint;
mod clock;
mod encoder;
mod look;
mod losses;
mod options;
mod pictures;
mod saver;
mod scales;
mod source;
mod trainer;
mod whitening;

use std::fs;
use std::path::Path;

pub use losses::{Adversary, Gradients, Losses, gradients};
pub use options::{GlobalEncoder, LocalEncoder, Options};
pub use trainer::{Begin, Report, Setup, Source, StepLosses, Trainer};

use self::pictures::Pictures;
use self::scales::{train_global, train_local};
use super::{
    Ending, Event, Outcome, Skipping, TrainError, calibrate_and_save, check_stop, enough,
    provenance, split,
};
use crate::files::{check_writable, sweep};
use crate::model::{ModelConfig, ModelError, PaperConfig, Provenance, Tensors};
use crate::nn::PATCH;

/// Trains the networks that `options` names, calibrates on the held-out pictures and writes the model.
pub fn train(options: &Options, mut tell: impl FnMut(Event)) -> Result<Outcome, TrainError> {
    tell(Event::Stage("reading pictures"));
    check_writable(&options.out)?;
    sweep(&options.out);
    for scale in SCALES {
        sweep(&checkpoint::path(&options.out, scale));
    }
    let mut skipping = Skipping::new(options.strict);
    let (training, held_out) = split(options.data.samples.clone(), options.hold_out);
    let mut config = if options.input == PATCH {
        PaperConfig::of_small_pictures(None)
    } else {
        PaperConfig::new(None, None)
    };
    let (pictures, bad) = Pictures::load(&training, options.input, &config.normalisation);
    for error in bad {
        skipping.skip(error, &mut tell)?;
    }
    enough(&options.data, pictures.len(), held_out.len())?;
    check_stop(&options.stop)?;
    let share = match (&options.global, &options.local) {
        (Some(_), Some(_)) => options.global_time_share,
        (Some(_), None) => 1.0,
        _ => 0.0,
    };
    let mut provenance = Provenance {
        seed: options.seed,
        ..provenance(&options.data, pictures.len())
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

    let config = ModelConfig::Paper(config);
    config.check().map_err(|reason| ModelError::NotAModel {
        path: options.out.clone(),
        reason,
    })?;
    // The file is written when it is whole; until then the checkpoints keep what was learned.
    let ending = Ending {
        held_out: &held_out,
        false_positive_rate: options.false_positive_rate,
        out: &options.out,
        stop: &options.stop,
    };
    let outcome = calibrate_and_save((&config, &tensors), provenance, ending, skipping, &mut tell)?;
    if !options.keep {
        forget(&options.out);
    }
    Ok(outcome)
}

/// Names of the networks in file names.
const SCALES: [&str; 2] = ["global", "local"];

/// Removes the checkpoints of the model file `out`.
pub fn forget(out: &Path) {
    for scale in SCALES {
        let _ = fs::remove_file(checkpoint::path(out, scale));
    }
}
