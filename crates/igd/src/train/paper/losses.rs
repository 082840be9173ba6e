//! The losses of one training step (paper: Section 3, Eq. 3 to 7).

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::criterion::{self, Descriptor, MsSsim};
use crate::nn::{Autoencoder, Critic, Mode, Role, Weights};

/// How much of the true picture is mixed into the reconstruction that the critic must call unmixed.
const TRUE_SHARE: f64 = 0.2;
/// Mixing shares are drawn from 0 to this.
const LARGEST_SHARE: f64 = 0.5;
/// The critic's loss where it says the same of every picture, a quarter of [`LARGEST_SHARE`], the best there is to say
/// then: 0.0521. One that is not below it has learned nothing.
pub const LOSS_OF_A_CONSTANT: f64 = LARGEST_SHARE * LARGEST_SHARE * 5.0 / 24.0;

/// The losses of encoder and decoder, each a scalar with gradients, and the pictures they were computed from.
#[derive(Debug)]
pub struct Losses {
    /// 0.85 (1 - MS-SSIM) + 0.15 L1 / range.
    pub reconstruction: Tensor,
    /// 1 - exp(-||z - c||^2 / sigma).
    pub gaussian: Tensor,
    /// The square of the share that the critic finds in pictures decoded from mixtures; 0 without a critic.
    pub interpolation: Tensor,
    /// reconstruction + gaussian + share x interpolation.
    pub total: Tensor,
    reconstructed: Tensor,
    mixed: Option<Shares>,
}

/// How much of each latent is in its mixture, (N, 1).
#[derive(Debug)]
struct Shares {
    /// By the critic.
    found: Tensor,
    true_ones: Tensor,
}

/// Who tells mixtures from reconstructions, and what its opinion weighs.
#[derive(Clone, Copy, Debug)]
pub struct Adversary<'a> {
    /// Who tells them.
    pub critic: &'a Critic,
    /// Share of the interpolation loss in the total (the paper: 0.1).
    pub share: f64,
}

impl Losses {
    /// Mixing shares for a batch: (N, 1), uniform in 0..0.5. The same on all devices.
    pub fn draw_shares(pictures: &Tensor) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        let mut shares = Tensor::empty([pictures.size()[0], 1], options);
        shares
            .uniform_(0.0, LARGEST_SHARE)
            .to_device(pictures.device())
    }

    /// `features` are the encoder's of `pictures`; `shares` (N, 1) say how much of each latent stays in its mixture
    /// with the latent of the picture on the other side of the batch. Without an adversary nothing is mixed.
    pub fn compute(
        network: &impl Autoencoder,
        adversary: Option<Adversary>,
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

        let mixtures = adversary.map(|Adversary { critic, share }| {
            let mixture = shares * &z + (1.0 - shares) * z.flip([0]);
            let found = critic.forward(&network.generate(&mixture, Mode::TrainAside));
            let interpolation = found.square().mean(Kind::Float);
            (found, interpolation, share)
        });

        let reconstruction = reconstruction.mean(Kind::Float);
        let gaussian = descriptor.distance(&z).mean(Kind::Float);
        let mut total = &reconstruction + &gaussian;
        if let Some((_, interpolation, share)) = &mixtures {
            total += interpolation * *share;
        }
        let (mixed, interpolation) = match mixtures {
            Some((found, interpolation, _)) => {
                let true_ones = shares.shallow_clone();
                (Some(Shares { found, true_ones }), interpolation)
            }
            None => (None, gaussian.zeros_like()),
        };
        Self {
            total,
            reconstruction,
            gaussian,
            interpolation,
            reconstructed: reconstructed.detach(),
            mixed,
        }
    }

    /// The critic's loss: it should tell the share in mixtures, and zero in reconstructions. The published code decodes
    /// both anew after the generator's step; using the same pictures, and what the critic found in the mixtures, saves
    /// two passes of the decoder and one of the critic, and changes nothing else. `None` where nothing was mixed.
    pub fn critic(&self, critic: &Critic, pictures: &Tensor) -> Option<Tensor> {
        let Shares { found, true_ones } = self.mixed.as_ref()?;
        let unmixed = &self.reconstructed + (pictures - &self.reconstructed) * TRUE_SHARE;
        let front = (found - true_ones).square().mean(Kind::Float);
        let back = critic.forward(&unmixed).square().mean(Kind::Float);
        Some(front + back)
    }

    /// The correlation of the shares with what the critic found of them in the mixtures: -1 to 1; 0 where nothing was
    /// mixed, or it found the same in all.
    pub fn correlation(&self) -> f64 {
        let Some(Shares { found, true_ones }) = &self.mixed else {
            return 0.0;
        };
        let centred = |shares: &Tensor| {
            let shares = shares.detach().to_kind(Kind::Double);
            &shares - shares.mean(Kind::Double)
        };
        let (found, true_ones) = (centred(found), centred(true_ones));
        let sum = |tensor: Tensor| tensor.sum(Kind::Double).double_value(&[]);
        let length = (sum(found.square()) * sum(true_ones.square())).sqrt();
        match length > 0.0 {
            true => sum(found * true_ones) / length,
            false => 0.0,
        }
    }
}

/// A loss's gradients for the trained weights of a network, by their names.
pub type Gradients = BTreeMap<String, Tensor>;

/// Computes the gradients of `loss` for `weights` and for nothing else, where a plain backward pass goes on to the
/// weights of the other network. `keep_graph` if another loss of the same forward pass comes after.
pub fn gradients(loss: &Tensor, weights: &Weights, keep_graph: bool) -> Gradients {
    let (names, tensors): (Vec<_>, Vec<_>) = weights
        .iter()
        .filter(|(_, weight)| weight.role == Role::Trained)
        .map(|(name, weight)| (name.clone(), &weight.tensor))
        .unzip();
    let gradients = Tensor::run_backward(&[loss], &tensors, keep_graph, false);
    names.into_iter().zip(gradients).collect()
}
