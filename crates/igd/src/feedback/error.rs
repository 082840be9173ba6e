//! Why a model learns nothing from marked pictures.

use std::path::PathBuf;

use super::{FEWEST_BAD, Outcome};
use crate::data::PictureError;
use crate::files::NotWritable;
use crate::model::ModelError;
use crate::train::{FEWEST_LEFT_OUT, TrainError};

/// Why there is no new model; the old one stays as it is. The text tells the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// The file to write is there.
    #[error(
        "{path} is there already: name a new file, so that no earlier model is lost",
        path = .0.display()
    )]
    Exists(PathBuf),
    /// The file cannot be written where it is to be.
    #[error(transparent)]
    NotWritable(#[from] NotWritable),
    /// The model cannot be read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It is one of the paper's.
    #[error("{path}: only dense models learn from marked pictures", path = .0.display())]
    NotDense(PathBuf),
    /// It does not hold what its pictures were like.
    #[error(
        "{path} holds nothing of the pictures that it was fitted to: fit it again with this version of igd train, to \
        {FEWEST_LEFT_OUT} pictures or more and without --hold-out",
        path = .0.display()
    )]
    NothingKept(PathBuf),
    /// A picture cannot be used, and none may be left out.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model does not judge the pictures.
    #[error("{0}")]
    Judged(Box<TrainError>),
    /// No picture was given that could be used.
    #[error("there is nothing to learn from: mark pictures as good or as defective")]
    NoMarks,
    /// Only good pictures were given, for a model that has learned from defects too.
    #[error(
        "the model has learned from marked defects: give them again, since each time all marks count"
    )]
    NoDefects,
    /// So few defects were given.
    #[error(
        "{0} marked defects teach nothing that would hold for others: at least {FEWEST_BAD} are needed"
    )]
    TooFew(usize),
    /// They do not lie farther from normal than good pictures do.
    #[error(
        "the marked defects score no higher than good pictures, so that there is nothing to build on: are they marked \
        rightly?"
    )]
    NothingToLearn,
    /// The scores are not finite, or all the same.
    #[error("the scores of the good pictures make no threshold")]
    NotCalibrated,
    /// Judged by what the others have taught, the marked pictures are told apart no better than before.
    #[error("the marks would not make the model better, and it stays as it is: mark more pictures")]
    NotBetter(Box<Outcome>),
}
