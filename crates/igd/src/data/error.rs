//! Why a data set, or a folder of one, cannot be used.

use std::io;
use std::path::PathBuf;

use crate::decode::PictureError;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file with a picture, or with many, cannot be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The set is not what it should be.
    #[error("{path}: {reason}", path = .path.display())]
    Set {
        /// The set's folder, or the file in it.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// Why a folder cannot be used; says what was looked for.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is nothing in it.
    #[error(
        "{path}: no pictures (looked for {looked_for}, with .png, .jpg, .bmp or .tif files)",
        path = .path.display()
    )]
    Empty {
        /// The folder.
        path: PathBuf,
        /// Which folders would have been taken.
        looked_for: String,
    },
}
