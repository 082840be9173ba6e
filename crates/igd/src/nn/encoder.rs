//! What the two networks' latents are made of.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::blocks::Mode;
use super::efficientnet_lite::{EfficientnetLite0, Pooling};
use super::resnet18::{self, Resnet18};
use super::tower::Tower;
use super::weights::{Scope, WeightsError};
use super::{Normalisation, TRAINED_FEATURES};

/// Which encoder the global network stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// ResNet-18 on ImageNet, frozen: the paper's.
    Resnet18,
    /// EfficientNet-Lite0 on ImageNet, frozen: means over the picture of its last three stages.
    EfficientnetLite0,
    /// The same network: its fifth and sixth stage at each of 4x4 places.
    EfficientnetLite0Places,
    /// Residual blocks trained together with the decoder.
    Scratch,
}

impl EncoderKind {
    /// Length of the feature vector.
    pub fn features(self) -> i64 {
        match self {
            Self::Resnet18 => resnet18::FEATURES,
            Self::EfficientnetLite0 => Pooling::Whole.features(),
            Self::EfficientnetLite0Places => Pooling::Places.features(),
            Self::Scratch => TRAINED_FEATURES,
        }
    }
}

/// Which encoder the local network stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalEncoderKind {
    /// Residual blocks: the paper's.
    #[default]
    Tower,
    /// As [`EncoderKind::EfficientnetLite0Places`], of small pictures that are seen whole.
    EfficientnetLite0Places,
}

impl LocalEncoderKind {
    /// Length of the feature vector.
    pub fn features(self) -> i64 {
        match self {
            Self::Tower => TRAINED_FEATURES,
            Self::EfficientnetLite0Places => Pooling::Places.features(),
        }
    }

    /// Files say what it is where it is not this: those of before there were two do not.
    pub(super) fn is_tower(&self) -> bool {
        *self == Self::Tower
    }
}

/// (N, 3, side, side), ImageNet-normalised, to (N, features).
#[derive(Debug)]
pub(super) enum Encoder {
    Resnet18(Resnet18),
    EfficientnetLite0(EfficientnetLite0),
    /// Trained with the decoder, or from elsewhere and frozen.
    Tower {
        tower: Tower,
        frozen: bool,
    },
}

impl Encoder {
    /// EfficientNet-Lite0 in the one or the other way.
    pub fn efficientnet_lite0(
        scope: Scope,
        normalisation: &Normalisation,
        pooling: Pooling,
    ) -> Result<Self, WeightsError> {
        EfficientnetLite0::new(scope, normalisation, pooling).map(Self::EfficientnetLite0)
    }

    /// Whether its weights are fixed.
    pub fn frozen(&self) -> bool {
        !matches!(self, Self::Tower { frozen: false, .. })
    }

    pub fn forward(&self, pictures: &Tensor, mode: Mode) -> Tensor {
        match self {
            Self::Resnet18(encoder) => encoder.forward(pictures),
            Self::EfficientnetLite0(encoder) => encoder.forward(pictures),
            Self::Tower { tower, frozen } => {
                // A frozen encoder keeps its statistics too.
                tower.forward(pictures, if *frozen { Mode::Evaluate } else { mode })
            }
        }
    }
}
