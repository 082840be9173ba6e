//! What the dense profile sees of a picture: the features of a frozen EfficientNet-Lite0 at each place, fine ones and
//! coarse ones, which see four times the area; and at each detail of a place, of an earlier stage.

use std::collections::HashMap;

use tch::Tensor;

use super::blocks::sizes;
use super::efficientnet_lite::Backbone;
use super::weights::{Scope, WeightsError};

/// Side of a place in pixels of the picture.
pub const CELL: i64 = 16;
/// Features of a place: 112 of the fifth stage, 192 of the sixth.
pub const FEATURES: i64 = 304;
/// Side of a detail in pixels of the picture.
pub const DETAIL: i64 = 8;
/// Features of a detail: those of the third stage.
pub const DETAIL_FEATURES: i64 = 40;
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

/// Something of places, and the same of details.
#[derive(Clone, Copy, Debug)]
pub struct Levels<T> {
    /// Squares of [`CELL`] pixels, which score and map are of.
    pub places: T,
    /// Squares of [`DETAIL`] pixels, which say where in a place it is that something is.
    pub details: T,
}

impl<T> Levels<T> {
    /// Both, lent.
    pub const fn as_ref(&self) -> Levels<&T> {
        Levels {
            places: &self.places,
            details: &self.details,
        }
    }

    /// Both, lent to be changed.
    pub const fn as_mut(&mut self) -> Levels<&mut T> {
        Levels {
            places: &mut self.places,
            details: &mut self.details,
        }
    }

    /// What `change` makes of each.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Levels<U> {
        Levels {
            places: change(self.places),
            details: change(self.details),
        }
    }

    /// Each with its counterpart.
    pub fn zip<U>(self, other: Levels<U>) -> Levels<(T, U)> {
        Levels {
            places: (self.places, other.places),
            details: (self.details, other.details),
        }
    }
}

impl<T, E> Levels<Result<T, E>> {
    /// Both, or the first failure.
    pub fn transpose(self) -> Result<Levels<T>, E> {
        Ok(Levels {
            places: self.places?,
            details: self.details?,
        })
    }
}

/// Features, f32: (N, places, 304) as [`join`] gives them, and (N, details, 40) as [`details`] does.
pub type Features = Levels<Tensor>;

impl Features {
    /// Those of several, end to end in a dimension.
    pub(crate) fn cat(several: &[Self], dimension: i64) -> Self {
        let all = |which: fn(&Self) -> &Tensor| {
            Tensor::cat(&several.iter().map(which).collect::<Vec<_>>(), dimension)
        };
        Self {
            places: all(|one| &one.places),
            details: all(|one| &one.details),
        }
    }
}

/// The outputs of the backbone's six stages, as [`Backbone::forward`] gives them, to features (N, details, 40) of the
/// third one, details row by row. There is one for each [`DETAIL`] x [`DETAIL`] pixels.
///
/// # Panics
/// Where there are fewer than three stages.
pub fn details(stages: &[Tensor]) -> Tensor {
    stages[2].permute([0, 2, 3, 1]).flatten(1, 2)
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
