//! What was found, or how far learning has come, painted on the frame.

use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};

use super::badge::{self, Badge, Verdict};
use super::color::ColorSpace;
use super::heatmap::Heatmap;
use super::outline::{self, Outline};
use super::progress::{self, Progress};
use super::rectangles::{Rectangle, Rectangles};
use super::{Area, Colormap};
use igd::model::{Map, Region};

/// Paints on frames of one kind, in their own format: colours are converted once, samples never. Alpha and padding stay
/// as they are, and where a frame has less memory than its caps ask for, nothing is painted.
#[derive(Debug)]
pub struct Painter {
    heatmap: Heatmap,
    rectangles: Rectangles,
    outline: Outline,
    progress: Progress,
    badge: Badge,
    /// The colours of outlines, bar and badge in the frame's components.
    outline_colors: [[u8; 3]; 2],
    progress_colors: [[u8; 3]; 2],
    badge_colors: [[u8; 3]; 3],
}

impl Painter {
    /// For frames with the caps of `info`, of one of [`FORMATS`](super::FORMATS).
    /// Of samples of 16 bits so many are used (8 to 16), all unless told.
    pub fn new(info: &VideoInfo, significant_bits: Option<u32>) -> Self {
        let space = ColorSpace::new(info, significant_bits);
        Self {
            heatmap: Heatmap::new(info, space),
            rectangles: Rectangles::new(info),
            outline: Outline::new(info),
            progress: Progress::new(info),
            badge: Badge::new(info),
            outline_colors: outline::COLORS.map(|color| space.native(color)),
            progress_colors: progress::COLORS.map(|color| space.native(color)),
            badge_colors: badge::COLORS.map(|color| space.native(color)),
        }
    }

    /// Blends `map` (0..=1; what is not a number counts as 0), stretched over `area` of the frame, in the colours of
    /// `colormap`. A value weighs `opacity` (0..=1) times itself, so that what is normal stays clear.
    pub fn heatmap_in(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        map: &Map,
        area: Area,
        colormap: Colormap,
        opacity: f32,
    ) {
        self.heatmap.paint(frame, map, area, colormap, opacity);
    }

    /// As [`heatmap_in`](Self::heatmap_in), over the whole frame.
    pub fn heatmap(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        map: &Map,
        colormap: Colormap,
        opacity: f32,
    ) {
        let area = Area::whole(frame.info());
        self.heatmap_in(frame, map, area, colormap, opacity);
    }

    /// Outlines each region within its bounds, in red and white; lines are thicker on larger frames.
    pub fn boxes(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, regions: &[Region]) {
        for region in regions {
            self.fill(frame, self.outline.bars(region));
        }
    }

    /// Outlines each region as [`boxes`](Self::boxes) does, but only at its corners.
    pub fn corners(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, regions: &[Region]) {
        for region in regions {
            self.fill(frame, self.outline.corners(region));
        }
    }

    /// Writes the verdict in the upper left corner of `area`, white on green or on red: whether it is good, and the
    /// score against the threshold where that finds room. Letters are larger on larger frames.
    pub fn badge(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        area: Area,
        verdict: &Verdict,
    ) {
        let (rectangles, colors) = (&self.rectangles, &self.badge_colors);
        self.badge.lay_out(area, verdict, |color, rectangle| {
            rectangles.fill(frame, &rectangle, &colors[color]);
        });
    }

    fn fill<const N: usize>(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        bars: [[Rectangle; N]; 2],
    ) {
        for (bars, color) in bars.iter().zip(&self.outline_colors) {
            for bar in bars {
                self.rectangles.fill(frame, bar, color);
            }
        }
    }

    /// Draws a bar near the frame's bottom edge, white for `share` of it (0..=1; what is not a number counts as 0) and
    /// black for the rest; it is higher on larger frames.
    pub fn progress(&self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, share: f32) {
        for (color, bar) in &self.progress.bars(share) {
            self.rectangles
                .fill(frame, bar, &self.progress_colors[*color]);
        }
    }
}
