//! From moments to descriptors, in closed form.

use std::ops::Range;

use rayon::prelude::*;
use tch::{Kind, Tensor, no_grad};

use super::error::FitError;
use super::moments::Moments;
use crate::criterion::{Field, LeftOutField};
use crate::libtorch::{SyncRef, Workers};

/// How much of each place's covariance is given up for one without directions, so that what its pictures were too few
/// to show is not taken for impossible.
const SHRINKAGE: f64 = 0.02;
/// Each place counts as if it had been seen in so many pictures more, in which it varies as all places do on the
/// average: of few pictures, most directions of a place are not known.
const PRIOR: f64 = 20.0;
/// The least variance of a place there, of the mean over all places: the black bars of a film never change, and a
/// decoder's noise there is no anomaly.
const LEAST_VARIANCE: f64 = 0.1;
/// Added to each direction's variance before the features are scaled by it, of the mean variance.
const FLOOR: f64 = 0.01;
/// Variance of the features, of their mean square, that a camera's noise alone is far above.
const SMALLEST_VARIANCE: f64 = 1e-9;

/// A fit under way: places are worked out some at a time, so that a pipeline that learns can go on between.
#[derive(Debug)]
pub struct Fit {
    moments: Moments,
    projection: Tensor,
    c: Tensor,
    /// Of the places so far.
    whiteners: Vec<Tensor>,
    done: i64,
}

impl Fit {
    /// Finds the projection to so many directions: whitening of all places' deviations together, the widest directions
    /// first.
    pub fn new(moments: Moments, dimensions: usize) -> Result<Self, FitError> {
        if moments.count < 2 {
            return Err(FitError::TooFew(moments.count));
        }
        let places = moments.mean.size()[0];
        let covariance = moments
            .scatter
            .sum_dim_intlist([0].as_slice(), false, Kind::Double)
            / ((moments.count - 1) * places) as f64;
        let projection = projection(&covariance, &moments.mean, dimensions)?;
        Ok(Self {
            c: moments.mean.matmul(&projection.tr()),
            projection,
            moments,
            whiteners: Vec::new(),
            done: 0,
        })
    }

    /// How many places there are.
    pub fn places(&self) -> i64 {
        self.c.size()[0]
    }

    /// Works out some more places; true when all are done.
    pub fn go_on(&mut self, places: i64, workers: &Workers) -> bool {
        let (first, end) = (self.done, (self.done + places).min(self.places()));
        self.done = end;
        let shrinkage = Shrinkage::new(self.moments.count, 0);
        let whiteners = self.whiteners(first..end, shrinkage, workers);
        self.whiteners.extend(whiteners);
        self.done == self.places()
    }

    /// The field for the pictures that it is fitted to, of which each has so many samples a place.
    pub fn left_out(&self, together: usize, workers: &Workers) -> LeftOutField {
        let together = together as i64;
        let shrinkage = Shrinkage::new(self.moments.count, together);
        let whiteners = self.whiteners(0..self.places(), shrinkage, workers);
        LeftOutField {
            field: Field {
                projection: self.projection.shallow_clone(),
                c: self.c.shallow_clone(),
                whiteners: Tensor::stack(&whiteners, 0),
            },
            samples: self.moments.count,
            together,
            weight: shrinkage.weight,
        }
    }

    fn whiteners(
        &self,
        places: Range<i64>,
        shrinkage: Shrinkage,
        workers: &Workers,
    ) -> Vec<Tensor> {
        // SAFETY: all only read them.
        let (scatter, projection) = unsafe {
            (
                SyncRef::new(&self.moments.scatter),
                SyncRef::new(&self.projection),
            )
        };
        workers.run(|| {
            places
                .into_par_iter()
                .map(|place| {
                    let scatter = scatter.get().get(place);
                    no_grad(|| whitener(&scatter, projection.get(), shrinkage))
                })
                .collect()
        })
    }

    /// The field of all places, which must be done.
    pub fn finish(self) -> Result<Field, FitError> {
        // They take the most memory.
        drop(self.moments);
        let field = Field {
            projection: self.projection,
            c: self.c,
            whiteners: Tensor::stack(&self.whiteners, 0),
        };
        let finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 1;
        if finite(&field.c) && finite(&field.whiteners) {
            Ok(field)
        } else {
            Err(FitError::NotFinite)
        }
    }
}

/// The projection (d, features) to the widest directions of the covariance (features, features) of all places'
/// deviations from their means, f64, in which they vary equally.
pub fn projection(
    covariance: &Tensor,
    means: &Tensor,
    dimensions: usize,
) -> Result<Tensor, FitError> {
    if covariance.isfinite().all().int64_value(&[]) == 0 {
        return Err(FitError::NotFinite);
    }
    let mean_square = means.square().mean(Kind::Double).double_value(&[]);
    let (variances, directions) = covariance.linalg_eigh("L");
    let variances = variances.clamp_min(0.0);
    let mean_variance = variances.mean(Kind::Double).double_value(&[]);
    if mean_variance <= SMALLEST_VARIANCE * mean_square {
        return Err(FitError::AllTheSame);
    }
    let scaled = directions / (variances + FLOOR * mean_variance).sqrt();
    let all = scaled.size()[1];
    let kept = dimensions as i64;
    let widest = scaled.narrow(1, all - kept, kept).flip([1]);
    Ok(widest.tr().to_kind(Kind::Float).contiguous())
}

