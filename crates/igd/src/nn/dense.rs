//! What the dense profile sees of a picture: the features of a frozen EfficientNet-Lite0 at each place, fine ones and
//! coarse ones, which see four times the area.

use std::collections::HashMap;

use tch::Tensor;

use super::blocks::sizes;
use super::efficientnet_lite::Backbone;
use super::weights::{Scope, WeightsError};

/// Side of a place in pixels of the picture.
pub const CELL: i64 = 16;
/// Features of a place: 112 of the fifth stage, 192 of the sixth.
pub const FEATURES: i64 = 304;
/// Stages of the backbone that are needed, and the blocks in them.
pub(super) const STAGES: usize = 6;
const BLOCKS: usize = 15;

/// The backbone up to its sixth stage.
pub(crate) fn backbone(scope: Scope) -> Result<Backbone, WeightsError> {
    Backbone::new(scope, STAGES)
}

/// The entries of a whole backbone that belong to blocks of those stages.
pub(crate) fn needed(entries: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let is_needed = |name: &str| {
        let block = name
            .strip_prefix("_blocks.")
            .and_then(|rest| rest.split('.').next())
            .and_then(|number| number.parse::<usize>().ok());
        block.is_none_or(|block| block < BLOCKS)
    };
    let entries = entries.into_iter();
    entries.filter(|(name, _)| is_needed(name)).collect()
}

/// The outputs of the backbone's six stages, as [`Backbone::forward`] gives them, to features (N, places, 304), places
/// row by row. There is a place for each [`CELL`] x [`CELL`] pixels.
///
/// # Panics
/// Where there are fewer than two stages.
pub fn join(stages: &[Tensor]) -> Tensor {
    planes(stages).permute([0, 2, 3, 1]).flatten(1, 2)
}

/// The same as planes: (N, 304, rows of places, columns of places).
pub(super) fn planes(stages: &[Tensor]) -> Tensor {
    let [.., fine, coarse] = stages else {
        unreachable!("the backbone has six stages");
    };
    let (_, _, height, width) = sizes(fine);
    let coarse = coarse.upsample_bilinear2d([height, width], false, None, None);
    Tensor::cat(&[fine, &coarse], 1)
}
