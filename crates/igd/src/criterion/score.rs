//! The anomaly score (paper: Section 3.3).

use serde::{Deserialize, Serialize};

/// How the two terms of a scale are mixed. Both weights are 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermWeights {
    /// Of the reconstruction error: see [`reconstruction`](super::reconstruction).
    pub reconstruction: f32,
    /// Of the distance from the descriptor: see [`Descriptor::distance`](super::Descriptor::distance).
    pub gaussian: f32,
}

impl TermWeights {
    /// The score of one picture or patch.
    pub fn mix(&self, reconstruction: f32, gaussian: f32) -> f32 {
        self.reconstruction * reconstruction + self.gaussian * gaussian
    }
}

/// How a picture's score is made of the scales.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreWeights {
    /// At the global scale.
    pub global: TermWeights,
    /// At the local scale, of each patch; the worst one counts.
    pub local: TermWeights,
    /// Share of the global scale in score and map, 0..=1, where both scales are there.
    pub global_share: f32,
}

impl ScoreWeights {
    /// The paper's: texture is judged on patches, the latent on the whole.
    pub const PAPER: Self = Self {
        global: TermWeights {
            reconstruction: 0.1,
            gaussian: 0.9,
        },
        local: TermWeights {
            reconstruction: 0.9,
            gaussian: 0.1,
        },
        global_share: 0.5,
    };

    /// Where the local network sees the whole of a small picture, it judges the latent as well: half and half, as the
    /// published code has it for that network by itself.
    pub const SINGLE: Self = Self {
        local: TermWeights {
            reconstruction: 0.5,
            gaussian: 0.5,
        },
        ..Self::PAPER
    };

    /// The same with an encoder from ImageNet, whose latents tell more than the reconstruction does: as the paper's
    /// network of the whole picture.
    pub const SINGLE_IMAGENET: Self = Self {
        local: Self::PAPER.global,
        ..Self::PAPER
    };

    /// Mixes the values of the two scales; if one is absent, the other is all, and NaN if both are.
    pub fn combine(&self, global: Option<f32>, local: Option<f32>) -> f32 {
        match (global, local) {
            (Some(global), Some(local)) => {
                self.global_share * global + (1.0 - self.global_share) * local
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => f32::NAN,
        }
    }
}
