//! What a model consists of: the `config` entry of the file's header.

mod dense;
mod paper;

use serde::{Deserialize, Serialize};

pub(crate) use self::dense::DETAIL_DIMENSIONS;
pub use self::dense::{Alignment, DenseConfig, Tiling};
pub use self::paper::PaperConfig;
use crate::nn::{GlobalConfig, LocalConfig};

/// How wide a model's weights are stored; statistics are f32 always, and all is computed with in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 4 bytes a number.
    F32,
    /// 2 bytes a number: half the file.
    F16,
}

/// Everything needed to rebuild a model around the file's tensors, by the family it belongs to: `profile` in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "profile", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The two networks of the paper, or one of them.
    Paper(PaperConfig),
    /// Gaussian descriptors of a frozen backbone's features, one a place.
    Dense(DenseConfig),
}

impl ModelConfig {
    /// The paper's settings around the given networks.
    pub fn paper(global: Option<GlobalConfig>, local: Option<LocalConfig>) -> Self {
        Self::Paper(PaperConfig::new(global, local))
    }

    /// Width and height in pixels of the picture that the model sees.
    pub fn input(&self) -> [usize; 2] {
        match self {
            Self::Paper(config) => config.input,
            Self::Dense(config) => config.picture(),
        }
    }

    /// What a dense model consists of; `None` for other models.
    pub fn dense(&self) -> Option<&DenseConfig> {
        match self {
            Self::Paper(_) => None,
            Self::Dense(config) => Some(config),
        }
    }

    /// How wide the model's file stores weights: a dense model is mostly numbers that were measured, not learned, and
    /// loses nothing.
    pub fn storage(&self) -> Storage {
        match self {
            Self::Paper(_) => Storage::F32,
            Self::Dense(_) => Storage::F16,
        }
    }

    /// The profile's name and family, for people.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Paper(_) => "paper: Interpolated Gaussian Descriptors (Chen et al., AAAI 2022)",
            Self::Dense(_) => {
                "dense: a PaDiM-like Gaussian a place on a frozen backbone's features, judged by IGD's criterion"
            }
        }
    }

    /// Refuses what nothing can be built from; the reason names the field.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Paper(config) => config.check(),
            Self::Dense(config) => config.check(),
        }
    }
}
