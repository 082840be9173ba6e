//! The losses of one training step (paper: Section 3, Eq. 3 to 7).

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::criterion::{self, Descriptor, MsSsim};
use crate::nn::{Autoencoder, Critic, Mode, Role, Weights};

/// Share of the interpolation loss in the total.
const INTERPOLATION: f64 = 0.1;
/// How much of the true picture is mixed into the reconstruction that the critic must call unmixed.
const TRUE_SHARE: f64 = 0.2;
/// Mixing shares are drawn from 0 to this.
const LARGEST_SHARE: f64 = 0.5;

/// The losses of encoder and decoder, each a scalar with gradients, and the pictures they were computed from.
#[derive(Debug)]
pub struct Losses {
    /// 0.85 (1 - MS-SSIM) + 0.15 L1 / range.
    pub reconstruction: Tensor,
    /// 1 - exp(-||z - c||^2 / sigma).
    pub gaussian: Tensor,
    /// The square of the share that the critic finds in pictures decoded from mixtures.
    pub interpolation: Tensor,
    /// reconstruction + gaussian + 0.1 interpolation.
    pub total: Tensor,
    reconstructed: Tensor,
    /// The shares that the critic finds in the mixtures, and the true ones.
    found: Tensor,
    shares: Tensor,
}

impl Losses {
    /// Mixing shares for a batch: (N, 1), uniform in 0..0.5.
    pub fn draw_shares(pictures: &Tensor) -> Tensor {
        let options = (Kind::Float, pictures.device());
        Tensor::empty([pictures.size()[0], 1], options).uniform_(0.0, LARGEST_SHARE)
    }

    /// `features` are the encoder's of `pictures`; `shares` (N, 1) say how much of each latent stays in its mixture with the
    /// latent of the picture on the other side of the batch.
    pub fn compute(
        network: &impl Autoencoder,
        critic: &Critic,
        criterion: &MsSsim,
        descriptor: &Descriptor,
        pictures: &Tensor,
        features: &Tensor,
        shares: &Tensor,
    ) -> Self {
        let z = network.latent(features);
        let reconstructed = network.generate(&z, Mode::Train);
        let similarity = criterion.compare(pictures, &reconstructed);
        let reconstruction = criterion::reconstruction(
            pictures,
            &reconstructed,
            &similarity.value,
            criterion.range(),
        );

        let mixture = shares * &z + (1.0 - shares) * z.flip([0]);
        let mixed = network.generate(&mixture, Mode::Train);

        let reconstruction = reconstruction.mean(Kind::Float);
        let gaussian = descriptor.distance(&z).mean(Kind::Float);
        let found = critic.forward(&mixed);
        let interpolation = found.square().mean(Kind::Float);
        Self {
            total: &reconstruction + &gaussian + &interpolation * INTERPOLATION,
            reconstruction,
            gaussian,
            interpolation,
            reconstructed: reconstructed.detach(),
            found,
            shares: shares.shallow_clone(),
        }
    }

    /// The critic's loss: it should tell the share in mixtures, and zero in reconstructions. The published code decodes both
    /// anew after the generator's step; using the same pictures, and what the critic found in the mixtures, saves two passes
    /// of the decoder and one of the critic, and changes nothing else.
    pub fn critic(&self, critic: &Critic, pictures: &Tensor) -> Tensor {
        let unmixed = &self.reconstructed + (pictures - &self.reconstructed) * TRUE_SHARE;
        let front = (&self.found - &self.shares).square().mean(Kind::Float);
        let back = critic.forward(&unmixed).square().mean(Kind::Float);
        front + back
    }
}

/// A loss's gradients for the trained weights of a network, by their names.
pub type Gradients = BTreeMap<String, Tensor>;

/// Computes the gradients of `loss` for `weights` and for nothing else, where a plain backward pass goes on to the weights of
/// the other network. `keep_graph` if another loss of the same forward pass comes after.
pub fn gradients(loss: &Tensor, weights: &Weights, keep_graph: bool) -> Gradients {
    let (names, tensors): (Vec<_>, Vec<_>) = weights
        .iter()
        .filter(|(_, weight)| weight.role == Role::Trained)
        .map(|(name, weight)| (name.clone(), &weight.tensor))
        .unzip();
    let gradients = Tensor::run_backward(&[loss], &tensors, keep_graph, false);
    names.into_iter().zip(gradients).collect()
}
