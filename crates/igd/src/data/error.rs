//! Why a data set, or a folder of one, cannot be used.

use std::io;
use std::path::PathBuf;

use super::picture::PictureError;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("{path}: {reason}", path = .path.display())]
    Set { path: PathBuf, reason: String },
}

/// Why a folder cannot be used; says what was looked for.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{path}: {cause}", path = .path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{path}: no pictures (looked for {looked_for}, with .png, .jpg, .bmp or .tif files)", path = .path.display())]
    Empty { path: PathBuf, looked_for: String },
}
