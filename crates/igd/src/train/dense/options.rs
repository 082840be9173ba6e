//! What a fit is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::data::TrainingSet;
use crate::model::{DenseConfig, FALSE_POSITIVE_RATE};
use crate::train::HOLD_OUT;

/// A run of `igd train --profile dense`.
#[derive(Clone, Debug)]
pub struct Options {
    pub data: TrainingSet,
    /// The model file to write. What is kept to go on from lies beside it.
    pub out: PathBuf,
    pub config: DenseConfig,
    /// A picture that cannot be used ends the training; else it is left out.
    pub strict: bool,
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
    /// Once it is true, the fit saves what it has seen and ends as [`Stopped`](crate::train::TrainError::Stopped).
    pub stop: Arc<AtomicBool>,
}

impl Options {
    /// The usual settings for a set of normal pictures.
    pub fn new(data: TrainingSet, out: PathBuf) -> Self {
        Self {
            data,
            out,
            config: DenseConfig::usual(),
            strict: false,
            hold_out: HOLD_OUT,
            false_positive_rate: FALSE_POSITIVE_RATE,
            batch: 16,
            checkpoint_interval: Duration::from_secs(60),
            keep: false,
            resume: false,
            stop: Arc::default(),
        }
    }
}
