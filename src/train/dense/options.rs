//! What a fit is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::DenseConfig;

/// A run of `igd train --profile dense`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Normal pictures: a plain folder, or one with `train/good` or `good`.
    pub data: PathBuf,
    /// The model file to write. What is kept to go on from lies beside it.
    pub out: PathBuf,
    pub config: DenseConfig,
    /// Share of the normal pictures that is kept for calibration.
    pub hold_out: f64,
    /// Share of normal pictures that may lie above the threshold.
    pub false_positive_rate: f64,
    /// Pictures that are added to the moments together. It makes no difference but for rounding and time.
    pub batch: usize,
    /// Time between two saves of what the fit has seen.
    pub checkpoint_interval: Duration,
    /// Keep what the fit has seen, so that a later run can go on with more pictures.
    pub keep: bool,
    /// Go on from what was kept, if there is something.
    pub resume: bool,
}

impl Options {
    /// The usual settings for a folder of normal pictures.
    pub fn new(data: PathBuf, out: PathBuf) -> Self {
        Self {
            data,
            out,
            config: DenseConfig::usual(),
            hold_out: 0.15,
            false_positive_rate: 0.01,
            batch: 16,
            checkpoint_interval: Duration::from_secs(60),
            keep: false,
            resume: false,
        }
    }
}
