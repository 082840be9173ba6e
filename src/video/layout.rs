//! Where the samples of a frame lie.

use std::ops::Range;

use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo, VideoMeta};

use igd::resize::PlaneView;

/// The colour components (never alpha) of a format whose samples take turns in one plane and lie at the same places of
/// the frame: all of RGB, the two of NV12's chroma, or just one. Read off its `VideoFormatInfo`.
///
/// Samples are bytes. One of 16 bits counts as two components, its low byte and its high one: what is summed or copied
/// may be so byte by byte.
#[derive(Debug)]
pub struct SampleGrid {
    /// For each component, its index (0, 1, 2: Y, U, V, or R, G, B, or low and high byte), and the bytes from `offset`
    /// to its first sample.
    pub components: Vec<(usize, usize)>,
    plane: u32,
    /// Bytes from the plane's start to the first sample.
    offset: usize,
    /// Bytes from a sample to the next one of its component.
    pub pixel_stride: usize,
    /// Samples of a component a row, and rows.
    pub size: (usize, usize),
    /// Frame pixels that a sample stands for, across and down; each is a power of two.
    pub block: (usize, usize),
    /// The frame's width and height in pixels.
    frame: (usize, usize),
}

/// Whether samples have 16 bits.
pub fn is_wide(info: &VideoInfo) -> bool {
    info.format_info().bits() > u8::BITS
}

impl SampleGrid {
    /// All of a format, in the order of their components.
    pub fn of(info: &VideoInfo) -> Vec<Self> {
        let format = info.format_info();
        let mut grids: Vec<Self> = Vec::new();
        for index in 0..info.n_components().min(3) as usize {
            let component = index as u8;
            let (plane, offset) = (
                info.comp_plane(component),
                info.comp_poffset(component) as usize,
            );
            let block = (1 << format.w_sub()[index], 1 << format.h_sub()[index]);
            let found = grids
                .iter_mut()
                .find(|grid| (grid.plane, grid.block) == (plane, block));
            match found {
                Some(grid) => grid.add(index, offset),
                None => grids.push(Self {
                    components: match is_wide(info) {
                        true => vec![(0, 0), (1, 1)],
                        false => vec![(index, 0)],
                    },
                    plane,
                    offset,
                    pixel_stride: info.comp_pstride(component).max(1) as usize,
                    size: (
                        info.comp_width(component) as usize,
                        info.comp_height(component) as usize,
                    ),
                    block,
                    frame: (info.width() as usize, info.height() as usize),
                }),
            }
        }
        grids
    }

    fn add(&mut self, index: usize, offset: usize) {
        let first = self.offset.min(offset);
        for (_, bytes) in &mut self.components {
            *bytes += self.offset - first;
        }
        self.components.push((index, offset - first));
        self.offset = first;
    }

    /// The samples; none where the frame has no such plane.
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

    /// The samples for writing; none where the frame has no such plane.
    pub fn rows_mut<'a>(
        &self,
        frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Option<RowsMut<'a>> {
        let Extent { stride, bytes } = Extent::of(frame, self.plane)?;
        let data = frame.plane_data_mut(self.plane).ok()?;
        let end = data.len().min(bytes);
        let last = self.components.iter().map(|&(_, bytes)| bytes).max()?;
        Some(RowsMut {
            data: data.get_mut(self.offset..end)?,
            stride,
            length: self.size.0.checked_sub(1)? * self.pixel_stride + last + 1,
            count: self.size.1,
        })
    }

    /// Where the centre of a column's blocks is, in pixels of the frame.
    pub fn center_x(&self, column: usize) -> f64 {
        (column as f64 + 0.5) * self.block.0 as f64
    }

    /// Where the centre of a row's blocks is, in pixels of the frame.
    #[inline]
    pub fn center_y(&self, row: usize) -> f64 {
        (row as f64 + 0.5) * self.block.1 as f64
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

/// The rows of a grid in a frame's memory.
#[derive(Debug)]
pub struct RowsMut<'a> {
    data: &'a mut [u8],
    stride: usize,
    length: usize,
    count: usize,
}

impl RowsMut<'_> {
    /// Row `y` from its first sample to its last one; none where the frame has no such row in memory.
    pub fn get(&mut self, y: usize) -> Option<&mut [u8]> {
        let start = y.checked_mul(self.stride)?;
        let end = start.checked_add(self.length)?;
        if y < self.count {
            self.data.get_mut(start..end)
        } else {
            None
        }
    }
}

/// Of `count` blocks on an axis, those with their centre in `pixels`; the pixel after the centre decides, so that a
/// line of `block` pixels has its colour in exactly one sample. The last block of an odd frame has its centre on the
/// edge.
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
/// GStreamer maps a buffer that carries a video meta without asking whether its memory is as large as strides and
/// offsets say, and the slice that gstreamer-rs makes of it trusts it too; so it is asked here. Decoders that crop by
/// an offset are the harmless case: the padding of their last row is not there.
struct Extent {
    /// Bytes from a row to the next.
    stride: usize,
    /// Bytes from the plane's start to the end of its memory.
    bytes: usize,
}

impl Extent {
    fn of<T>(frame: &VideoFrameRef<T>, plane: u32) -> Option<Self> {
        // A negative stride (bottom-up pictures) is as good as no plane, and so is one that overflows the bindings'
        // u32.
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
