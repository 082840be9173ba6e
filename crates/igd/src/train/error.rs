//! Why no model comes of a training.

use std::path::{Path, PathBuf};

use super::dense::{FEWEST_TO_RECENTRE, FitError};
use super::options::FEWEST_LEFT_OUT;
use super::run::FEWEST_PICTURES;
use crate::data::{PictureError, fetch::FetchError};
use crate::files::NotWritable;
use crate::model::{DetectError, ModelError};
use crate::nn::WeightsError;

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A picture cannot be used, and none may be left out.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The encoder's weights are not to be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file of weights or of what was learned cannot be read, or no model be made.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model file cannot be written where it is to be; found out before anything is learned.
    #[error(transparent)]
    NotWritable(#[from] NotWritable),
    /// The model does not judge the pictures that are to calibrate it.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The encoder's weights are not those of the encoder.
    #[error("encoder weights: {0}")]
    Encoder(WeightsError),
    /// There is too little to learn from.
    #[error(
        "{data}: {found} normal pictures that can be used, at least {FEWEST_PICTURES} are needed"
    )]
    TooFew {
        /// The set's name.
        data: String,
        /// Pictures in it.
        found: usize,
    },
    /// What an earlier training has left is of another one, or damaged.
    #[error("{path}: {reason}; without --resume training starts anew", path = .path.display())]
    Resume {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No dense model comes of the pictures.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// One of the paper's networks has learned nonsense.
    #[error("the losses of the {scale} network became NaN; lower --learning-rate")]
    Diverged {
        /// `global` or `local`.
        scale: String,
    },
    /// Of most pictures nothing can be learned.
    #[error(
        "{data}: {unusable} of {all} pictures cannot be used, each is named above: mend or remove them first, or name \
        another folder; no model was made"
    )]
    MostUnusable {
        /// The set's name.
        data: String,
        /// Pictures that cannot be used.
        unusable: usize,
        /// Pictures in it.
        all: usize,
    },
    /// Odd pictures are found by leaving each out in turn, of which there are too few.
    #[error(
        "{data}: --trim needs {FEWEST_LEFT_OUT} pictures and more, each of which is left out in turn, and none that \
        are held out; there are {found}"
    )]
    TooFewToTrim {
        /// The set's name.
        data: String,
        /// Pictures in it.
        found: usize,
    },
    /// A model of the paper's profile has no centres of places.
    #[error("only dense models can be recentred: train with the profile dense")]
    NotDense,
    /// So few pictures are no measure of what has changed.
    #[error(
        "{found} pictures that can be used, at least {FEWEST_TO_RECENTRE} are needed, of different parts"
    )]
    TooFewToRecentre {
        /// Pictures that can be used.
        found: usize,
    },
    /// There is nothing to go on from where there must be.
    #[error(
        "{path}: there is no checkpoint of such a training: looked for {looked_for}, and in the file itself",
        path = .path.display()
    )]
    NoCheckpoint {
        /// What was named.
        path: PathBuf,
        /// The files beside it that would have been taken.
        looked_for: String,
    },
    /// The model is made, but there is no file of it.
    #[error(
        "{cause}; then run the same again{}",
        resume.as_deref().map(going_on).unwrap_or_default()
    )]
    NotWritten {
        /// Why.
        cause: Box<ModelError>,
        /// Where what was learned is kept beside a model file of that name: the file.
        resume: Option<PathBuf>,
    },
    /// Out of memory, or a GPU that was lost. What libtorch says.
    #[error("libtorch failed: {0}")]
    Libtorch(String),
    /// It was told to.
    #[error("stopped; --resume goes on")]
    Stopped,
}

/// How what was learned is not learned again.
fn going_on(out: &Path) -> String {
    format!(
        " with --resume (with another --out: --resume {}), which goes on from what is saved",
        out.display()
    )
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
