//! What a fit is told.

use crate::model::DenseConfig;

/// What a fit is told beside what every training is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tiles and directions of the model.
    pub config: DenseConfig,
    /// Pictures that are added to the moments together. It makes no difference but for rounding and time.
    pub batch: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: DenseConfig::usual(),
            batch: 16,
        }
    }
}
