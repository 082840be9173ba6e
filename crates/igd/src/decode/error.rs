//! Why a picture cannot be used.

use std::io;
use std::path::PathBuf;

use image::ImageError;

use super::{LARGEST_FILE, MOST_PIXELS};

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is no picture, a damaged one, or too large a one.
    #[error("{path}: not a picture: {cause}", path = .path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        cause: ImageError,
    },
    /// It has more pixels than a picture may have.
    #[error(
        "{path}: {width} x {height} pixels are more than a picture may have ({MOST_PIXELS})",
        path = .path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The file is longer than a picture's may be.
    #[error(
        "{path}: it is longer than a picture's file may be ({LARGEST_FILE} bytes)",
        path = .path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Its samples are floats.
    #[error(
        "{path}: its pixels are floating-point numbers, whose white nobody knows: convert it to 8 or 16 bits",
        path = .path.display()
    )]
    FloatingPoint {
        /// The file.
        path: PathBuf,
    },
    /// Decoders of foreign files do now and then.
    #[error("{path}: not a picture: its decoder panicked", path = .path.display())]
    Panicked {
        /// The file.
        path: PathBuf,
    },
    /// A JPEG file that ends before the picture does.
    #[error("{path}: a part of the picture is missing at its end", path = .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// A file of many pictures, or of their labels, is not what it should be.
    #[error("{path}: {reason}", path = .path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
