//! Distances of the pictures that a field was fitted to, each as if it had been left out of the fit.

use tch::{Kind, Tensor};

use super::Field;

/// A [`Field`] for the pictures that it was fitted to. The projection stays the one that has seen them
/// all, and so does the variance that covariances are shrunk to.
///
/// A place has n samples with mean m and scatter S. A picture has T of them, whose deviations from m are the rows of X.
/// With M = (I - 11'/n)^-1, their deviations from the mean of the others are M X, and the others' scatter is S - X'M X.
/// The others' covariance, shrunk, is A - k X'M X with A = k S + b I. The matrix inversion lemma brings its inverse
/// back to that of A, which is the same for all pictures: with W'W = A^-1, Y = X W', K = Y Y' and
/// R = I - 11'/n - k K, the squared distances are the diagonal of M K R^-1. For T = 1 that is
/// (n / (n - 1))^2 q / (1 - k q n / (n - 1)), where q = ||y||^2.
#[derive(Debug)]
pub struct LeftOutField {
    /// With m for c, and that W.
    pub field: Field,
    /// n.
    pub samples: i64,
    /// T.
    pub together: i64,
    /// k.
    pub weight: f64,
}

impl LeftOutField {
    pub fn places(&self) -> i64 {
        self.field.c.size()[0]
    }

    /// Features (N, T, places, features) of N pictures to what so many places from `first` on are with the field of the
    /// others: the distances (N, T, places), and P x - c (N, T, places, d). Distances are NaN where the others cannot
    /// be what the field was fitted to without that picture: it was not part of it.
    pub fn judge(&self, features: &Tensor, first: i64, places: i64) -> (Tensor, Tensor) {
        let [pictures, together, ..] = features.size()[..] else {
            unreachable!("features of places of samples of pictures");
        };
        let field = self.field.of_places(first, places);
        let dimensions = field.c.size()[1];
        let shape = [places, pictures, together, dimensions];
        let residuals = features
            .narrow(2, first, places)
            .permute([2, 0, 1, 3])
            .reshape([places, pictures * together, -1])
            .matmul(&field.projection.tr())
            .g_sub_(&field.c.unsqueeze(1));
        let whitened = residuals
            .matmul(&field.matrices().transpose(1, 2))
            .view(shape);
        let products = whitened.matmul(&whitened.transpose(2, 3));
        let identity = Tensor::eye(together, (Kind::Float, products.device()));
        let samples = self.samples as f64;
        let rest = &identity - 1.0 / samples - &products * self.weight;
        let (cholesky, failed) = Tensor::linalg_cholesky_ex(&rest, false, false);
        let to_the_others = identity + 1.0 / (samples - together as f64);
        let squares = to_the_others.matmul(&products) * cholesky.cholesky_inverse(false);
        let distances = squares
            .sum_dim_intlist([3].as_slice(), false, Kind::Float)
            .g_div_scalar_(dimensions as f64)
            .sqrt_()
            .masked_fill(&failed.ne(0).unsqueeze(2), f64::NAN)
            .permute([1, 2, 0]);
        let residuals = residuals.view(shape);
        let sum = residuals.sum_dim_intlist([2].as_slice(), true, Kind::Float);
        let of_the_others = residuals + sum / (samples - together as f64);
        (distances, of_the_others.permute([1, 2, 0, 3]))
    }
}
