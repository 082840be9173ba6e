//! The critic: looks at a picture decoded from a mixture of two latents and tells the share of the second (paper:
//! Section 3, the interpolation constraint). Used in training only.

use tch::Tensor;

use super::blocks::{Mode, Norm};
use super::tower::Tower;
use super::weights::{Scope, WeightsError};

/// The network that judges reconstructions while an [`Autoencoder`](super::Autoencoder) is trained against it.
#[derive(Debug)]
pub struct Critic {
    tower: Tower,
    /// The published local critic ends in a sigmoid, the global one does not.
    bounded: bool,
}

impl Critic {
    /// For whole pictures, 256x256, with `width` channels in its first block. Fails where `scope` does not give the
    /// tensors.
    pub fn global(scope: Scope, width: i64) -> Result<Self, WeightsError> {
        Ok(Self {
            tower: Tower::global(scope, width, Norm::Layer, 1)?,
            bounded: false,
        })
    }

    /// For patches, 32x32. See [`Critic::global`].
    pub fn local(scope: Scope, width: i64) -> Result<Self, WeightsError> {
        Ok(Self {
            tower: Tower::local(scope, width, Norm::Layer, 1)?,
            bounded: true,
        })
    }

    /// Normalised pictures (N, 3, side, side) to shares of the second latent (N, 1): in 0..=1 for patches, any number
    /// for whole pictures.
    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        // Layer norm does the same in both modes.
        let shares = self.tower.forward(pictures, Mode::Evaluate);
        if self.bounded {
            shares.sigmoid()
        } else {
            shares
        }
    }
}
