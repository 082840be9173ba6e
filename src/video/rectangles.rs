//! Rectangles of one colour, in the frame's own components.

use std::ops::Range;

use gst_video::{VideoFrameRef, VideoInfo};

use super::layout::SampleGrid;

/// The pixels in columns `x` and rows `y` of a frame.
#[derive(Clone, Debug)]
pub struct Rectangle {
    pub x: Range<usize>,
    pub y: Range<usize>,
}

impl Rectangle {
    /// Its outermost `thickness` pixels as four bars, and what they enclose.
    pub fn outline(&self, thickness: usize) -> ([Self; 4], Self) {
        let bar = |x: &Range<usize>, y: &Range<usize>| Self {
            x: x.clone(),
            y: y.clone(),
        };
        let (left, right) = ends(&self.x, thickness);
        let (top, bottom) = ends(&self.y, thickness);
        let inner = bar(&(left.end..right.start), &(top.end..bottom.start));
        let bars = [
            bar(&self.x, &top),
            bar(&self.x, &bottom),
            bar(&left, &inner.y),
            bar(&right, &inner.y),
        ];
        (bars, inner)
    }

    /// Its first and its last `part`th, down or across.
    pub fn ends(&self, part: usize, down: bool) -> [Self; 2] {
        let Self { x, y } = self.clone();
        if down {
            let (first, last) = ends(&y, y.len() / part);
            [first, last].map(|y| Self { x: x.clone(), y })
        } else {
            let (first, last) = ends(&x, x.len() / part);
            [first, last].map(|x| Self { x, y: y.clone() })
        }
    }
}

/// Draws rectangles on frames of one kind, in colours that [`ColorSpace::native`](super::color::ColorSpace::native)
/// gives.
#[derive(Debug)]
pub struct Rectangles {
    grids: Vec<SampleGrid>,
}

impl Rectangles {
    pub fn new(info: &VideoInfo) -> Self {
        Self {
            grids: SampleGrid::of(info),
        }
    }

    /// Fills a rectangle's pixels.
    pub fn fill(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        Rectangle { x, y }: &Rectangle,
        color: &[u8; 3],
    ) {
        for grid in &self.grids {
            let Some(mut rows) = grid.rows_mut(frame) else {
                continue;
            };
            let columns = grid.columns(x);
            for row in grid.rows(y) {
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

/// The first and the last `thickness` pixels of a range, never the same pixel twice.
fn ends(range: &Range<usize>, thickness: usize) -> (Range<usize>, Range<usize>) {
    let first = range.start..(range.start + thickness).min(range.end);
    let last = range.end.saturating_sub(thickness).max(first.end)..range.end;
    (first, last)
}
