//! What a [`Painter`](super::Painter) paints, as rectangles that another element draws: a sink with hardware for it
//! does so on a larger picture, and the frames stay as they are.

use gst_video::{
    VideoFormat, VideoFrameFlags, VideoInfo, VideoMeta, VideoOverlayComposition,
    VideoOverlayFormatFlags, VideoOverlayRectangle,
};

use super::badge::{self, Badge, Verdict};
use super::levels::unit;
use super::outline::{self, Outline};
use super::progress::{self, Progress};
use super::rectangles::Rectangle;
use super::{Area, Colormap};
use igd::model::{Map, Region};

/// The one format of compositions: blue, green, red and alpha on machines with the lowest byte first.
const FORMAT: VideoFormat = if cfg!(target_endian = "little") {
    VideoFormat::Bgra
} else {
    VideoFormat::Argb
};

/// Collects what is to be drawn over frames of one kind.
#[derive(Debug)]
pub struct Composer {
    outline: Outline,
    progress: Progress,
    badge: Badge,
    rectangles: Vec<VideoOverlayRectangle>,
}

impl Composer {
    pub fn new(info: &VideoInfo) -> Self {
        Self {
            outline: Outline::new(info),
            progress: Progress::new(info),
            badge: Badge::new(info),
            rectangles: Vec::new(),
        }
    }

    /// See [`Painter::heatmap_in`](super::Painter::heatmap_in).
    pub fn heatmap(&mut self, map: &Map, area: Area, colormap: Colormap, opacity: f32) {
        let table = colormap.table();
        let opacity = 255.0 * unit(opacity);
        let pixels = map.values.iter().flat_map(|value| {
            let value = unit(*value);
            let color = table[(value * 255.0).round() as usize];
            pixel(color, (value * opacity).round() as u8)
        });
        let size = (map.width, map.height);
        let rectangle = rectangle(pixels.collect(), size, area);
        self.rectangles.extend(rectangle);
    }

    /// See [`Painter::boxes`](super::Painter::boxes).
    pub fn boxes(&mut self, regions: &[Region]) {
        for region in regions {
            self.add(self.outline.bars(region));
        }
    }

    /// See [`Painter::corners`](super::Painter::corners).
    pub fn corners(&mut self, regions: &[Region]) {
        for region in regions {
            self.add(self.outline.corners(region));
        }
    }

    fn add<const N: usize>(&mut self, bars: [[Rectangle; N]; 2]) {
        for (bars, color) in bars.iter().zip(outline::COLORS) {
            let bars = bars.iter().filter_map(|bar| plain(bar, color));
            self.rectangles.extend(bars);
        }
    }

    /// See [`Painter::progress`](super::Painter::progress).
    pub fn progress(&mut self, share: f32) {
        let bars = self.progress.bars(share);
        let bars = bars
            .iter()
            .filter_map(|(color, bar)| plain(bar, progress::COLORS[*color]));
        self.rectangles.extend(bars);
    }

    /// See [`Painter::badge`](super::Painter::badge).
    pub fn badge(&mut self, area: Area, verdict: &Verdict) {
        let mut plate = None::<Rectangle>;
        let mut pixels = Vec::new();
        // One picture: renderers want few.
        self.badge
            .lay_out(area, verdict, |color, Rectangle { x, y }| {
                let color = pixel(badge::COLORS[color].map(|value| value as u8), u8::MAX);
                let plate = plate.get_or_insert_with(|| {
                    pixels.resize(x.len() * y.len(), color);
                    Rectangle {
                        x: x.clone(),
                        y: y.clone(),
                    }
                });
                let columns = x.start - plate.x.start..x.end - plate.x.start;
                for row in y.start - plate.y.start..y.end - plate.y.start {
                    pixels[row * plate.x.len()..][columns.clone()].fill(color);
                }
            });
        if let Some(Rectangle { x, y }) = plate {
            let area = Area {
                x: x.start as u32,
                y: y.start as u32,
                w: x.len() as u32,
                h: y.len() as u32,
            };
            let picture = rectangle(pixels.into_flattened(), (x.len(), y.len()), area);
            self.rectangles.extend(picture);
        }
    }

    /// All that was collected since the last time; `None` where there is nothing.
    pub fn compose(&mut self) -> Option<VideoOverlayComposition> {
        let all: Vec<_> = self.rectangles.drain(..).collect();
        if all.is_empty() {
            return None;
        }
        VideoOverlayComposition::new(&all).ok()
    }
}

/// One composition above another one.
pub fn stack(
    below: &VideoOverlayComposition,
    above: &VideoOverlayComposition,
) -> Option<VideoOverlayComposition> {
    let rectangles = [below, above].into_iter().flat_map(|composition| {
        (0..composition.n_rectangles()).filter_map(|index| composition.rectangle(index).ok())
    });
    let all: Vec<_> = rectangles.collect();
    VideoOverlayComposition::new(&all).ok()
}

fn pixel([red, green, blue]: [u8; 3], alpha: u8) -> [u8; 4] {
    if cfg!(target_endian = "little") {
        [blue, green, red, alpha]
    } else {
        [alpha, red, green, blue]
    }
}

/// A bar of one colour; `None` for one without pixels.
fn plain(bar: &Rectangle, color: [f32; 3]) -> Option<VideoOverlayRectangle> {
    let (width, height) = (bar.x.len(), bar.y.len());
    let color = pixel(color.map(|value| value as u8), u8::MAX);
    let area = Area {
        x: bar.x.start as u32,
        y: bar.y.start as u32,
        w: width as u32,
        h: height as u32,
    };
    rectangle(color.repeat(width * height), (width, height), area)
}

/// A picture of `size` (width, height) over an area of the frame.
fn rectangle(
    pixels: Vec<u8>,
    (width, height): (usize, usize),
    area: Area,
) -> Option<VideoOverlayRectangle> {
    if pixels.is_empty() {
        return None;
    }
    let mut buffer = gst::Buffer::from_mut_slice(pixels);
    VideoMeta::add(
        buffer.get_mut()?,
        VideoFrameFlags::empty(),
        FORMAT,
        width as u32,
        height as u32,
    )
    .ok()?;
    Some(VideoOverlayRectangle::new_raw(
        &buffer,
        i32::try_from(area.x).ok()?,
        i32::try_from(area.y).ok()?,
        area.w,
        area.h,
        VideoOverlayFormatFlags::empty(),
    ))
}