/// How a place's covariance comes of its scatter.
#[derive(Clone, Copy)]
pub struct Shrinkage {
    /// Samples that the scatter is of.
    seen: f64,
    /// Share of the prior.
    prior: f64,
    /// What the scatter is multiplied with.
    pub weight: f64,
}

impl Shrinkage {
    /// Of `seen` samples, from whose scatter so many are yet to be left out.
    pub fn new(seen: i64, left_out: i64) -> Self {
        let others = (seen - left_out) as f64;
        let prior = PRIOR / (others + PRIOR);
        Self {
            seen: seen as f64,
            prior,
            weight: (1.0 - prior - SHRINKAGE) / (others - 1.0),
        }
    }

    /// What is added to the diagonal of places whose directions have these mean variances.
    pub fn added(&self, variances: &Tensor) -> Tensor {
        variances.clamp_min(LEAST_VARIANCE) * SHRINKAGE + self.prior
    }
}

/// The lower triangle of W for a place's scatter: W'W is the inverse of its covariance, after projection, and with the
/// prior's share of what is the identity there.
fn whitener(scatter: &Tensor, projection: &Tensor, shrinkage: Shrinkage) -> Tensor {
    let projected = projection.matmul(scatter).matmul(&projection.tr());
    let dimensions = projected.size()[0];
    let variance = projected.trace().double_value(&[]) / dimensions as f64 / (shrinkage.seen - 1.0);
    let identity = Tensor::eye(dimensions, (Kind::Float, projected.device()));
    let shrunk = projected * shrinkage.weight
        + &identity * (shrinkage.prior + SHRINKAGE * variance.max(LEAST_VARIANCE));
    // Where it is not positive definite after all, NaN says so.
    let (cholesky, _) = Tensor::linalg_cholesky_ex(&shrunk, false, false);
    let inverse = cholesky.linalg_solve_triangular(&identity, false, true, false);
    Field::triangles(&inverse.unsqueeze(0)).squeeze_dim(0)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn fit(features: &Tensor, step: i64) -> Result<Field, FitError> {
        let workers = Workers::sharing().unwrap();
        let [_, places, length] = features.size()[..] else {
            unreachable!()
        };
        let mut moments = Moments::new(places, length)?;
        moments.add(features, &workers);
        let mut fit = Fit::new(moments, 16)?;
        while !fit.go_on(step, &workers) {}
        fit.finish()
    }

    fn features(count: i64) -> Tensor {
        tch::manual_seed(2);
        let mixing = Tensor::randn([5, 20, 20], OPTIONS);
        let features = Tensor::randn([5, count, 20], OPTIONS).matmul(&mixing);
        features.transpose(0, 1) + 3.0
    }

    #[test]
    fn normal_places_are_at_a_distance_of_about_one() {
        let features = features(2000);
        let field = fit(&features, 5).unwrap();
        let distances = field.distances(&features, &field.matrices());
        let square = distances.square().mean(Kind::Float).double_value(&[]);
        assert!((square - 1.0).abs() < 0.1, "{square}");
        // Four deviations away in a direction of the first place's own.
        let odd = features.narrow(0, 0, 1) + Tensor::ones([20], OPTIONS) * 12.0;
        assert!(
            field
                .distances(&odd, &field.matrices())
                .min()
                .double_value(&[])
                > 2.0
        );
    }

    #[test]
    fn places_may_be_worked_out_some_at_a_time() {
        let features = features(50);
        let (once, often) = (fit(&features, 5).unwrap(), fit(&features, 2).unwrap());
        assert_eq!(once.whiteners, often.whiteners);
    }

    #[test]
    fn the_whitener_inverts_the_shrunk_covariance() {
        let features = features(400);
        let field = fit(&features, 5).unwrap();
        let projected = features.matmul(&field.projection.tr()).transpose(0, 1);
        let centred = &projected - projected.mean_dim([1].as_slice(), true, Kind::Float);
        let covariance = centred.transpose(1, 2).matmul(&centred) / 399.0;
        let z = Tensor::randn([16], OPTIONS);
        for place in 0..5 {
            let covariance = covariance.get(place);
            let variance = covariance.trace() / 16.0;
            let prior = 20.0 / 420.0;
            let identity = Tensor::eye(16, OPTIONS);
            let shrunk =
                covariance * (0.98 - prior) + &identity * prior + identity * variance * 0.02;
            let expected = z.dot(&shrunk.inverse().mv(&z)).double_value(&[]) / 16.0;
            let at = z.unsqueeze(0) + &field.c;
            // Features whose projection is that.
            let features = at.matmul(&field.projection.pinverse(1e-6).tr());
            let distances = field.distances(&features.unsqueeze(0), &field.matrices());
            let found = distances.double_value(&[0, place]).powi(2);
            assert!(
                (found - expected).abs() < 2e-3 * expected,
                "{found} {expected}"
            );
        }
    }

    /// All samples but those.
    fn without(samples: &Tensor, left_out: &Range<i64>) -> Tensor {
        let after = samples.size()[0] - left_out.end;
        let parts = [
            samples.narrow(0, 0, left_out.start),
            samples.narrow(0, left_out.end, after),
        ];
        Tensor::cat(&parts, 0)
    }

    /// Distances of `left_out` from what the samples `others` come to, all of them projected, with covariances shrunk
    /// to the variance of `like`: (T, places).
    fn refitted(left_out: &Tensor, others: &Tensor, like: &Tensor) -> Tensor {
        let identity = Tensor::eye(16, (Kind::Double, Device::Cpu));
        let variances = like.var_dim([0].as_slice(), true, false);
        let variance = variances.mean_dim([1].as_slice(), false, Kind::Double);
        let seen = others.size()[0] as f64;
        let mean = others.mean_dim([0].as_slice(), true, Kind::Double);
        let centred = (others - &mean).transpose(0, 1);
        let covariance = centred.transpose(1, 2).matmul(&centred) / (seen - 1.0);
        let prior = 20.0 / (seen + 20.0);
        let share = (variance * 0.02 + prior).view([-1, 1, 1]);
        let shrunk = covariance * (0.98 - prior) + identity * share;
        let deviations = (left_out - mean).transpose(0, 1);
        let products = deviations.matmul(&shrunk.inverse()) * deviations;
        let squares = products.mean_dim([2].as_slice(), false, Kind::Double);
        squares.sqrt().tr()
    }

    #[test]
    fn leaving_out_in_closed_form_is_a_fit_to_the_others() {
        let workers = Workers::sharing().unwrap();
        for together in [1, 4] {
            let pictures = 60 / together;
            let features = features(60);
            let mut moments = Moments::new(5, 20).unwrap();
            moments.add(&features, &workers);
            let fit = Fit::new(moments, 16).unwrap();
            let by_picture = features.view([pictures, together, 5, 20]);
            let field = fit.left_out(together as usize, &workers);
            let found = field.judge(&by_picture, 0, 5).0.to_kind(Kind::Double);
            let projected = features.matmul(&fit.projection.tr()).to_kind(Kind::Double);
            for picture in 0..pictures {
                let left_out = projected.narrow(0, picture * together, together);
                let others = without(&projected, &(picture * together..(picture + 1) * together));
                let off = |like: &Tensor| {
                    let expected = refitted(&left_out, &others, like);
                    let off = found.get(picture) / expected - 1.0;
                    off.abs().max().double_value(&[])
                };
                assert!(off(&projected) < 1e-4, "{}", off(&projected));
                // The variance that they are shrunk to, of the others alone, makes next to no difference.
                assert!(off(&others) < 2e-3, "{}", off(&others));
            }
        }
    }

    #[test]
    fn what_was_not_fitted_to_cannot_be_left_out() {
        let workers = Workers::sharing().unwrap();
        let features = features(60);
        let mut moments = Moments::new(5, 20).unwrap();
        moments.add(&features, &workers);
        let field = Fit::new(moments, 16).unwrap().left_out(1, &workers);
        let far = features.narrow(0, 0, 2).unsqueeze(1).copy();
        let _ = far.get(1).get(0).get(3).fill_(1000.0);
        let distances = field.judge(&far, 0, 5).0;
        assert_eq!(distances.get(0).isfinite().all().int64_value(&[]), 1);
        assert!(distances.double_value(&[1, 0, 3]).is_nan());
    }

    #[test]
    fn places_that_never_change_do_no_harm() {
        let features = features(200);
        let _ = features.narrow(1, 2, 1).fill_(7.0);
        let field = fit(&features, 5).unwrap();
        assert_eq!(field.whiteners.isfinite().all().int64_value(&[]), 1);
    }

    #[test]
    fn what_teaches_nothing_is_refused() {
        assert_eq!(fit(&features(1), 5).unwrap_err(), FitError::TooFew(1));
        let same = Tensor::ones([9, 5, 20], OPTIONS);
        assert_eq!(fit(&same, 5).unwrap_err(), FitError::AllTheSame);
        let features = features(9);
        let _ = features.get(1).get(1).get(1).fill_(f64::NAN);
        assert_eq!(fit(&features, 5).unwrap_err(), FitError::NotFinite);
    }
}
