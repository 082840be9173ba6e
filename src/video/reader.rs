//! Frames to what the network takes.

use gst_video::{VideoChromaSite, VideoFormat, VideoFrameRef, VideoInfo};

use super::color::{Affine, ColorSpace};
use super::layout::SampleGrid;
use super::{Area, FORMATS};
use igd::resize::{ResizeError, Resizer, Window};

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
    /// Values a channel.
    area: usize,
}

impl FrameReader {
    /// For frames with the caps of `info`, to `size` (width, height).
    pub fn new(info: &VideoInfo, size: (usize, usize)) -> Result<Self, UnsupportedFormat> {
        Self::of_area(info, Area::whole(info), size)
    }

    /// As [`new`](Self::new), for a part of the frames.
    pub fn of_area(
        info: &VideoInfo,
        area: Area,
        size: (usize, usize),
    ) -> Result<Self, UnsupportedFormat> {
        if !FORMATS.contains(&info.format()) {
            return Err(UnsupportedFormat(info.format()));
        }
        Ok(Self {
            planes: SampleGrid::of(info)
                .into_iter()
                .map(|grid| Plane::new(info, grid, area, size))
                .collect(),
            to_rgb: ColorSpace::new(info).to_rgb,
            area: size.0 * size.1,
        })
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
        if found != 3 * self.area {
            return Err(ResizeError::Destination {
                needed: 3 * self.area,
                found,
            });
        }
        let mut rest = &mut *rgb;
        for plane in &mut self.planes {
            let (channels, others) = rest.split_at_mut(plane.offsets.len() * self.area);
            plane
                .resizer
                .run(plane.grid.view(frame), &plane.offsets, channels)?;
            rest = others;
        }
        if self.to_rgb == Affine::IDENTITY {
            return Ok(());
        }

        // What gray lacks weighs nothing, but must be numbers.
        rest.fill(0.0);
        let (red, rest) = rgb.split_at_mut(self.area);
        let (green, blue) = rest.split_at_mut(self.area);
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            [*red, *green, *blue] = self.to_rgb.apply([*red, *green, *blue]);
        }
        Ok(())
    }
}

/// One grid of the frame, whose components follow each other in every way.
#[derive(Debug)]
struct Plane {
    grid: SampleGrid,
    resizer: Resizer,
    /// Bytes from the grid's first sample to each component's.
    offsets: Vec<usize>,
}

impl Plane {
    fn new(info: &VideoInfo, grid: SampleGrid, area: Area, size: (usize, usize)) -> Self {
        Self {
            resizer: Resizer::with_window(grid.size, window(info, &grid, area), size),
            offsets: grid.components.iter().map(|&(_, offset)| offset).collect(),
            grid,
        }
    }
}

/// A part of the frame in samples of a grid. Subsampled chroma may reach beyond an odd frame's edge, and sits on
/// the left or upper pixels of its block where the caps say "cosited".
fn window(info: &VideoInfo, grid: &SampleGrid, area: Area) -> Window {
    let site = info.chroma_site();
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
