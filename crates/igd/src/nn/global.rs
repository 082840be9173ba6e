//! The global network: sees the whole picture at 256x256 (paper: Fig. 2).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::blocks::{BatchNorm2d, Conv2d, Linear, Mode, Norm, ResidualUp, channels_last};
use super::efficientnet_lite::Pooling;
use super::encoder::{Encoder, EncoderKind};
use super::resnet18::Resnet18;
use super::tower::{SMALLEST_SIDE, Tower};
use super::weights::{Init, Scope, WeightsError};
use super::{Autoencoder, Normalisation, PICTURE, TRAINED_FEATURES};

/// The global network's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalConfig {
    /// What the latents are made of.
    pub encoder: EncoderKind,
    /// Channels of the decoder's last block (the paper: 64).
    pub width: i64,
    /// Length of z (the paper: 128).
    pub latent: i64,
}

impl GlobalConfig {
    /// Reads the encoder off a state dict's names and the sizes off its shapes. Fails where an entry is missing that
    /// tells them.
    pub fn of_checkpoint(given: &Scope) -> Result<Self, WeightsError> {
        let encoder = if given.has("pretrain.0.weight") {
            EncoderKind::Resnet18
        } else if given.has("pretrain._conv_stem.weight") {
            // The last stage is a part of means alone.
            match given.has("pretrain._blocks.15._project_conv.weight") {
                true => EncoderKind::EfficientnetLite0,
                false => EncoderKind::EfficientnetLite0Places,
            }
        } else {
            EncoderKind::Scratch
        };
        Ok(Self {
            encoder,
            width: given.length("bn.weight")?,
            latent: given.length("ln11.bias")?,
        })
    }
}

/// The network for whole pictures: see [`Autoencoder`].
#[derive(Debug)]
pub struct Global {
    pub(super) pretrain: Encoder,
    pub(super) ln11: Linear,
    pub(super) ln1: Linear,
    pub(super) up1: Conv2d,
    pub(super) blocks: [ResidualUp; 4],
    pub(super) bn: BatchNorm2d,
    pub(super) up2: Conv2d,
    width: i64,
}

impl Global {
    /// Takes the tensors from `scope`. `normalisation` is how the pictures are normalised. Fails where `scope` does not
    /// give what the sizes ask for.
    pub fn new(
        scope: Scope,
        config: &GlobalConfig,
        normalisation: &Normalisation,
    ) -> Result<Self, WeightsError> {
        let &GlobalConfig {
            encoder,
            width,
            latent,
        } = config;
        let pretrain = (&scope / "pretrain").frozen(encoder != EncoderKind::Scratch);
        let efficientnet =
            |scope, pooling| Encoder::efficientnet_lite0(scope, normalisation, pooling);
        let pretrain = match encoder {
            EncoderKind::Resnet18 => Encoder::Resnet18(Resnet18::new(pretrain)?),
            EncoderKind::EfficientnetLite0 => efficientnet(pretrain, Pooling::Whole)?,
            EncoderKind::EfficientnetLite0Places => efficientnet(pretrain, Pooling::Places)?,
            EncoderKind::Scratch => Encoder::Tower {
                tower: Tower::global(pretrain, width, Norm::Batch, TRAINED_FEATURES)?,
                frozen: false,
            },
        };
        let up1 = &scope / "up1" / "conv" / "conv";
        let up2 = &scope / "up2" / "conv" / "conv";
        Ok(Self {
            pretrain,
            ln11: Linear::new(&scope / "ln11", encoder.features(), latent)?,
            ln1: Linear::new(
                &scope / "ln1",
                latent,
                SMALLEST_SIDE * SMALLEST_SIDE * 8 * width,
            )?,
            up1: Conv2d::new(up1, [8 * width, 8 * width, 3], Init::KaimingUniform)?,
            blocks: [
                ResidualUp::new(&scope / "rb1", 8 * width, 8 * width)?,
                ResidualUp::new(&scope / "rb2", 8 * width, 4 * width)?,
                ResidualUp::new(&scope / "rb3", 4 * width, 2 * width)?,
                ResidualUp::new(&scope / "rb4", 2 * width, width)?,
            ],
            bn: BatchNorm2d::new(&scope / "bn", width)?,
            up2: Conv2d::new(up2, [width, 3, 5], Init::KaimingUniform)?,
            width,
        })
    }
}

impl Autoencoder for Global {
    fn side(&self) -> i64 {
        PICTURE
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
        let x = channels_last(&x.view([-1, 8 * self.width, SMALLEST_SIDE, SMALLEST_SIDE]));
        let mut x = self.up1.double_then_forward(&x);
        for block in &self.blocks {
            x = block.forward(&x, mode);
        }
        let x = self.bn.forward(&x, mode).relu_();
        self.up2.double_then_forward(&x)
    }
}
