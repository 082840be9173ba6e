//! Outlines around regions.

use std::ops::Range;

use gst_video::VideoInfo;

use super::rectangles::Rectangle;
use igd::model::Region;

/// Red outside and white inside: one of the two stands out on any picture and any colormap.
pub const COLORS: [[f32; 3]; 2] = [[255.0, 0.0, 0.0], [255.0; 3]];

/// Of what a side is, where only corners are drawn.
const CORNER: usize = 4;

/// Where the outlines are on frames of one kind.
#[derive(Debug)]
pub struct Outline {
    /// The frame's width and height.
    frame: (usize, usize),
    /// Pixels of each colour.
    thickness: usize,
}

impl Outline {
    pub fn new(info: &VideoInfo) -> Self {
        let height = info.height() as usize;
        Self {
            frame: (info.width() as usize, height),
            thickness: (height / 360).max(2),
        }
    }

    /// The bars around a region, of each of [`COLORS`].
    pub fn bars(&self, region: &Region) -> [[Rectangle; 4]; 2] {
        let region = Rectangle {
            x: clip(region.x, region.w, self.frame.0),
            y: clip(region.y, region.h, self.frame.1),
        };
        let (outer, rest) = region.outline(self.thickness);
        [outer, rest.outline(self.thickness).0]
    }

    /// The ends of those bars, at the region's corners.
    pub fn corners(&self, region: &Region) -> [[Rectangle; 8]; 2] {
        self.bars(region).map(|[top, bottom, left, right]| {
            let [a, b] = top.ends(CORNER, false);
            let [c, d] = bottom.ends(CORNER, false);
            let [e, f] = left.ends(CORNER, true);
            let [g, h] = right.ends(CORNER, true);
            [a, b, c, d, e, f, g, h]
        })
    }
}

/// The part of `from..from + length` before `limit`.
fn clip(from: u32, length: u32, limit: usize) -> Range<usize> {
    let (from, length) = (from as usize, length as usize);
    from.min(limit)..from.saturating_add(length).min(limit)
}
