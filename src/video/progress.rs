//! A bar that tells how much has been learned.

use gst_video::{VideoFrameRef, VideoInfo};

use super::color::ColorSpace;
use super::levels::unit;
use super::rectangles::{Rectangle, Rectangles};

/// The part that is done, the rest, and both around them: one of the two stands out on any picture.
const LIGHT: [f32; 3] = [255.0; 3];
const DARK: [f32; 3] = [0.0; 3];

/// Draws progress on frames of one kind.
#[derive(Debug)]
pub struct Progress {
    rectangles: Rectangles,
    /// `LIGHT` and `DARK` in the frame's components.
    light: [u8; 3],
    dark: [u8; 3],
    bar: Rectangle,
    /// Pixels of each of the two lines around the bar.
    thickness: usize,
}

impl Progress {
    pub fn new(info: &VideoInfo) -> Self {
        let space = ColorSpace::new(info);
        let (width, height) = (info.width() as usize, info.height() as usize);
        let margins = (even(width / 20), even(height / 20));
        let bottom = even(height - margins.1);
        // The least that has two lines on either side and something between them.
        let thick = even(height / 30).max(6);
        Self {
            rectangles: Rectangles::new(info),
            light: space.native(LIGHT),
            dark: space.native(DARK),
            bar: Rectangle {
                x: margins.0..even(width - margins.0),
                y: bottom.saturating_sub(thick)..bottom,
            },
            thickness: (thick / 12).max(1),
        }
    }

    /// See [`Painter::progress`](super::Painter::progress).
    pub fn paint(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, share: f32) {
        let mut inner = self.bar.clone();
        for color in [&self.dark, &self.light] {
            inner = self
                .rectangles
                .outline(frame, &inner, self.thickness, color);
        }
        let Rectangle { x, y } = inner;
        let done = x.start + (unit(share) * x.len() as f32).round() as usize;
        self.rectangles
            .fill(frame, &(x.start..done), &y, &self.light);
        self.rectangles.fill(frame, &(done..x.end), &y, &self.dark);
    }
}

/// The bar lies on even pixels, so that subsampled chroma begins and ends with it; within it all is gray.
fn even(pixels: usize) -> usize {
    pixels & !1
}
