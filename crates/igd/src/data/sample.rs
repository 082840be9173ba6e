//! One picture of a data set, wherever it lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::Frame;
use super::packed::Packed;
use super::picture::Picture;
use crate::decode::{PictureError, may_have_16_bits};

/// Where a picture is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A file of its own.
    File(PathBuf),
    /// A part of such a file's picture: left, upper edge, width and height in pixels. What of it lies outside of the
    /// picture is left out, and where nothing lies within, the picture is taken as a whole.
    Cut(PathBuf, [u32; 4]),
    /// One of many in a file, by its place.
    Packed(Arc<Packed>, usize),
    /// A frame of a video, which is in memory.
    Frame(Arc<Frame>),
}

impl Sample {
    /// Reads and decodes it.
    pub fn open(&self) -> Result<Picture, PictureError> {
        match self {
            Self::File(path) => Picture::open(path),
            Self::Cut(path, area) => Ok(Picture::open(path)?.cut(*area)),
            Self::Packed(file, index) => file.picture(*index),
            Self::Frame(frame) => Ok(frame.picture().clone()),
        }
    }

    /// The same with so many of its 16 bits for its 8, if it has 16: see [`Picture::of_significant_bits`].
    pub fn open_as(&self, significant_bits: Option<u32>) -> Result<Picture, PictureError> {
        Ok(self.open()?.of_significant_bits(significant_bits))
    }

    /// Whether it is worth a look: of most pictures their kind tells that they have 8.
    pub fn may_have_16_bits(&self) -> bool {
        match self {
            Self::File(path) | Self::Cut(path, _) => may_have_16_bits(path),
            Self::Packed(..) | Self::Frame(_) => false,
        }
    }

    /// The file that it is in, or the video's URI.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(path) | Self::Cut(path, _) => path,
            Self::Packed(file, _) => file.path(),
            Self::Frame(frame) => frame.video(),
        }
    }

    /// What tells it from all others: the file, or `file#place`.
    pub fn name(&self) -> PathBuf {
        self.name_in(self.file())
    }

    /// The same with another name of the file.
    pub fn name_in(&self, file: &Path) -> PathBuf {
        let index = match self {
            Self::File(_) | Self::Cut(..) => return file.to_owned(),
            Self::Packed(_, index) => *index,
            Self::Frame(frame) => frame.number(),
        };
        let mut name = file.as_os_str().to_owned();
        name.push(format!("#{index}"));
        name.into()
    }
}

impl From<PathBuf> for Sample {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.name().display().fmt(formatter)
    }
}
