//! Outlines drawn around regions.

use std::ops::Range;

use gst_video::{VideoFrameRef, VideoInfo};

use super::color::ColorSpace;
use super::rectangles::{Rectangle, Rectangles};
use crate::model::Region;

/// Red outside and white inside: one of the two stands out on any picture and any colormap.
const COLORS: [[f32; 3]; 2] = [[255.0, 0.0, 0.0], [255.0; 3]];

/// Outlines regions on frames of one kind.
#[derive(Debug)]
pub struct Outline {
    rectangles: Rectangles,
    /// `COLORS` in the frame's components.
    colors: [[u8; 3]; 2],
    /// The frame's width and height.
    frame: (usize, usize),
    /// Pixels of each colour.
    thickness: usize,
}

impl Outline {
    pub fn new(info: &VideoInfo) -> Self {
        let space = ColorSpace::new(info);
        let height = info.height() as usize;
        Self {
            rectangles: Rectangles::new(info),
            colors: COLORS.map(|color| space.native(color)),
            frame: (info.width() as usize, height),
            thickness: (height / 360).max(2),
        }
    }

    /// See [`Painter::boxes`](super::Painter::boxes).
    pub fn paint(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, region: &Region) {
        let mut rectangle = Rectangle {
            x: clip(region.x, region.w, self.frame.0),
            y: clip(region.y, region.h, self.frame.1),
        };
        for color in &self.colors {
            rectangle = self
                .rectangles
                .outline(frame, &rectangle, self.thickness, color);
        }
    }
}

/// The part of `from..from + length` before `limit`.
fn clip(from: u32, length: u32, limit: usize) -> Range<usize> {
    let (from, length) = (from as usize, length as usize);
    from.min(limit)..from.saturating_add(length).min(limit)
}
