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

    /// The same memory again, to fit to.
    pub fn share(&self) -> Self {
        Self {
            count: self.count,
            mean: self.mean.shallow_clone(),
            scatter: self.scatter.shallow_clone(),
        }
    }

    /// Adds the features (N, places, features) of N pictures.
    ///
    /// The batch's own mean and scatter are joined with those so far (Chan, Golub & LeVeque, 1983), so that no large
    /// sums are subtracted from each other, and batches of any size come to the same.
    pub fn add(&mut self, features: &Tensor, workers: &Workers) {
        let batch = Batch::of(features);
        let shift = &batch.mean - &self.mean;
        let share = batch.count as f64 / (self.count + batch.count) as f64;
        // The shift of the mean counts as one more deviation.
        let deviations = batch.deviations(&shift, self.count as f64 * share);
        self.mean += shift * share;
        self.count += batch.count;
        self.scatter(&deviations, &deviations, workers);
    }

    /// Takes the features (N, places, features) of N pictures out again, which must be some that were added, and not
    /// all of them.
    pub fn remove(&mut self, features: &Tensor, workers: &Workers) {
        let batch = Batch::of(features);
        let rest = (self.count - batch.count) as f64;
        self.mean -= (&batch.mean - &self.mean) * (batch.count as f64 / rest);
        let shift = &batch.mean - &self.mean;
        let weight = rest * batch.count as f64 / self.count as f64;
        let deviations = batch.deviations(&shift, weight);
        self.count -= batch.count;
        self.scatter(&-&deviations, &deviations, workers);
    }

    /// Adds the products of deviations (places, N, features).
    fn scatter(&mut self, left: &Tensor, right: &Tensor, workers: &Workers) {
        // Each thread has tensors of its own, which are some places of these.
        let scatter = self.scatter.split(PLACES, 0);
        let factors = left
            .split(PLACES, 0)
            .into_iter()
            .zip(right.split(PLACES, 0));
        let chunks: Vec<_> = scatter.into_iter().zip(factors).collect();
        workers.run(|| {
            chunks.into_par_iter().for_each(
                |(mut scatter, (left, right)): (Tensor, (Tensor, Tensor))| {
                    no_grad(|| {
                        let _ = scatter.baddbmm_(&left.transpose(1, 2), &right);
                    });
                },
            );
        });
    }
}

/// Some pictures' own moments.
struct Batch {
    count: i64,
    /// (places, N, features).
    by_place: Tensor,
    /// (places, features).
    mean: Tensor,
}

impl Batch {
    fn of(features: &Tensor) -> Self {
        let by_place = features.transpose(0, 1);
        Self {
            count: features.size()[0],
            mean: by_place.mean_dim([1].as_slice(), false, Kind::Float),
            by_place,
        }
    }

    /// From its mean, and a shift of the mean with a weight: (places, N + 1, features).
    fn deviations(&self, shift: &Tensor, weight: f64) -> Tensor {
        let own = &self.by_place - self.mean.unsqueeze(1);
        Tensor::cat(&[own, (shift * weight.sqrt()).unsqueeze(1)], 1)
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
    fn what_is_taken_out_might_never_have_been_there() {
        let workers = Workers::sharing().unwrap();
        let features = features();
        let mut expected = Moments::new(3, 4).unwrap();
        expected.add(&features.narrow(0, 0, 15), &workers);
        let mut found = of_batches(&[23]);
        found.remove(&features.narrow(0, 15, 1), &workers);
        found.remove(&features.narrow(0, 16, 7), &workers);
        assert_eq!(found.count, 15);
        assert!(difference(&found.mean, &expected.mean) < 1e-6);
        assert!(difference(&found.scatter, &expected.scatter) < 1e-4);
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
