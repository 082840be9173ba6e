//! Frames to what the network takes.

use gst_video::{VideoChromaSite, VideoFormat, VideoFrameRef, VideoInfo};

use super::color::{Affine, ColorSpace};
use super::layout::SampleGrid;
use super::{Area, FORMATS};
use igd::resize::{PlaneView, ResizeError, Resizer, Window};

/// Not one of [`FORMATS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("video format {} is not supported", .0.to_str())]
pub struct UnsupportedFormat(pub VideoFormat);

/// Reads frames of one kind as planar RGB at the network's size.
///
/// Each component goes from the frame's memory straight to the small grid, and the colour matrix is applied there, on
/// the few pixels that are left.
#[derive(Debug)]
pub struct FrameReader {
    planes: Vec<Plane>,
    to_rgb: Affine,
    /// Width and height of the picture.
    size: (usize, usize),
}

impl FrameReader {
    /// For frames with the caps of `info`, to `size` (width, height).
    pub fn new(info: &VideoInfo, size: (usize, usize)) -> Result<Self, UnsupportedFormat> {
        Self::of_area(info, None, Area::whole(info), size)
    }

    /// As [`new`](Self::new), for a part of the frames. Of samples of 16 bits so many are used (8 to 16), all unless
    /// told, and what is brighter is white.
    pub fn of_area(
        info: &VideoInfo,
        significant_bits: Option<u32>,
        area: Area,
        size: (usize, usize),
    ) -> Result<Self, UnsupportedFormat> {
        if !FORMATS.contains(&info.format()) {
            return Err(UnsupportedFormat(info.format()));
        }
        Ok(Self {
            planes: SampleGrid::of(info)
                .into_iter()
                .map(|grid| Plane::new(info.chroma_site(), grid, area, size))
                .collect(),
            to_rgb: ColorSpace::new(info, significant_bits).to_rgb,
            size,
        })
    }

    /// Reads another part of the frames from now on, if it can do so as it is: one of the same size that lies alike on
    /// the grids of the format, and as far from the frame's edges as their pixels matter. Otherwise it stays where it
    /// is, and false is returned.
    pub fn go_to(&mut self, area: Area) -> bool {
        let is_alike = |plane: &Plane| plane.cut_of(area, self.size).is_like(&plane.cut);
        let can_go = self.planes.iter().all(is_alike);
        if can_go {
            for plane in &mut self.planes {
                plane.cut = plane.cut_of(area, self.size);
            }
        }
        can_go
    }

    /// Fills `rgb` with the red, the green and the blue picture, row by row, in 0..=255.
    ///
    /// Fails, with `rgb` half filled, only when the frame has less memory than its caps ask for or `rgb` has another
    /// length than 3 * width * height.
    pub fn read<T>(
        &mut self,
        frame: &VideoFrameRef<T>,
        rgb: &mut [f32],
    ) -> Result<(), ResizeError> {
        let found = rgb.len();
        let area = self.size.0 * self.size.1;
        if found != 3 * area {
            return Err(ResizeError::Destination {
                needed: 3 * area,
                found,
            });
        }
        let mut rest = &mut *rgb;
        for plane in &mut self.planes {
            let (channels, others) = rest.split_at_mut(plane.offsets.len() * area);
            let view = plane.cut.of(plane.grid.view(frame));
            plane.resizer.run(view, &plane.offsets, channels)?;
            rest = others;
        }
        // What gray lacks weighs nothing, but must be numbers.
        rest.fill(0.0);
        self.convert(rgb);
        Ok(())
    }

    // Apart from what is compiled where it is used, which may be compiled for a short build.
    fn convert(&self, rgb: &mut [f32]) {
        if self.to_rgb == Affine::IDENTITY {
            return;
        }
        let area = self.size.0 * self.size.1;
        let (red, rest) = rgb.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            [*red, *green, *blue] = self.to_rgb.apply([*red, *green, *blue]);
        }
    }
}

/// One grid of the frame, whose components follow each other in every way.
#[derive(Debug)]
struct Plane {
    grid: SampleGrid,
    site: VideoChromaSite,
    cut: Cut,
    resizer: Resizer,
    /// Bytes from the grid's first sample to each component's.
    offsets: Vec<usize>,
}

impl Plane {
    fn new(site: VideoChromaSite, grid: SampleGrid, area: Area, size: (usize, usize)) -> Self {
        let cut = Cut::new(site, &grid, area, size);
        Self {
            resizer: Resizer::with_window(cut.size, cut.window, size),
            offsets: grid.components.iter().map(|&(_, offset)| offset).collect(),
            cut,
            site,
            grid,
        }
    }

    fn cut_of(&self, area: Area, size: (usize, usize)) -> Cut {
        Cut::new(self.site, &self.grid, area, size)
    }
}

/// The samples of a grid that a part of the frame is made of.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// The first sample's column and row.
    start: (usize, usize),
    /// Columns and rows.
    size: (usize, usize),
    /// The part of the frame, from the first sample on.
    window: Window,
}

impl Cut {
    /// For a picture of `size`.
    fn new(site: VideoChromaSite, grid: &SampleGrid, area: Area, size: (usize, usize)) -> Self {
        let window = window(site, grid, area);
        let (left, columns) = reach(window.x, window.width, grid.size.0, size.0);
        let (top, rows) = reach(window.y, window.height, grid.size.1, size.1);
        Self {
            start: (left, top),
            size: (columns, rows),
            window: Window {
                x: window.x - left as f64,
                y: window.y - top as f64,
                ..window
            },
        }
    }

    /// Whether the same weights belong to the samples.
    fn is_like(&self, other: &Self) -> bool {
        (self.size, self.window) == (other.size, other.window)
    }

    fn of<'a>(&self, view: PlaneView<'a>) -> PlaneView<'a> {
        let down = self.start.1.checked_mul(view.stride);
        let first = down.and_then(|down| down.checked_add(self.start.0 * view.pixel_stride));
        PlaneView {
            data: first
                .and_then(|first| view.data.get(first..))
                .unwrap_or_default(),
            ..view
        }
    }
}

/// Of `count` samples, the first one and how many there are that `extent` of them from `start` on need for `made`
/// samples: the filter reaches as far beyond them as a sample that is made is wide, and two neighbours at least.
fn reach(start: f64, extent: f64, count: usize, made: usize) -> (usize, usize) {
    let beyond = (extent / made as f64).max(1.0) + 1.0;
    let first = ((start - beyond).max(0.0) as usize).min(count.saturating_sub(1));
    let end = ((start + extent + beyond).ceil() as usize).min(count);
    (first, end.saturating_sub(first).max(1))
}

/// A part of the frame in samples of a grid. Subsampled chroma may reach beyond an odd frame's edge, and sits on
/// the left or upper pixels of its block where the caps say "cosited".
fn window(site: VideoChromaSite, grid: &SampleGrid, area: Area) -> Window {
    let shift = |block: usize, cosited| {
        if site.contains(cosited) {
            // From the block's centre to the centre of its first pixel.
            0.5 - 0.5 / block as f64
        } else {
            0.0
        }
    };
    let (across, down) = grid.block;
    Window {
        x: shift(across, VideoChromaSite::H_COSITED) + f64::from(area.x) / across as f64,
        y: shift(down, VideoChromaSite::V_COSITED) + f64::from(area.y) / down as f64,
        width: f64::from(area.w) / across as f64,
        height: f64::from(area.h) / down as f64,
    }
}
