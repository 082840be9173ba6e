//! What a fit keeps of the pictures it has seen: for each place, how many, their mean, and how they vary together. Its
//! size does not depend on their number.

use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use super::error::FitError;
use crate::libtorch::Workers;

const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Most bytes that the matrices may take: machines that inspect are not large.
const MOST_BYTES: i64 = 8 << 30;

/// Places whose matrices a thread works on at once.
const PLACES: i64 = 8;

/// The first two moments of the features of each place.
#[derive(Debug)]
pub struct Moments {
    /// Pictures, or tiles of pictures, that each place has been seen in.
    pub count: i64,
    /// (places, features).
    pub mean: Tensor,
    /// Sums of the products of two deviations from the mean: (places, features, features).
    pub scatter: Tensor,
}

impl Moments {
    /// Fails where they would take more memory than a fit should.
    pub fn new(places: i64, features: i64) -> Result<Self, FitError> {
        let bytes = 4 * places * features * features;
        if bytes > MOST_BYTES {
            return Err(FitError::TooLarge(bytes >> 30));
        }
        Ok(Self {
            count: 0,
            mean: Tensor::zeros([places, features], OPTIONS),
            scatter: Tensor::zeros([places, features, features], OPTIONS),
        })
    }

    /// Adds the features (N, places, features) of N pictures.
    ///
    /// The batch's own mean and scatter are joined with those so far (Chan, Golub & LeVeque, 1983), so that no large
    /// sums are subtracted from each other, and batches of any size come to the same.
    pub fn add(&mut self, features: &Tensor, workers: &Workers) {
        let added = features.size()[0];
        let (before, after) = (self.count as f64, (self.count + added) as f64);
        let by_place = features.transpose(0, 1);
        let mean = by_place.mean_dim([1].as_slice(), true, Kind::Float);
        let shift = mean.squeeze_dim(1) - &self.mean;
        // The shift of the mean counts as one more deviation.
        let weight = (before * added as f64 / after).sqrt();
        let deviations = Tensor::cat(&[by_place - &mean, (&shift * weight).unsqueeze(1)], 1);
        self.mean += shift * (added as f64 / after);
        self.count += added;
        // Each thread has tensors of its own, which are some places of these.
        let scatter = self.scatter.split(PLACES, 0);
        let deviations = deviations.split(PLACES, 0);
        workers.run(|| {
            scatter.into_par_iter().zip(deviations).for_each(
                |(mut scatter, deviations): (Tensor, Tensor)| {
                    no_grad(|| {
                        let _ = scatter.baddbmm_(&deviations.transpose(1, 2), &deviations);
                    });
                },
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 23 pictures with three places of four features, far from zero.
    fn features() -> Tensor {
        tch::manual_seed(11);
        let mixing = Tensor::randn([4, 4], OPTIONS);
        Tensor::randn([23, 3, 4], OPTIONS).matmul(&mixing) + 100.0
    }

    fn of_batches(sizes: &[i64]) -> Moments {
        let workers = Workers::sharing().unwrap();
        let features = features();
        let mut moments = Moments::new(3, 4).unwrap();
        let mut first = 0;
        for &size in sizes {
            moments.add(&features.narrow(0, first, size), &workers);
            first += size;
        }
        assert_eq!(first, 23);
        moments
    }

    fn difference(found: &Tensor, expected: &Tensor) -> f64 {
        let largest = expected.abs().max().double_value(&[]);
        (found - expected).abs().max().double_value(&[]) / largest
    }

    #[test]
    fn too_many_places_are_refused() {
        let error = Moments::new(144 * 256, 304).unwrap_err();
        assert_eq!(error, FitError::TooLarge(12));
    }

    #[test]
    fn they_are_the_moments() {
        let moments = of_batches(&[23]);
        let features = features().to_kind(Kind::Double);
        let mean = features.mean_dim([0].as_slice(), false, Kind::Double);
        let deviations = (&features - &mean).transpose(0, 1);
        let scatter = deviations.transpose(1, 2).matmul(&deviations);
        assert_eq!(moments.count, 23);
        assert!(difference(&moments.mean.to_kind(Kind::Double), &mean) < 1e-6);
        assert!(difference(&moments.scatter.to_kind(Kind::Double), &scatter) < 1e-5);
    }

    #[test]
    fn batches_of_any_size_come_to_the_same() {
        let expected = of_batches(&[23]);
        for sizes in [&[1; 23][..], &[7, 16], &[22, 1], &[5, 5, 5, 5, 3]] {
            let moments = of_batches(sizes);
            assert_eq!(moments.count, 23);
            assert!(difference(&moments.mean, &expected.mean) < 1e-6);
            assert!(difference(&moments.scatter, &expected.scatter) < 1e-5);
        }
    }
}
