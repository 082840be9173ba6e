//! The local network: sees patches of 32x32 (paper: Fig. 2).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::blocks::{BatchNorm2d, Conv2d, Linear, Mode, Norm, ResidualUp, channels_last};
use super::efficientnet_lite::{Pooling, STEM};
use super::encoder::{Encoder, LocalEncoderKind};
use super::tower::{SMALLEST_SIDE, Tower};
use super::weights::{Init, Scope, WeightsError};
use super::{Autoencoder, Normalisation, PATCH, TRAINED_FEATURES};

/// The local network's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// What the latents are made of.
    #[serde(default, skip_serializing_if = "LocalEncoderKind::is_tower")]
    pub encoder: LocalEncoderKind,
    /// Whether the encoder came from elsewhere and stays as it is (the paper's), or is trained with the decoder.
    pub frozen_encoder: bool,
    /// Channels of the encoder's first block (the paper: 64).
    pub encoder_width: i64,
    /// Channels of the decoder's last block (the paper: 64).
    pub width: i64,
    /// Length of z (the paper: 128).
    pub latent: i64,
}

impl LocalConfig {
    /// Reads the sizes off a state dict's shapes, and takes the encoder for a frozen one, as published. Fails where an
    /// entry is missing that tells them.
    pub fn of_checkpoint(given: &Scope) -> Result<Self, WeightsError> {
        let (encoder, encoder_width) = if given.has("pretrain._conv_stem.weight") {
            (LocalEncoderKind::EfficientnetLite0Places, STEM)
        } else {
            let width = given.length("pretrain.conv1.conv.bias")?;
            (LocalEncoderKind::Tower, width)
        };
        Ok(Self {
            encoder,
            frozen_encoder: true,
            encoder_width,
            width: given.length("bn.weight")?,
            latent: given.length("ln11.bias")?,
        })
    }
}

/// The network for patches: see [`Autoencoder`].
#[derive(Debug)]
pub struct Local {
    pub(super) pretrain: Encoder,
    pub(super) ln11: Linear,
    pub(super) ln1: Linear,
    pub(super) blocks: [ResidualUp; 3],
    pub(super) bn: BatchNorm2d,
    pub(super) conv1: Conv2d,
    width: i64,
}

impl Local {
    /// Takes the tensors from `scope`. `normalisation` is how the pictures are normalised. Fails where `scope` does not
    /// give what the sizes ask for.
    pub fn new(
        scope: Scope,
        config: &LocalConfig,
        normalisation: &Normalisation,
    ) -> Result<Self, WeightsError> {
        let &LocalConfig {
            encoder,
            frozen_encoder,
            encoder_width,
            width,
            latent,
        } = config;
        let pretrain = (&scope / "pretrain").frozen(frozen_encoder);
        let pretrain = match encoder {
            LocalEncoderKind::Tower => Encoder::Tower {
                tower: Tower::local(pretrain, encoder_width, Norm::Batch, TRAINED_FEATURES)?,
                frozen: frozen_encoder,
            },
            LocalEncoderKind::EfficientnetLite0Places => {
                Encoder::efficientnet_lite0(pretrain, normalisation, Pooling::Places)?
            }
        };
        let conv1 = &scope / "conv1" / "conv";
        Ok(Self {
            pretrain,
            ln11: Linear::new(&scope / "ln11", encoder.features(), latent)?,
            ln1: Linear::new(
                &scope / "ln1",
                latent,
                SMALLEST_SIDE * SMALLEST_SIDE * 8 * width,
            )?,
            blocks: [
                ResidualUp::new(&scope / "rb1", 8 * width, 4 * width)?,
                ResidualUp::new(&scope / "rb2", 4 * width, 2 * width)?,
                ResidualUp::new(&scope / "rb3", 2 * width, width)?,
            ],
            bn: BatchNorm2d::new(&scope / "bn", width)?,
            conv1: Conv2d::new(conv1, [width, 3, 3], Init::KaimingUniform)?,
            width,
        })
    }
}

impl Autoencoder for Local {
    fn side(&self) -> i64 {
        PATCH
    }

    fn frozen(&self) -> bool {
        self.pretrain.frozen()
    }

    fn features(&self, pictures: &Tensor, mode: Mode) -> Tensor {
        self.pretrain.forward(pictures, mode)
    }

    fn latent(&self, features: &Tensor) -> Tensor {
        self.ln11.forward(features)
    }

    fn generate(&self, latents: &Tensor, mode: Mode) -> Tensor {
        let x = self.ln1.forward(latents);
        let mut x = channels_last(&x.view([-1, 8 * self.width, SMALLEST_SIDE, SMALLEST_SIDE]));
        for block in &self.blocks {
            x = block.forward(&x, mode);
        }
        let x = self.bn.forward(&x, mode).relu_();
        self.conv1.forward(&x)
    }
}
