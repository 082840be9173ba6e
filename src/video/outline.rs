//! Rectangles drawn around regions.

use std::ops::Range;

use gst_video::{VideoFrameRef, VideoInfo};

use super::color::ColorSpace;
use super::layout::Grid;
use crate::model::Region;

/// Red outside and white inside: one of the two stands out on any picture and any colormap.
const COLORS: [[f32; 3]; 2] = [[255.0, 0.0, 0.0], [255.0; 3]];

/// Outlines regions on frames of one kind.
#[derive(Debug)]
pub struct Outline {
    grids: Vec<Grid>,
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
            grids: Grid::of(info),
            colors: COLORS
                .map(|color| space.from_rgb.apply(color).map(|value| value.round() as u8)),
            frame: (info.width() as usize, height),
            thickness: (height / 360).max(2),
        }
    }

    /// See [`Painter::boxes`](super::Painter::boxes).
    pub fn paint(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, region: &Region) {
        let mut x = clip(region.x, region.w, self.frame.0);
        let mut y = clip(region.y, region.h, self.frame.1);
        for color in &self.colors {
            let (left, right) = ends(&x, self.thickness);
            let (top, bottom) = ends(&y, self.thickness);
            let inner = top.end..bottom.start;
            self.fill(frame, x.clone(), top, color);
            self.fill(frame, x.clone(), bottom, color);
            self.fill(frame, left.clone(), inner.clone(), color);
            self.fill(frame, right.clone(), inner.clone(), color);
            (x, y) = (left.end..right.start, inner);
        }
    }

    /// Fills a rectangle of pixels.
    fn fill(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        x: Range<usize>,
        y: Range<usize>,
        color: &[u8; 3],
    ) {
        for grid in &self.grids {
            let Some(mut rows) = grid.rows_mut(frame) else {
                continue;
            };
            let columns = grid.columns(&x);
            for row in grid.rows(&y) {
                let Some(row) = rows.get(row) else {
                    continue;
                };
                for &(index, offset) in &grid.components {
                    let samples = row.iter_mut().skip(offset).step_by(grid.pixel_stride);
                    for sample in samples.skip(columns.start).take(columns.len()) {
                        *sample = color[index];
                    }
                }
            }
        }
    }
}

/// The part of `from..from + length` before `limit`.
fn clip(from: u32, length: u32, limit: usize) -> Range<usize> {
    let (from, length) = (from as usize, length as usize);
    from.min(limit)..from.saturating_add(length).min(limit)
}

/// The first and the last `thickness` pixels of a range, never the same pixel twice.
fn ends(range: &Range<usize>, thickness: usize) -> (Range<usize>, Range<usize>) {
    let first = range.start..(range.start + thickness).min(range.end);
    let last = range.end.saturating_sub(thickness).max(first.end)..range.end;
    (first, last)
}
