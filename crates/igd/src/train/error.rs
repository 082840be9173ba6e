//! Why no model comes of a training.

use std::path::{Path, PathBuf};

use super::dense::FitError;
use super::run::FEWEST_PICTURES;
use crate::data::{PictureError, fetch::FetchError};
use crate::files::NotWritable;
use crate::model::{DetectError, ModelError};
use crate::nn::WeightsError;

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    NotWritable(#[from] NotWritable),
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("encoder weights: {0}")]
    Encoder(WeightsError),
    #[error("{data}: {found} normal pictures, at least {FEWEST_PICTURES} are needed")]
    TooFew { data: String, found: usize },
    #[error("{path}: {reason}; without --resume training starts anew", path = .path.display())]
    Resume { path: PathBuf, reason: String },
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error("the losses of the {scale} network became NaN; lower --learning-rate")]
    Diverged { scale: String },
    /// The model is made, but there is no file of it.
    #[error(
        "{0}: make room for it, or mend the path, and run the same again with --resume, which goes on from what is \
        saved"
    )]
    NotWritten(ModelError),
    /// It was told to.
    #[error("stopped; --resume goes on")]
    Stopped,
}

impl TrainError {
    /// The file is nothing to go on from.
    pub(super) fn resume(path: &Path, reason: impl Into<String>) -> Self {
        Self::Resume {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
