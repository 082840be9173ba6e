//! What a training run is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::data::TrainingSet;
use crate::model::FALSE_POSITIVE_RATE;
use crate::nn::PICTURE;
use crate::train::HOLD_OUT;

/// Where the global network's encoder comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GlobalEncoder {
    /// EfficientNet-Lite0's ImageNet weights, fetched once, frozen.
    EfficientnetLite0,
    /// ResNet-18's from a file with torchvision's names, frozen.
    Resnet18(PathBuf),
    /// Trained with the decoder.
    Scratch,
}

/// Where the local network's encoder comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalEncoder {
    /// Trained with the decoder.
    Scratch,
    /// From a file whose entries are named as in the local network, with or without `pretrain.`; frozen.
    File(PathBuf),
}

/// A run of `igd train`.
#[derive(Clone, Debug)]
pub struct Options {
    pub data: TrainingSet,
    /// The model file to write. Checkpoints lie beside it.
    pub out: PathBuf,
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
    /// Passes over the training pictures of each network.
    pub epochs: usize,
    /// Both networks together stop after this time, if the epochs are not over before.
    pub time: Option<Duration>,
    /// Share of the time for the global network, where there are two.
    pub global_time_share: f64,
    /// Pictures a step of the global network.
    pub batch: usize,
    /// Patches a step of the local network.
    pub patch_batch: usize,
    pub learning_rate: f64,
    /// Share of the interpolation loss in the total (the paper: 0.1). Without it there is no critic.
    pub interpolation: f64,
    /// Mirrors every other picture, drawn by lot.
    pub flip: bool,
    pub seed: i64,
    /// A picture that cannot be used ends the training; else it is left out.
    pub strict: bool,
    /// Share of the normal pictures that is kept for calibration.
    pub hold_out: f64,
    /// Share of the held-out pictures that may lie above the threshold.
    pub false_positive_rate: f64,
    /// Time between two checkpoints within an epoch. Each epoch ends with one, unless they would take too much of the
    /// time.
    pub checkpoint_interval: Duration,
    /// Leave the checkpoints when the model is written, until [`forget`](super::forget): to resume then writes it once
    /// more.
    pub keep: bool,
    /// Go on from the checkpoint, if there is one.
    pub resume: bool,
    /// Once it is true, the training saves a checkpoint and ends as [`Stopped`](super::TrainError::Stopped).
    pub stop: Arc<AtomicBool>,
}

impl Options {
    /// What two runs must have in common for one to go on from the other's checkpoint.
    pub(super) fn fingerprint(&self) -> String {
        format!(
            "data {}, global {:?}, local {:?}, input {}, width {}, latent {}, batch {}, patches {}, learning rate {}, \
            interpolation {}, mirrored {}, seed {}, held out {}",
            self.data.name,
            self.global,
            self.local,
            self.input,
            self.width,
            self.latent,
            self.batch,
            self.patch_batch,
            self.learning_rate,
            self.interpolation,
            self.flip,
            self.seed,
            self.hold_out
        )
    }

    /// The paper's settings for a set of normal pictures.
    pub fn new(data: TrainingSet, out: PathBuf) -> Self {
        Self {
            data,
            out,
            global: Some(GlobalEncoder::EfficientnetLite0),
            local: Some(LocalEncoder::Scratch),
            input: PICTURE,
            width: 16,
            latent: 128,
            epochs: 256,
            time: Some(Duration::from_secs(30 * 60)),
            global_time_share: 0.5,
            batch: 16,
            patch_batch: 450,
            learning_rate: 1e-4,
            interpolation: 0.1,
            flip: false,
            seed: 1,
            strict: false,
            hold_out: HOLD_OUT,
            false_positive_rate: FALSE_POSITIVE_RATE,
            checkpoint_interval: Duration::from_secs(30),
            keep: false,
            resume: false,
            stop: Arc::default(),
        }
    }
}
