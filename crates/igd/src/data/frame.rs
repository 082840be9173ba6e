//! A frame of a video, in memory.

use std::path::{Path, PathBuf};

use super::picture::Picture;

/// A frame at the size that a model takes: 5,000 of 256x256 have 1 GB.
#[derive(Debug)]
pub struct Frame {
    video: PathBuf,
    number: usize,
    picture: Picture,
}

impl Frame {
    /// The frame `number` of a video, from the planar R, G, B values of 0..=255 of a picture of `size` (width, height).
    /// Values are rounded.
    ///
    /// # Panics
    /// Where there are fewer values than `size` says.
    pub fn new(video: PathBuf, number: usize, size: (usize, usize), rgb: &[f32]) -> Self {
        Self {
            video,
            number,
            picture: Picture::of_planes(rgb, size),
        }
    }

    /// The video's URI.
    pub fn video(&self) -> &Path {
        &self.video
    }

    /// Its place in the video, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What it shows.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (&self.video, self.number) == (&other.video, other.number)
    }
}

impl Eq for Frame {}
