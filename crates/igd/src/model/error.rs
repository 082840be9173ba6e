//! What can be wrong with a model file or a checkpoint: each a line that names the file, and the entry where there is
//! one.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::pickle::PickleError;
use super::precision::NoHalfPrecision;
use crate::nn::WeightsError;

/// Why a model cannot be read, made or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file is something else, cut short, or damaged.
    #[error("{path}: not a model: {reason}", path = .path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tensors do not make up the networks.
    #[error("{path}: {cause}", path = .path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Which tensor, and why.
        cause: WeightsError,
    },
    /// One network alone was asked for.
    #[error(
        "{path}: it has not both of the paper's networks, one to keep and one to leave out",
        path = .path.display()
    )]
    NotBothScales {
        /// The file.
        path: PathBuf,
    },
    /// A PyTorch checkpoint cannot be read. Its text starts with the path.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// The system gives none.
    #[error("no threads to compute with: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The device has not that precision.
    #[error(transparent)]
    Precision(#[from] NoHalfPrecision),
}

impl ModelError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { path, cause }
    }

    pub(crate) fn not_a_model(path: &Path, reason: impl Display) -> Self {
        Self::NotAModel {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn weights(path: &Path) -> impl FnOnce(WeightsError) -> Self {
        let path = path.to_owned();
        move |cause| Self::Weights { path, cause }
    }
}
