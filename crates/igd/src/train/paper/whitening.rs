//! Where the latent layer of a network with a frozen encoder starts.
//!
//! Drawn weights see little but the few directions in which normal features vary most; it takes many epochs until the
//! descriptor has learned to look past those. Whitening does that at once: the distance to the centre is a Mahalanobis
//! distance from the first step on, and training goes on from there.

use tch::{Device, Kind, Tensor};

/// Of the mean variance, added to each: directions in which the pictures hardly vary, or which they are too few to
/// show.
const SHRINKAGE: f64 = 0.01;
/// Equal pictures have none at all.
const SMALLEST_VARIANCE: f64 = 1e-6;

/// What a linear layer has.
pub struct Linear {
    /// (latent, features).
    pub weight: Tensor,
    /// (latent).
    pub bias: Tensor,
}

/// The layer for the features (N, features) of normal pictures: as many random directions, at right angles, of the
/// whitened features. `None` if there are not as many directions.
pub fn whitening(features: &Tensor, latent: i64) -> Option<Linear> {
    let length = features.size()[1];
    if latent > length || features.size()[0] < 2 {
        return None;
    }
    let features = features.to_kind(Kind::Double);
    let mean = features.mean_dim([0].as_slice(), true, Kind::Double);
    let centred = &features - &mean;
    let covariance = centred.transpose(0, 1).matmul(&centred) / (features.size()[0] - 1) as f64;
    let (variances, directions) = covariance.linalg_eigh("L");
    let variances = variances.clamp_min(0.0);
    let floor = variances.mean(Kind::Double) * SHRINKAGE + SMALLEST_VARIANCE;
    let whitened = directions / (variances + floor).sqrt();
    let drawn = Tensor::randn([length, latent], (Kind::Double, Device::Cpu));
    let (chosen, _) = Tensor::linalg_qr(&drawn, "reduced");
    let weight = whitened.matmul(&chosen).transpose(0, 1).contiguous();
    let bias = -weight.matmul(&mean.view([-1]));
    Some(Linear {
        weight: weight.to_kind(Kind::Float),
        bias: bias.to_kind(Kind::Float),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_are_centred_and_uncorrelated() {
        tch::manual_seed(1);
        let mixing = Tensor::randn([6, 6], (Kind::Float, Device::Cpu));
        let features = Tensor::randn([4000, 6], (Kind::Float, Device::Cpu)).matmul(&mixing) + 3.0;
        let Linear { weight, bias } = whitening(&features, 3).unwrap();
        let latents = features.linear(&weight, Some(&bias));
        let mean = latents.mean_dim([0].as_slice(), false, Kind::Float);
        assert!(mean.abs().max().double_value(&[]) < 1e-3);
        let covariance = latents.transpose(0, 1).matmul(&latents) / 3999.0;
        let difference = covariance - Tensor::eye(3, (Kind::Float, Device::Cpu));
        assert!(difference.abs().max().double_value(&[]) < 0.2);
        assert!(whitening(&features, 7).is_none());
    }

    #[test]
    fn equal_pictures_do_no_harm() {
        let features = Tensor::ones([9, 4], (Kind::Float, Device::Cpu));
        let Linear { weight, bias } = whitening(&features, 2).unwrap();
        assert_eq!(weight.isfinite().all().int64_value(&[]), 1);
        assert_eq!(bias.isfinite().all().int64_value(&[]), 1);
    }
}
