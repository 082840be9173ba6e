//! A bar that tells how much has been learned.

use gst_video::VideoInfo;

use super::levels::unit;
use super::rectangles::Rectangle;

/// The part that is done, the rest, and both around them: one of the two stands out on any picture.
const LIGHT: usize = 0;
const DARK: usize = 1;
pub const COLORS: [[f32; 3]; 2] = [[255.0; 3], [0.0; 3]];

/// Where the bar is on frames of one kind.
#[derive(Debug)]
pub struct Progress {
    bar: Rectangle,
    /// Pixels of each of the two lines around the bar.
    thickness: usize,
}

impl Progress {
    pub fn new(info: &VideoInfo) -> Self {
        let (width, height) = (info.width() as usize, info.height() as usize);
        let margins = (even(width / 20), even(height / 20));
        let bottom = even(height - margins.1);
        // The least that has two lines on either side and something between them.
        let thick = even(height / 30).max(6);
        Self {
            bar: Rectangle {
                x: margins.0..even(width - margins.0),
                y: bottom.saturating_sub(thick)..bottom,
            },
            thickness: (thick / 12).max(1),
        }
    }

    /// What the bar consists of where `share` of it is done, each with the index of its one of [`COLORS`].
    pub fn bars(&self, share: f32) -> [(usize, Rectangle); 10] {
        let (dark, inner) = self.bar.outline(self.thickness);
        let (light, Rectangle { x, y }) = inner.outline(self.thickness);
        let end = x.start + (unit(share) * x.len() as f32).round() as usize;
        let done = Rectangle {
            x: x.start..end,
            y: y.clone(),
        };
        let rest = Rectangle { x: end..x.end, y };
        let [a, b, c, d] = dark.map(|bar| (DARK, bar));
        let [e, f, g, h] = light.map(|bar| (LIGHT, bar));
        [a, b, c, d, e, f, g, h, (LIGHT, done), (DARK, rest)]
    }
}

/// The bar lies on even pixels, so that subsampled chroma begins and ends with it; within it all is gray.
fn even(pixels: usize) -> usize {
    pixels & !1
}
