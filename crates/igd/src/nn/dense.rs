//! What the dense profile sees of a picture: the features of a frozen EfficientNet-Lite0 at each place, fine ones and
//! coarse ones, which see four times the area.

use tch::Tensor;

use super::blocks::sizes;
use super::efficientnet_lite::Backbone;
use super::weights::{Scope, WeightsError};

/// Side of a place in pixels of the picture.
pub const CELL: i64 = 16;
/// Features of a place: 112 of the fifth stage, 192 of the sixth.
pub const FEATURES: i64 = 304;
/// Stages of the backbone that are needed, and the blocks in them.
const STAGES: usize = 6;
pub(crate) const BLOCKS: usize = 15;

/// The backbone up to its sixth stage.
pub(crate) fn backbone(scope: Scope) -> Result<Backbone, WeightsError> {
    Backbone::new(scope, STAGES)
}

/// The outputs of the backbone's six stages, as [`Backbone::forward`] gives them, to features (N, places, 304), places
/// row by row. There is a place for each [`CELL`] x [`CELL`] pixels.
///
/// # Panics
/// Where there are fewer than two stages.
pub fn join(stages: &[Tensor]) -> Tensor {
    let [.., fine, coarse] = stages else {
        unreachable!("the backbone has six stages");
    };
    let (_, _, height, width) = sizes(fine);
    let coarse = coarse.upsample_bilinear2d([height, width], false, None, None);
    Tensor::cat(&[fine, &coarse], 1)
        .permute([0, 2, 3, 1])
        .flatten(1, 2)
}
