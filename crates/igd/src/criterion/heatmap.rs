//! Where a picture differs from its reconstruction.

use tch::{Device, Kind, Tensor};

use super::STRUCTURE;
use super::ms_ssim::{MsSsim, Similarity};
use crate::nn::{PATCH, PICTURE, STRIDE, patches_along};

/// Weights of R, G, B in the gray map.
pub(super) const GRAY: [f32; 3] = [0.2989, 0.5870, 0.1140];

/// Where pictures (N, 3, side, side) differ from their reconstructions: relu(0.85 sum_i w_i (1 - SSIM map i) +
/// 0.15 |x - y| / range), made gray: (N, 1, side, side), from 0 up.
///
/// `similarity` is what `criterion` says of the two. Maps of the coarser scales are enlarged by nearest neighbours.
pub fn residual_map(x: &Tensor, y: &Tensor, similarity: &Similarity, criterion: &MsSsim) -> Tensor {
    let side = x.size()[3];
    let mut residual = (x - y).abs() * ((1.0 - STRUCTURE) / criterion.range());
    for (map, weight) in similarity.maps.iter().zip(criterion.weights()) {
        let map = map.upsample_nearest2d([side, side], None, None);
        residual += (1.0 - map) * (STRUCTURE * weight);
    }
    let gray = Tensor::from_slice(&GRAY)
        .to_device(x.device())
        .view([1, 3, 1, 1]);
    (residual.relu() * gray).sum_dim_intlist([1].as_slice(), true, Kind::Float)
}

/// Lays the patches of pictures back at their places and averages them where they overlap.
#[derive(Debug)]
pub struct PatchFold {
    /// Of the picture.
    side: i64,
    /// How many patches cover each pixel: (1, 1, side, side).
    overlap: Tensor,
}

impl PatchFold {
    /// For pictures with sides of `side` pixels, a multiple of 16 and 32 at least.
    pub fn new(side: i64, device: Device) -> Self {
        let patches = patches_along(side);
        let ones = Tensor::ones([patches * patches, 1, PATCH, PATCH], (Kind::Float, device));
        Self {
            overlap: sum_overlapping(&ones, side),
            side,
        }
    }

    /// The maps of pictures' patches (N patches, 1, 32, 32), those of a picture row by row, to their maps
    /// (N, 1, side, side).
    pub fn mean(&self, maps: &Tensor) -> Tensor {
        sum_overlapping(maps, self.side) / &self.overlap
    }
}

/// Turns the sum of a picture's patches, each at its place (256 x 256, row by row), to their mean.
pub fn mean_of_overlap(sum: &mut [f32]) {
    // All but the first and the last half of a patch lie in two.
    let share = |place: usize| {
        let shared = STRIDE..PICTURE - STRIDE;
        if shared.contains(&(place as i64)) {
            0.5
        } else {
            1.0
        }
    };
    for (y, row) in sum.chunks_exact_mut(PICTURE as usize).enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            *value *= share(y) * share(x);
        }
    }
}

fn sum_overlapping(maps: &Tensor, side: i64) -> Tensor {
    let patches = patches_along(side) * patches_along(side);
    let columns = maps.reshape([-1, patches, PATCH * PATCH]).transpose(1, 2);
    columns.col2im(
        [side, side],
        [PATCH, PATCH],
        [1, 1],
        [0, 0],
        [STRIDE, STRIDE],
    )
}
