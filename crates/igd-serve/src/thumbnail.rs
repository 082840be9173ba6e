//! A part of a frame, so small that it can be compared with others at each frame.

use gst_video::{VideoFrameRef, VideoInfo};
use gstigd::video::{Area, FrameReader};

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;

/// Gray, row by row, 0..=255.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail([f32; PIXELS]);

impl Thumbnail {
    /// Of a part of a frame. `None` where its memory cannot be read.
    pub fn of(buffer: &gst::BufferRef, info: &VideoInfo, area: Area) -> Option<Self> {
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).ok()?;
        let mut reader = FrameReader::of_area(info, None, area, (SIDE, SIDE)).ok()?;
        let mut rgb = [0.0; 3 * PIXELS];
        reader.read(&frame, &mut rgb).ok()?;
        let gray = |pixel| (rgb[pixel] + rgb[PIXELS + pixel] + rgb[2 * PIXELS + pixel]) / 3.0;
        Some(Self(std::array::from_fn(gray)))
    }

    /// The mean difference of a pixel, 0 to 255.
    pub fn difference(&self, other: &Self) -> f32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(one, other)| (one - other).abs()).sum::<f32>() / PIXELS as f32
    }

    /// Comes nearer to another by a share of the way, 0 to 1.
    pub fn follow(&mut self, other: &Self, share: f32) {
        for (value, other) in self.0.iter_mut().zip(&other.0) {
            *value += share * (other - *value);
        }
    }

    /// All of one brightness.
    #[cfg(test)]
    pub fn plain(value: f32) -> Self {
        Self([value; PIXELS])
    }
}
