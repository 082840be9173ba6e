//! Where the latent layer of a network with a frozen encoder starts.
//!
//! Drawn weights see little but the few directions in which normal features vary most; it takes many epochs until the
//! descriptor has learned to look past those. Whitening does that at once: the distance to the centre is a Mahalanobis
//! distance from the first step on, and training goes on from there.

use tch::{Device, Kind, Tensor};

use crate::criterion::CENTRE_MARGIN;

/// Of the mean variance, added to each: directions in which the pictures hardly vary, or which they are too few to
/// show.
const SHRINKAGE: f64 = 0.01;
/// Equal pictures have none at all.
const SMALLEST_VARIANCE: f64 = 1e-6;
/// A layer that sees more features than this has more weights than there are numbers to learn them from.
const MOST_LEARNED: i64 = 1024;
/// What so many features are brought to first: the directions in which they vary most. Longer latents have as many.
const DIRECTIONS: i64 = 512;
/// How often the directions are turned towards those.
const TURNS: usize = 3;

/// A linear layer as it starts.
pub struct Start {
    /// (latent, features).
    pub weight: Tensor,
    /// (latent).
    pub bias: Tensor,
    /// Whether it is to stay so.
    pub stays: bool,
}

/// The layer for the features (N, features) of normal pictures: as many random directions, at right angles, of the
/// whitened features. Latents are centred at [`CENTRE_MARGIN`], where the descriptor may have its centre. `None` if
/// there are not as many directions. Worked out on the CPU, where each draw is the same.
pub fn whitening(features: &Tensor, latent: i64) -> Option<Start> {
    let features = &features.to_device(Device::Cpu);
    let length = features.size()[1];
    if latent > length || features.size()[0] < 2 {
        return None;
    }
    let mean = features.mean_dim([0].as_slice(), true, Kind::Double);
    let centred = features - &mean.to_kind(features.kind());
    let is_long = length > MOST_LEARNED;
    let basis = is_long.then(|| most_varying(&centred, latent.max(DIRECTIONS)));
    let seen = match &basis {
        Some(basis) => centred.matmul(basis),
        None => centred,
    };
    let Spectrum {
        deviations,
        directions,
    } = Spectrum::of(&seen.to_kind(Kind::Double));
    let whitened = directions / deviations;
    let drawn = Tensor::randn([whitened.size()[0], latent], DOUBLE);
    let (chosen, _) = Tensor::linalg_qr(&drawn, "reduced");
    let mut weight = whitened.matmul(&chosen);
    if let Some(basis) = basis {
        weight = basis.to_kind(Kind::Double).matmul(&weight);
    }
    let weight = weight.transpose(0, 1).contiguous();
    let bias = CENTRE_MARGIN - weight.matmul(&mean.view([-1]));
    Some(Start {
        weight: weight.to_kind(Kind::Float),
        bias: bias.to_kind(Kind::Float),
        stays: is_long,
    })
}

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// How numbers vary.
struct Spectrum {
    /// In each direction, never 0: (length).
    deviations: Tensor,
    /// At right angles, a column each: (length, length).
    directions: Tensor,
}

impl Spectrum {
    /// Of centred numbers (N, length).
    fn of(centred: &Tensor) -> Self {
        let covariance = centred.transpose(0, 1).matmul(centred) / (centred.size()[0] - 1) as f64;
        let (variances, directions) = covariance.linalg_eigh("L");
        let variances = variances.clamp_min(0.0);
        let floor = variances.mean(Kind::Double) * SHRINKAGE + SMALLEST_VARIANCE;
        Self {
            deviations: (variances + floor).sqrt(),
            directions,
        }
    }
}

/// What becomes of the layers before and after latents, so that these are white and the same pictures are decoded.
pub struct Whitening {
    /// z' = (z - mean) matrix + [`CENTRE_MARGIN`]; it is symmetric.
    matrix: Tensor,
    inverse: Tensor,
    mean: Tensor,
}

impl Whitening {
    /// Of the latents (N, latent) of normal pictures, two at least.
    pub fn of(latents: &Tensor) -> Self {
        let latents = latents.to_kind(Kind::Double);
        let mean = latents.mean_dim([0].as_slice(), false, Kind::Double);
        let Spectrum {
            deviations,
            directions,
        } = Spectrum::of(&(latents - &mean));
        // Of all matrices that whiten the one that turns nothing: what white latents mean stays.
        let along = |scales: &Tensor| (&directions * scales).matmul(&directions.transpose(0, 1));
        Self {
            matrix: along(&deviations.reciprocal()),
            inverse: along(&deviations),
            mean,
        }
    }

    /// Latents (N, latent) made white.
    pub fn latents(&self, latents: &Tensor) -> Tensor {
        let centred = latents.to_kind(Kind::Double) - &self.mean;
        (centred.matmul(&self.matrix) + CENTRE_MARGIN).to_kind(latents.kind())
    }

    /// Weight (latent, features) and bias of the layer before them.
    pub fn before(&self, weight: &Tensor, bias: &Tensor) -> [Tensor; 2] {
        let [weight, bias] = [weight, bias].map(|part| part.to_kind(Kind::Double));
        [
            self.matrix.matmul(&weight),
            self.matrix.matmul(&(bias - &self.mean)) + CENTRE_MARGIN,
        ]
    }

