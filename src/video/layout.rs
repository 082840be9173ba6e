//! Where the samples of a component lie.

use std::ops::Range;

use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo, VideoMeta};

use crate::data::resize::PlaneView;

/// One colour component (never alpha) of a format, read off its `VideoFormatInfo`.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// 0, 1, 2: Y, U, V or R, G, B.
    pub index: usize,
    pub plane: u32,
    /// Bytes from the plane's start to the first sample.
    pub offset: usize,
    /// Bytes from a sample to the next of its row.
    pub pixel_stride: usize,
    /// Samples a row and rows.
    pub size: (usize, usize),
    /// Frame pixels that a sample stands for, across and down; each is a power of two.
    pub block: (usize, usize),
}

impl Component {
    /// All of a format: three, or one for gray.
    pub fn of(info: &VideoInfo) -> Vec<Self> {
        let format = info.format_info();
        (0..info.n_components().min(3) as usize)
            .map(|index| Self {
                index,
                plane: info.comp_plane(index as u8),
                offset: info.comp_poffset(index as u8) as usize,
                pixel_stride: info.comp_pstride(index as u8).max(1) as usize,
                size: (
                    info.comp_width(index as u8) as usize,
                    info.comp_height(index as u8) as usize,
                ),
                block: (1 << format.w_sub()[index], 1 << format.h_sub()[index]),
            })
            .collect()
    }

    /// The component's samples; none where the frame has no such plane.
    pub fn view<'a, T>(&self, frame: &'a VideoFrameRef<T>) -> PlaneView<'a> {
        let (data, stride) = self.data(frame).unwrap_or_default();
        PlaneView {
            data,
            stride,
            pixel_stride: self.pixel_stride,
        }
    }

    fn data<'a, T>(&self, frame: &'a VideoFrameRef<T>) -> Option<(&'a [u8], usize)> {
        let Extent { stride, bytes } = Extent::of(frame, self.plane)?;
        let data = frame.plane_data(self.plane).ok()?;
        Some((data.get(self.offset..data.len().min(bytes))?, stride))
    }

    /// Row `y` from its first sample to its last one, for writing; none where the frame has no such row in memory.
    pub fn row_mut<'a>(
        &self,
        frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
        y: usize,
    ) -> Option<&'a mut [u8]> {
        let Extent { stride, bytes } = Extent::of(frame, self.plane)?;
        let start = y.checked_mul(stride)?.checked_add(self.offset)?;
        let end = start.checked_add((self.size.0.checked_sub(1)?) * self.pixel_stride + 1)?;
        let data = frame.plane_data_mut(self.plane).ok()?;
        if y < self.size.1 && end <= bytes {
            data.get_mut(start..end)
        } else {
            None
        }
    }
}

/// The components whose samples lie at the same places of the frame: all of them, or luma and subsampled chroma apart.
#[derive(Debug)]
pub struct Grid {
    pub components: Vec<Component>,
    /// Samples a row and rows.
    pub size: (usize, usize),
    block: (usize, usize),
    /// The frame's width and height in pixels.
    frame: (usize, usize),
}

impl Grid {
    pub fn of(info: &VideoInfo) -> Vec<Self> {
        let mut grids: Vec<Self> = Vec::new();
        for component in Component::of(info) {
            match grids.iter_mut().find(|grid| grid.block == component.block) {
                Some(grid) => grid.components.push(component),
                None => grids.push(Self {
                    components: vec![component],
                    size: component.size,
                    block: component.block,
                    frame: (info.width() as usize, info.height() as usize),
                }),
            }
        }
        grids
    }

    /// Where the centre of a column's blocks is, as a part of the frame's width.
    pub fn center_x(&self, column: usize) -> f64 {
        (column as f64 + 0.5) * self.block.0 as f64 / self.frame.0 as f64
    }

    /// Where the centre of a row's blocks is, as a part of the frame's height.
    pub fn center_y(&self, row: usize) -> f64 {
        (row as f64 + 0.5) * self.block.1 as f64 / self.frame.1 as f64
    }

    /// The columns whose blocks have their centre in the range of pixels.
    pub fn columns(&self, pixels: &Range<usize>) -> Range<usize> {
        centered(pixels, self.block.0, self.frame.0, self.size.0)
    }

    /// The rows whose blocks have their centre in the range of pixels.
    pub fn rows(&self, pixels: &Range<usize>) -> Range<usize> {
        centered(pixels, self.block.1, self.frame.1, self.size.1)
    }
}

/// Of `count` blocks on an axis, those with their centre in `pixels`; the pixel after the centre decides, so that a line of
/// `block` pixels has its colour in exactly one sample. The last block of an odd frame has its centre on the edge.
fn centered(pixels: &Range<usize>, block: usize, frame: usize, count: usize) -> Range<usize> {
    let first_from = |pixel: usize| {
        if pixel >= frame {
            count
        } else {
            pixel.saturating_sub(block / 2).div_ceil(block)
        }
    };
    first_from(pixels.start)..first_from(pixels.end)
}

/// How far a plane reaches.
///
/// GStreamer maps a buffer that carries a video meta without asking whether its memory is as large as strides and offsets
/// say, and the slice that gstreamer-rs makes of it trusts it too; so it is asked here. Decoders that crop by an offset
/// are the harmless case: the padding of their last row is not there.
struct Extent {
    /// Bytes from a row to the next.
    stride: usize,
    /// Bytes from the plane's start to the end of its memory.
    bytes: usize,
}

impl Extent {
    fn of<T>(frame: &VideoFrameRef<T>, plane: u32) -> Option<Self> {
        // A negative stride (bottom-up pictures) is as good as no plane, and so is one that overflows the bindings' u32.
        let stride = *frame.plane_stride().get(plane as usize)?;
        u32::try_from(stride).ok()?.checked_mul(frame.height())?;
        let stride = stride as usize;
        let buffer = VideoFrameExt::buffer(frame);
        let bytes = match buffer.meta::<VideoMeta>() {
            Some(meta) => {
                let offset = *meta.offset().get(plane as usize)?;
                let (memories, skipped) = buffer.find_memory(offset..offset.checked_add(1)?)?;
                buffer
                    .peek_memory(memories.start)
                    .size()
                    .checked_sub(skipped)?
            }
            None => buffer
                .size()
                .checked_sub(*frame.plane_offset().get(plane as usize)?)?,
        };
        Some(Self { stride, bytes })
    }
}
