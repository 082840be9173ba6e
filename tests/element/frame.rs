//! Frames of any format and stride.

use gst_video::prelude::*;
use gst_video::{
    VideoConverter, VideoFormat, VideoFrame, VideoInfo, VideoMeta, VideoRegionOfInterestMeta,
};

/// What a frame shows. Both are gray, so that formats with and without subsampled color hold the same picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A soft slope.
    Normal,
    /// The slope with a striped square.
    Odd,
}

impl Pattern {
    /// The brightness at a place, both coordinates from 0 to 1.
    fn at(self, x: f64, y: f64) -> u8 {
        let slope = 90.0 + 30.0 * x + 20.0 * y;
        let in_square = (0.25..0.625).contains(&x) && (0.375..0.75).contains(&y);
        if self == Pattern::Odd && in_square {
            if ((x * 16.0) as u32).is_multiple_of(2) {
                235
            } else {
                20
            }
        } else {
            slope as u8
        }
    }

    /// The pattern as a detector takes it.
    pub fn planar(self, side: usize) -> Vec<f32> {
        let channel = (0..side * side).map(|index| {
            let center = |position: usize| (position as f64 + 0.5) / side as f64;
            f32::from(self.at(center(index % side), center(index / side)))
        });
        let channel: Vec<f32> = channel.collect();
        [channel.as_slice(); 3].concat()
    }

    /// The pattern as a tightly packed RGB frame.
    fn rgb(self, width: u32, height: u32) -> VideoFrame<gst_video::video_frame::Writable> {
        let info = video_info(VideoFormat::Rgb, width, height);
        let buffer = gst::Buffer::with_size(info.size()).unwrap();
        let mut frame = VideoFrame::from_buffer_writable(buffer, &info).unwrap();
        let stride = info.stride()[0] as usize;
        let data = frame.plane_data_mut(0).unwrap();
        for y in 0..height {
            for x in 0..width {
                let center =
                    |position: u32, length: u32| (f64::from(position) + 0.5) / f64::from(length);
                let value = self.at(center(x, width), center(y, height));
                data[y as usize * stride + x as usize * 3..][..3].fill(value);
            }
        }
        frame
    }

    /// The pattern as `info` describes it, with the strides of the caps.
    pub fn buffer(self, info: &VideoInfo) -> gst::Buffer {
        let buffer = gst::Buffer::with_size(info.size()).unwrap();
        self.draw(buffer, info)
    }

    /// The pattern with rows that are longer than the caps say, and something in every byte that no pixel uses.
    pub fn padded_buffer(self, info: &VideoInfo, padding: usize) -> gst::Buffer {
        let mut offsets = Vec::new();
        let mut strides = Vec::new();
        let mut size = padding;
        for plane in 0..info.n_planes() {
            let stride = info.stride()[plane as usize] as usize + padding;
            let component = info.format_info().component(plane)[0].max(0);
            let rows = info.comp_height(component as u8) as usize;
            offsets.push(size);
            strides.push(stride as i32);
            size += stride * rows + padding;
        }
        let bytes: Vec<u8> = (0..size).map(|index| (index * 37 % 251) as u8).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        VideoMeta::add_full(
            buffer.get_mut().unwrap(),
            gst_video::VideoFrameFlags::empty(),
            info.format(),
            info.width(),
            info.height(),
            &offsets,
            &strides,
        )
        .unwrap();
        self.draw(buffer, info)
    }

    fn draw(self, buffer: gst::Buffer, info: &VideoInfo) -> gst::Buffer {
        let rgb = self.rgb(info.width(), info.height());
        let mut frame = VideoFrame::from_buffer_writable(buffer, info).unwrap();
        let converter = VideoConverter::new(rgb.info(), info, None).unwrap();
        converter.frame(&rgb, &mut frame);
        frame.into_buffer()
    }
}

/// Adds regions of interest to a frame of 320x240. With so many a frame takes as many times as long to be inferred.
pub fn add_regions(buffer: &mut gst::BufferRef, count: u32) {
    for index in 0..count {
        VideoRegionOfInterestMeta::add(buffer, "part", (index % 256, 10, 64, 64));
    }
}

/// Caps of 25 frames a second.
pub fn video_info(format: VideoFormat, width: u32, height: u32) -> VideoInfo {
    super::init();
    VideoInfo::builder(format, width, height)
        .fps(gst::Fraction::new(25, 1))
        .build()
        .unwrap()
}

/// All bytes of a buffer.
pub fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// For each byte of a buffer, whether it is a pixel's brightness or color: not alpha, not padding.
pub fn pixel_bytes(buffer: &gst::Buffer, info: &VideoInfo) -> Vec<bool> {
    let mut is_pixel = vec![false; buffer.size()];
    let (offsets, strides) = match buffer.meta::<VideoMeta>() {
        Some(meta) => (meta.offset().to_vec(), meta.stride().to_vec()),
        None => (info.offset().to_vec(), info.stride().to_vec()),
    };
    let components = info.n_components() - u32::from(info.has_alpha());
    for component in 0..components as u8 {
        let plane = info.comp_plane(component) as usize;
        for y in 0..info.comp_height(component) as usize {
            for x in 0..info.comp_width(component) as usize {
                let index = offsets[plane]
                    + y * strides[plane] as usize
                    + x * info.comp_pstride(component) as usize
                    + info.comp_poffset(component) as usize;
                let bytes = info.comp_depth(component).div_ceil(u8::BITS) as usize;
                is_pixel[index..index + bytes].fill(true);
            }
        }
    }
    is_pixel
}

/// A gray frame of RGB with patterns in it, 256 pixels each way, each with its upper left corner at a place.
pub fn gray_with(info: &VideoInfo, patterns: &[(Pattern, u32, u32)]) -> gst::Buffer {
    const SIDE: u32 = 256;
    let mut buffer = gst::Buffer::from_mut_slice(vec![128; info.size()]);
    let part = video_info(VideoFormat::Rgb, SIDE, SIDE);
    let stride = info.stride()[0] as usize;
    let made = buffer.get_mut().unwrap();
    let mut map = made.map_writable().unwrap();
    for (pattern, x, y) in patterns {
        let picture = bytes(&pattern.buffer(&part));
        let rows = picture.chunks(3 * SIDE as usize);
        for (row, line) in rows.enumerate() {
            let start = (*y as usize + row) * stride + 3 * *x as usize;
            map[start..start + line.len()].copy_from_slice(line);
        }
    }
    drop(map);
    buffer
}