    /// Weight (outputs, latent) and bias of the layer after them.
    pub fn after(&self, weight: &Tensor, bias: &Tensor) -> [Tensor; 2] {
        let [weight, bias] = [weight, bias].map(|part| part.to_kind(Kind::Double));
        let centre =
            &self.mean - self.inverse.sum_dim_intlist([1].as_slice(), false, None) * CENTRE_MARGIN;
        [weight.matmul(&self.inverse), bias + weight.matmul(&centre)]
    }
}

/// Directions at right angles in which centred features (N, length) vary most: (length, count). Found by turning drawn
/// ones (Halko, Martinsson & Tropp, 2011): all of a few thousand would take minutes. Where the pictures are fewer than
/// that, the rest are as they were drawn.
fn most_varying(centred: &Tensor, count: i64) -> Tensor {
    let length = centred.size()[1];
    let options = (centred.kind(), centred.device());
    let drawn = Tensor::randn([length, count], options);
    let upright = |directions: &Tensor| Tensor::linalg_qr(directions, "reduced").0;
    let mut directions = upright(&drawn);
    // A little of what was drawn is in all, lest those that the pictures do not show be made of rounding.
    let variance = centred.square().mean(Kind::Float).double_value(&[]);
    let little = 1e-3 * variance * centred.size()[0] as f64 + SMALLEST_VARIANCE;
    for _ in 0..TURNS {
        let along = centred.matmul(&directions);
        directions = upright(&(centred.transpose(0, 1).matmul(&along) + directions * little));
    }
    directions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_are_centred_and_uncorrelated() {
        tch::manual_seed(1);
        let mixing = Tensor::randn([6, 6], (Kind::Float, Device::Cpu));
        let features = Tensor::randn([4000, 6], (Kind::Float, Device::Cpu)).matmul(&mixing) + 3.0;
        let Start { weight, bias, .. } = whitening(&features, 3).unwrap();
        let latents = features.linear(&weight, Some(&bias));
        let mean = latents.mean_dim([0].as_slice(), false, Kind::Float);
        assert!((mean - CENTRE_MARGIN).abs().max().double_value(&[]) < 1e-3);
        let latents = latents - CENTRE_MARGIN;
        let covariance = latents.transpose(0, 1).matmul(&latents) / 3999.0;
        let difference = covariance - Tensor::eye(3, (Kind::Float, Device::Cpu));
        assert!(difference.abs().max().double_value(&[]) < 0.2);
        assert!(whitening(&features, 7).is_none());
    }

    /// Features that are more than pictures, and vary in few directions but for noise.
    #[test]
    fn what_varies_most_is_found_among_many_features() {
        tch::manual_seed(1);
        let options = (Kind::Float, Device::Cpu);
        let mixing = Tensor::randn([20, 1500], options);
        let features = |count: i64| {
            Tensor::randn([count, 20], options).matmul(&mixing)
                + Tensor::randn([count, 1500], options) * 0.1
        };
        for count in [40, 600] {
            let seen = features(count);
            let start = whitening(&seen, 512).unwrap();
            assert!(start.stays);
            let distance = |features: &Tensor| {
                let latents = features.linear(&start.weight, Some(&start.bias));
                let squares = (latents - CENTRE_MARGIN).square();
                squares.sum_dim_intlist([1].as_slice(), false, Kind::Float)
            };
            let of = |features: &Tensor| distance(features).mean(Kind::Float).double_value(&[]);
            // A direction that normal pictures do not have, and which is no longer than they are.
            let odd = features(50) + Tensor::randn([1, 1500], options) * 2.0;
            let (known, new, odd) = (of(&seen), of(&features(50)), of(&odd));
            // 1 for each of the twenty; of noise at most its whole variance, 15, over the floor, a hundredth of the mean
            // of 20 * 1500 in 512 directions.
            assert!(known < 46.0 && new < 3.0 * known, "{count}: {known}, {new}");
            assert!(odd > 5.0 * new, "{count}: {odd} against {new}");
        }
    }

    #[test]
    fn whitened_latents_decode_to_the_same() {
        tch::manual_seed(1);
        let options = (Kind::Float, Device::Cpu);
        let drawn = |shape: [i64; 2]| Tensor::randn(shape, options);
        let features = drawn([3000, 6]).matmul(&drawn([6, 6]));
        let (before, after) = (
            (drawn([4, 6]), drawn([1, 4]).view([4])),
            (drawn([5, 4]), drawn([1, 5]).view([5])),
        );
        let latents = features.linear(&before.0, Some(&before.1));
        let decoded = latents.linear(&after.0, Some(&after.1));
        let whitening = Whitening::of(&latents);
        let [weight, bias] = whitening.before(&before.0, &before.1);
        let white = features.to_kind(Kind::Double).linear(&weight, Some(&bias));
        let [weight, bias] = whitening.after(&after.0, &after.1);
        let again = white.linear(&weight, Some(&bias));
        let largest = |tensor: Tensor| tensor.abs().max().double_value(&[]);
        assert!(largest(again - &decoded) < 1e-4 * largest(decoded));
        let centred = white - CENTRE_MARGIN;
        let covariance = centred.transpose(0, 1).matmul(&centred) / 2999.0;
        assert!(largest(covariance - Tensor::eye(4, DOUBLE)) < 0.2);
    }

    #[test]
    fn equal_pictures_do_no_harm() {
        let features = Tensor::ones([9, 4], (Kind::Float, Device::Cpu));
        let Start { weight, bias, .. } = whitening(&features, 2).unwrap();
        assert_eq!(weight.isfinite().all().int64_value(&[]), 1);
        assert_eq!(bias.isfinite().all().int64_value(&[]), 1);
    }
}
