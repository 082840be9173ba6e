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

pub use adam::Adam;
pub use losses::{Adversary, Gradients, LOSS_OF_A_CONSTANT, Losses, gradients};
pub use options::{GlobalEncoder, Length, LocalEncoder, Options};
pub use source::{Batch, Source};
pub use trainer::{Begin, Report, Setup, StepLosses, Trainer};

use self::pictures::Pictures;
use self::scales::{train_global, train_local};
use super::run::{Run, Split};
use super::{Calibrating, HOLD_OUT, TrainError, Trained, TrainingEvent, state};
use crate::model::{ModelConfig, ModelError, PaperConfig, Provenance, Tensors};
use crate::nn::PATCH;
use crate::train::reader::Reading;

/// Trains the networks that `options` name.
pub(super) fn learn(options: &Options, run: &mut Run) -> Result<Trained, TrainError> {
    run.tell(TrainingEvent::Stage("reading pictures"));
    let share = run.options.hold_out.unwrap_or(HOLD_OUT);
    let Split { training, held_out } = Split::new(run.options.data.samples.clone(), share);
    let usual = PaperConfig::new(None, None);
    let reading = Reading {
        size: [options.input as usize; 2].into(),
        significant_bits: run.options.data.significant_bits,
    };
    let pictures = Pictures::load(
        &training,
        reading,
        &usual.normalisation,
        run.options.device,
        |index, rgb| match rgb {
            Ok(rgb) => {
                run.thumbnails.trained(&training[index], rgb, reading.size);
                Ok(())
            }
            Err(error) => run.skip(error),
        },
    )?;
    run.check_usable(pictures.len(), held_out.len())?;
    run.check_stop()?;
    let mut provenance = Provenance {
        seed: options.seed,
        ..run.provenance(pictures.len())
    };
    let mut tensors = Tensors::new();
    let (mut global, mut local) = (None, None);
    if let Some(encoder) = &options.global {
        let trained = train_global(encoder, options, &usual, &pictures, run)?;
        global = Some(trained.part(&mut tensors, &mut provenance));
    }
    if let Some(encoder) = &options.local {
        let trained = train_local(encoder, options, &usual, &pictures, run)?;
        local = Some(trained.part(&mut tensors, &mut provenance));
    }
    let config = match options.input {
        PATCH => PaperConfig::of_small_pictures(local),
        _ => PaperConfig::new(global, local),
    };
    let config = ModelConfig::Paper(config);
    config
        .check()
        .map_err(|reason| ModelError::not_a_model(&run.options.out, reason))?;
    Ok(Trained {
        config,
        tensors,
        provenance,
        calibrating: Calibrating::HeldOut(held_out, None),
    })
}

/// The checkpoints beside the model file.
pub(super) const CHECKPOINTS: [state::Kind; 2] = [checkpoint::OF_GLOBAL, checkpoint::OF_LOCAL];
