//! What the networks' training is told.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::scales::GLOBAL;
use crate::nn::PICTURE;
use crate::train::{self, HOLD_OUT};

/// Where the global network's encoder comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GlobalEncoder {
    /// EfficientNet-Lite0's ImageNet weights, fetched once, frozen.
    EfficientnetLite0,
    /// The same, with what it sees at each of 4x4 places.
    EfficientnetLite0Places,
    /// ResNet-18's from a file with torchvision's names, frozen.
    Resnet18(PathBuf),
    /// Trained with the decoder.
    Scratch,
}

/// Where the local network's encoder comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalEncoder {
    /// EfficientNet-Lite0's ImageNet weights, with what it sees at each of 4x4 places, frozen: of small pictures that
    /// are seen whole.
    EfficientnetLite0Places,
    /// Trained with the decoder.
    Scratch,
    /// From a file whose entries are named as in the local network, with or without `pretrain.`; frozen.
    File(PathBuf),
}

/// How long a network is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over its pictures.
    Epochs(usize),
    /// Steps, however many pictures there are: what is to be compared has as many.
    Steps(usize),
}

impl Length {
    /// Steps in all, of so many an epoch.
    pub(super) fn steps(self, an_epoch: usize) -> usize {
        match self {
            Self::Epochs(epochs) => epochs.saturating_mul(an_epoch),
            Self::Steps(steps) => steps,
        }
    }
}

/// What it is told beside what every training is.
#[derive(Clone, Debug)]
pub struct Options {
    /// `None`: no global network.
    pub global: Option<GlobalEncoder>,
    /// `None`: no local network.
    pub local: Option<LocalEncoder>,
    /// Side of the picture that the networks see: 256, or 32 for a local network alone, which then sees it whole.
    pub input: i64,
    /// Channels of the networks' widest pictures (the paper: 64).
    pub width: i64,
    /// Length of z (the paper: 128).
    pub latent: i64,
    /// Of each network's training.
    pub length: Length,
    /// Both networks together stop after this time, if that is not over before.
    pub time: Option<Duration>,
    /// Share of the time for the global network, where there are two.
    pub global_time_share: f64,
    /// Pictures a step of the global network.
    pub batch: usize,
    /// Patches a step of the local network.
    pub patch_batch: usize,
    /// Adam's step size at the start.
    pub learning_rate: f64,
    /// Share of the interpolation loss in the total (the paper: 0.1). Without it there is no critic.
    pub interpolation: f64,
    /// Whitens the latents of trained encoders with each estimate of the descriptor, lest they shrink to a few
    /// directions.
    pub whiten: bool,
    /// Mirrors every other picture, drawn by lot.
    pub flip: bool,
    /// What is drawn depends on it: weights, the pictures' order and what is mirrored.
    pub seed: i64,
}

impl Options {
    /// What two runs must have in common for one to go on from the other's checkpoint.
    pub(super) fn fingerprint(&self, run: &train::Options) -> String {
        format!(
            "data {}, global {:?}, local {:?}, input {}, width {}, latent {}, batch {}, patches {}, learning rate {}, \
            interpolation {}, whitened {}, mirrored {}, seed {}, held out {}",
            run.data.name,
            self.global,
            self.local,
            self.input,
            self.width,
            self.latent,
            self.batch,
            self.patch_batch,
            self.learning_rate,
            self.interpolation,
            self.whiten,
            self.flip,
            self.seed,
            run.hold_out.unwrap_or(HOLD_OUT)
        )
    }

    /// The time of the network `scale`.
    pub(super) fn time_of(&self, scale: &str) -> Option<Duration> {
        let share = match (&self.global, &self.local) {
            (Some(_), Some(_)) if scale == GLOBAL => self.global_time_share,
            (Some(_), Some(_)) => 1.0 - self.global_time_share,
            _ => 1.0,
        };
        self.time.map(|time| time.mul_f64(share))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            global: Some(GlobalEncoder::EfficientnetLite0),
            local: Some(LocalEncoder::Scratch),
            input: PICTURE,
            width: 16,
            latent: 128,
            length: Length::Epochs(256),
            time: Some(Duration::from_secs(30 * 60)),
            global_time_share: 0.5,
            batch: 16,
            patch_batch: 450,
            learning_rate: 1e-4,
            interpolation: 0.1,
            whiten: false,
            flip: false,
            seed: 1,
        }
    }
}
