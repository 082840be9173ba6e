//! Why nothing is chosen.

use std::io;
use std::path::PathBuf;

use crate::train::TrainError;

/// Why there is no choice. The text tells the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// A candidate could not be trained, or judges nothing.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// There is nothing to choose by.
    #[error("there is no picture of a defect that can be used")]
    NoDefects,
    /// A picture cannot be both.
    #[error("{path} is among the good pictures and among the defects: keep it in one of the folders", path = .0.display())]
    Both(PathBuf),
    /// There is no room for the candidates' models.
    #[error(
        "no folder for models that are tried: {0}; make room there, or set TMPDIR to another folder"
    )]
    Folder(io::Error),
    /// No good picture was left to set a threshold with.
    #[error(
        "no good picture was left to set a threshold with: give more of them, or a larger --hold-out"
    )]
    NotCalibrated,
}
