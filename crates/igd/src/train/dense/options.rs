//! What a fit is told.

use crate::model::DenseConfig;

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: DenseConfig::usual(),
            batch: 16,
            trim: false,
        }
    }
}
