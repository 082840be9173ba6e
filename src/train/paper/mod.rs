//! The paper's two networks: epochs of gradient steps against the critics.

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

pub use losses::{Gradients, Losses, gradients};
pub use options::{GlobalEncoder, LocalEncoder, Options};
pub use trainer::{Report, Setup, Source, StepLosses, Trainer};

use self::pictures::Pictures;
use self::scales::{train_global, train_local};
use super::{Event, Outcome, TrainError, calibrate_and_save, enough, provenance, split};
use crate::data;
use crate::libtorch::KeptBlocks;
use crate::model::{ModelConfig, ModelError, PaperConfig, Provenance, Tensors, check_writable};

/// Trains the networks that `options` names, calibrates on the held-out pictures and writes the model.
pub fn train(options: &Options, mut tell: impl FnMut(Event)) -> Result<Outcome, TrainError> {
    let _kept = KeptBlocks::new();
    tell(Event::Stage("reading pictures"));
    check_writable(&options.out)?;
    let paths = data::normal_pictures(&options.data)?;
    let (training, held_out) = split(paths, options.hold_out);
    enough(&options.data, training.len(), held_out.len())?;
    let mut config = PaperConfig::new(None, None);
    let pictures = Pictures::load(&training, &config.normalisation)?;
    let share = match (&options.global, &options.local) {
        (Some(_), Some(_)) => options.global_time_share,
        (Some(_), None) => 1.0,
        _ => 0.0,
    };
    let mut provenance = Provenance {
        seed: options.seed,
        ..provenance(&options.data, training.len())
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
    let outcome = calibrate_and_save(
        (&config, &tensors),
        provenance,
        &held_out,
        options.false_positive_rate,
        &options.out,
        &mut tell,
    )?;
    for scale in ["global", "local"] {
        let _ = fs::remove_file(checkpoint::path(&options.out, scale));
    }
    Ok(outcome)
}
