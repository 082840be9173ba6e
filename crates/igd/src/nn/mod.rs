//! The networks, with the variable names of the published state dicts.
//!
//! [`Global`] sees the whole picture, [`Local`] its 32x32 patches. Each encodes to a latent z, reconstructs the picture
//! from it, and is trained against a [`Critic`] (paper: Fig. 2 and Section 3).

mod blocks;
mod critic;
pub mod dense;
pub mod efficientnet_lite;
mod encoder;
mod fuse;
mod global;
mod local;
pub mod resnet18;
mod tower;
mod weights;

use serde::{Deserialize, Serialize};
use tch::Tensor;

pub(crate) use blocks::channels_last;
pub use blocks::{Mode, halve};
pub use critic::Critic;
// Detectors use it by themselves; the tests hold it to the plain networks, and a benchmark takes its time.
pub use encoder::{EncoderKind, LocalEncoderKind};
#[doc(hidden)]
pub use fuse::Fused;
pub(crate) use fuse::{FoldedBlock, FusedBackbone, InputShape, Kernel, PaddedKernel, folded};
pub use global::{Global, GlobalConfig};
pub use local::{Local, LocalConfig};
pub(crate) use weights::Init;
pub use weights::{Builder, NetworkTensor, Role, Scope, Weights, WeightsError};

/// Side of the picture the global network sees, in pixels.
pub const PICTURE: i64 = 256;
/// Side of the patches the local network sees, in pixels.
pub const PATCH: i64 = 32;
/// Distance between neighbouring patches, in pixels.
pub const STRIDE: i64 = 16;
/// Patches along a side of the picture: 15, so 225 in all.
pub const PATCHES: i64 = patches_along(PICTURE);

/// Patches along a side of so many pixels, [`PATCH`] at least.
pub(crate) const fn patches_along(side: i64) -> i64 {
    (side - PATCH) / STRIDE + 1
}

/// Length of the feature vector of an encoder that is trained with its decoder.
const TRAINED_FEATURES: i64 = 512;

/// How pictures were normalised before they reach the networks: (x / 255 - mean) / std a channel (R, G, B).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// What is subtracted from values of 0..=1.
    pub mean: [f64; 3],
    /// What the difference is divided by: above 0.
    pub std: [f64; 3],
}

impl Normalisation {
    /// ImageNet's, which the paper uses.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
}

/// A network that encodes pictures to latents and reconstructs pictures from latents (paper: Fig. 2). All tensors are
/// f32.
pub trait Autoencoder {
    /// Side of its pictures in pixels; they are (N, 3, side, side), normalised with ImageNet's mean and deviation.
    fn side(&self) -> i64;
    /// Whether the encoder's weights are fixed, so that a picture's features never change.
    fn frozen(&self) -> bool;
    /// Pictures to the encoder's features (N, features).
    fn features(&self, pictures: &Tensor, mode: Mode) -> Tensor;
    /// Features to latents (N, latent).
    fn latent(&self, features: &Tensor) -> Tensor;
    /// Latents to reconstructions (N, 3, side, side), normalised as the pictures.
    fn generate(&self, latents: &Tensor, mode: Mode) -> Tensor;
}

/// Cuts pictures (N, 3, side, side) into patches (N patches^2, 3, 32, 32), those of a picture row by row: 225 of
/// 256x256.
pub fn patches(pictures: &Tensor) -> Tensor {
    pictures
        .unfold(2, PATCH, STRIDE)
        .unfold(3, PATCH, STRIDE)
        .permute([0, 2, 3, 1, 4, 5])
        .reshape([-1, 3, PATCH, PATCH])
}
