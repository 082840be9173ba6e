//! The Gaussian descriptor of normal latents (paper: Section 3.1).

use tch::{Kind, Tensor};

/// Entries of the centre stay at least this far from zero: a latent of zeros must not be the easy answer.
pub(crate) const CENTRE_MARGIN: f64 = 0.1;
/// sigma is at least this, or latents that shrink towards each other would make it vanish.
const SMALLEST_SIGMA: f64 = 1.0;

/// Centre and spread of the latents of normal pictures.
#[derive(Debug)]
pub struct Descriptor {
    /// (1, latent).
    pub c: Tensor,
    /// Mean squared distance to the centre: a scalar.
    pub sigma: Tensor,
}

impl Descriptor {
    /// The E step of the training: the descriptor of the latents (N, latent) of all training pictures. Entries of c
    /// keep at least 0.1 from zero, and sigma is at least 1.
    pub fn estimate(latents: &Tensor) -> Self {
        let mean = latents.mean_dim([0].as_slice(), true, Kind::Float);
        let moved = mean.sign() * CENTRE_MARGIN;
        let c = mean.where_self(&mean.abs().ge(CENTRE_MARGIN), &moved);
        let sigma = squared_distance(latents, &c)
            .mean(Kind::Float)
            .clamp_min(SMALLEST_SIGMA);
        Self { c, sigma }
    }

    /// How far a latent is from normal, 1 - exp(-||z - c||^2 / sigma): (N, latent) to (N), in 0..=1.
    pub fn distance(&self, latents: &Tensor) -> Tensor {
        1.0 - (-squared_distance(latents, &self.c) / &self.sigma).exp()
    }
}

fn squared_distance(latents: &Tensor, c: &Tensor) -> Tensor {
    (latents - c)
        .square()
        .sum_dim_intlist([1].as_slice(), false, Kind::Float)
}
