//! A Gaussian descriptor at each place of a picture: the dense form of [`Descriptor`](super::Descriptor), in closed
//! form (PaDiM; Defard et al., ICPR 2021).
//!
//! Features x of all places go through one projection P to fewer directions, in which normal features vary equally.
//! There each place has its own centre c and covariance S, whose inverse is W'W with W lower triangular. The distance
//! of a place from normal is ||W (P x - c)|| / sqrt(d): about 1 where it is normal, whatever the number d of
//! directions.

mod head;
mod left_out;
mod packed;

use tch::{Kind, Tensor};

pub use head::Head;
pub use left_out::LeftOutField;
pub use packed::PackedField;

use crate::nn::{Init, Scope, WeightsError};

/// The largest f16 there is. Whiteners are kept in f16, where anything above would be infinite; a fit, which shrinks
/// covariances towards the identity, comes to less than 30.
pub const LARGEST_WHITENER: f32 = 65_504.0;

/// The descriptors of all places as they stand in a model, f32.
#[derive(Debug)]
pub struct Field {
    /// P: (d, features).
    pub projection: Tensor,
    /// The centres: (places, d).
    pub c: Tensor,
    /// The lower triangle of each W, row by row: (places, d (d + 1) / 2).
    pub whiteners: Tensor,
}

impl Field {
    /// Takes the tensors of so many places from `scope`. Fails where one is missing or has another shape, or where
    /// whiteners are beyond [`LARGEST_WHITENER`].
    pub(crate) fn new(
        scope: &Scope,
        features: i64,
        places: i64,
        dimensions: i64,
    ) -> Result<Self, WeightsError> {
        let triangle = dimensions * (dimensions + 1) / 2;
        let field = Self {
            projection: scope.statistic("projection", &[dimensions, features], Init::Zeros)?,
            c: scope.statistic("c", &[places, dimensions], Init::Zeros)?,
            whiteners: scope.weight("whiteners", &[places, triangle], Init::Zeros)?,
        };
        let largest = field.whiteners.abs().max().double_value(&[]);
        if largest > f64::from(LARGEST_WHITENER) {
            return Err(WeightsError::TooLarge {
                entry: scope.entry("whiteners"),
                largest: LARGEST_WHITENER,
            });
        }
        Ok(field)
    }

    /// That of so many of the places, which shares its memory.
    pub(crate) fn of_places(&self, first: i64, places: i64) -> Self {
        Self {
            projection: self.projection.shallow_clone(),
            c: self.c.narrow(0, first, places),
            whiteners: self.whiteners.narrow(0, first, places),
        }
    }

    /// The lower triangles, row by row (places, d (d + 1) / 2), of matrices (places, d, d).
    pub fn triangles(matrices: &Tensor) -> Tensor {
        let dimensions = matrices.size()[1];
        matrices
            .flatten(1, -1)
            .index_select(1, &lower(dimensions, matrices))
    }

    /// The whole matrices W: (places, d, d).
    pub fn matrices(&self) -> Tensor {
        let [places, dimensions] = self.c.size()[..] else {
            unreachable!("a centre a place");
        };
        let whiteners = &self.whiteners;
        let options = (whiteners.kind(), whiteners.device());
        Tensor::zeros([places, dimensions * dimensions], options)
            .index_copy(1, &lower(dimensions, whiteners), whiteners)
            .view([places, dimensions, dimensions])
    }

    /// Features (N, places, features) to P x - c (N, places, d).
    pub fn residuals(&self, features: &Tensor) -> Tensor {
        features.matmul(&self.projection.tr()) - &self.c
    }

    /// Features (N, places, features) to distances (N, places), which are 0 or more and about 1 where normal.
    /// `matrices` is what [`matrices`](Self::matrices) gives.
    // In tensors: on GPUs, and what the loops of `PackedField` are held to.
    pub fn distances(&self, features: &Tensor, matrices: &Tensor) -> Tensor {
        let whitened = self
            .residuals(features)
            .transpose(0, 1)
            .matmul(&matrices.transpose(1, 2));
        let squares = whitened
            .square()
            .mean_dim([2].as_slice(), false, Kind::Float);
        squares.sqrt().transpose(0, 1)
    }
}

/// Where the lower triangle lies in a matrix, on the device of `like`.
fn lower(dimensions: i64, like: &Tensor) -> Tensor {
    let places = Tensor::tril_indices(dimensions, dimensions, 0, (Kind::Int64, like.device()));
    places.get(0) * dimensions + places.get(1)
}

/// IGD's term of a distance, 1 - exp(-||z - c||^2 / sigma): here sigma, the mean squared distance of normal latents, is
/// d.
pub fn gaussian_term(distance: f32) -> f32 {
    1.0 - (-distance * distance).exp()
}
