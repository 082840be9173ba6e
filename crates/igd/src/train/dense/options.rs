//! What a fit is told.

use crate::model::DenseConfig;
use crate::train::Augmentation;

/// What a fit is told beside what every training is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tiles and directions of the model.
    pub config: DenseConfig,
    /// Pictures that are added to the moments together. It makes no difference but for rounding and time.
    pub batch: usize,
    /// Drop pictures that do not fit the others, as if they had never been there. Each is left out in turn to see it,
    /// which takes [`FEWEST_LEFT_OUT`](crate::train::FEWEST_LEFT_OUT) pictures and none held out.
    pub trim: bool,
    /// Copies of each picture that are fitted to, and calibrate, beside the picture itself.
    pub augmentation: Option<Augmentation>,
}

impl Options {
    /// Samples that each place has of a picture.
    pub(super) fn samples_of_a_picture(&self) -> usize {
        let tiles = match self.config.shared {
            true => self.config.tiling.count(),
            false => 1,
        };
        tiles * self.views()
    }

    /// How often a picture is looked at: as it is, and each copy.
    pub(super) fn views(&self) -> usize {
        1 + self
            .augmentation
            .map_or(0, |augmentation| augmentation.copies)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: DenseConfig::usual(),
            batch: 16,
            trim: false,
            augmentation: None,
        }
    }
}
