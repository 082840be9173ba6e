//! Every format against RGB, with GStreamer's own converter between them.
//!
//! The converter works in integers and cuts off where it could round, by up to a level of luma and of chroma, and
//! chroma weighs up to 2.2 levels of blue: the tolerances are its, not ours.

mod badges;
mod painting;
mod progress;
mod reading;

use gst_video::prelude::*;
use gst_video::{
    VideoConverter, VideoConverterConfig, VideoDitherMethod, VideoFormat, VideoFormatInfo,
    VideoFrameFlags, VideoFrameRef, VideoInfo, VideoMeta,
};

use super::{FORMATS, FrameReader, Painter};
use igd::model::Map;

/// Odd and even, smaller and larger than the network's input.
const SIZES: [(u32, u32); 4] = [(17, 19), (16, 16), (64, 50), (641, 359)];

/// Colorimetries of YUV and gray as caps write them: range:matrix:transfer:primaries, or a name for all four.
const YUV: [&str; 5] = ["bt601", "bt709", "bt2020", "1:4:0:0", "1:3:0:0"];

fn info(format: VideoFormat, (width, height): (u32, u32), colorimetry: &str) -> VideoInfo {
    gst::init().unwrap();
    let colorimetry = colorimetry.parse().unwrap();
    VideoInfo::builder(format, width, height)
        .colorimetry(&colorimetry)
        .build()
        .unwrap()
}

/// Every format in every colorimetry that it can have, but for limited RGB, which the converter takes for full.
fn infos(size: (u32, u32)) -> impl Iterator<Item = VideoInfo> {
    gst::init().unwrap();
    FORMATS.into_iter().flat_map(move |format| {
        let rgb = VideoFormatInfo::from_format(format).is_rgb();
        let colorimetries = if rgb { &["sRGB"][..] } else { &YUV };
        colorimetries
            .iter()
            .map(move |colorimetry| info(format, size, colorimetry))
    })
}

fn describe(info: &VideoInfo) -> String {
    format!(
        "{} {}x{} {}",
        info.name(),
        info.width(),
        info.height(),
        info.colorimetry()
    )
}

/// An RGB picture by a function of x and y in 0..1.
fn picture(info: &VideoInfo, pixel: impl Fn(f32, f32) -> [f32; 3]) -> gst::Buffer {
    assert_eq!(info.format(), VideoFormat::Rgb);
    let (width, height, stride) = (
        info.width() as usize,
        info.height() as usize,
        info.stride()[0] as usize,
    );
    let mut data = vec![0; info.size()];
    for y in 0..height {
        for x in 0..width {
            let rgb = pixel(
                (x as f32 + 0.5) / width as f32,
                (y as f32 + 0.5) / height as f32,
            );
            for (sample, value) in data[y * stride + x * 3..].iter_mut().zip(rgb) {
                *sample = value.round() as u8;
            }
        }
    }
    gst::Buffer::from_slice(data)
}

/// Textured in brightness and, unless gray, smooth in colour, so that subsampling loses little.
fn synthetic(info: &VideoInfo, gray: bool) -> gst::Buffer {
    let color = if gray { 0.0 } else { 50.0 };
    picture(info, |x, y| {
        let texture = 25.0 * (x * 977.0).sin() * (y * 613.0).cos();
        let hue = [(3.0 * x).sin(), (2.5 * y).cos(), (2.0 * (x + y)).sin()];
        hue.map(|hue| 128.0 + texture + color * hue)
    })
}

/// One smooth hill of the height 1 on a plain of zeros.
fn hill(width: usize, height: usize) -> Map {
    let value = |x: usize, y: usize| {
        let (x, y) = (
            x as f32 / width as f32 - 0.4,
            y as f32 / height as f32 - 0.6,
        );
        (1.1 - 5.0 * (x * x + y * y)).clamp(0.0, 1.0)
    };
    let values = (0..height)
        .flat_map(|y| (0..width).map(move |x| value(x, y)))
        .collect();
    Map {
        width,
        height,
        values,
    }
}

fn uniform(value: f32) -> Map {
    Map {
        width: 256,
        height: 256,
        values: vec![value; 256 * 256],
    }
}

fn convert(buffer: &gst::Buffer, from: &VideoInfo, to: &VideoInfo) -> gst::Buffer {
    let mut config = VideoConverterConfig::new();
    config.set_dither_method(VideoDitherMethod::None);
    let converter = VideoConverter::new(from, to, Some(config)).unwrap();
    let mut out = gst::Buffer::from_slice(vec![0x5a; to.size()]);
    {
        let from = VideoFrameRef::from_buffer_ref_readable(buffer, from).unwrap();
        let mut to = VideoFrameRef::from_buffer_ref_writable(out.make_mut(), to).unwrap();
        converter.frame_ref(&from, &mut to);
    }
    out
}

/// The same picture with wider rows and planes apart, 0xab between them, described by a video meta.
fn padded(buffer: &gst::Buffer, info: &VideoInfo) -> gst::Buffer {
    let source = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let (mut offsets, mut strides, mut data) = (Vec::new(), Vec::new(), vec![0xab; 13]);
    for (plane, &stride) in info.stride().iter().enumerate() {
        offsets.push(data.len());
        strides.push(stride + 24);
        for row in source
            .plane_data(plane as u32)
            .unwrap()
            .chunks(stride as usize)
        {
            data.extend_from_slice(row);
            data.extend_from_slice(&[0xab; 24]);
        }
        data.extend_from_slice(&[0xab; 40]);
    }
    let mut out = gst::Buffer::from_slice(data);
    add_meta(&mut out, info, &offsets, &strides);
    out
}

fn add_meta(buffer: &mut gst::Buffer, info: &VideoInfo, offsets: &[usize], strides: &[i32]) {
    let (flags, format) = (VideoFrameFlags::empty(), info.format());
    VideoMeta::add_full(
        buffer.make_mut(),
        flags,
        format,
        info.width(),
        info.height(),
        offsets,
        strides,
    )
    .unwrap();
}

/// A component as GStreamer describes it.
struct Component {
    index: usize,
    plane: u32,
    offset: usize,
    pixel_stride: usize,
    /// Of a sample.
    bytes: usize,
    /// Samples a row, and rows.
    size: (usize, usize),
    /// Whether a sample stands for more than a pixel.
    subsampled: bool,
}

impl Component {
    fn of(info: &VideoInfo) -> Vec<Self> {
        let component = |index: u8| {
            let size = (info.comp_width(index), info.comp_height(index));
            Self {
                index: index.into(),
                plane: info.comp_plane(index),
                offset: info.comp_poffset(index) as usize,
                pixel_stride: info.comp_pstride(index) as usize,
                bytes: info.comp_depth(index).div_ceil(u8::BITS) as usize,
                size: (size.0 as usize, size.1 as usize),
                subsampled: size != (info.width(), info.height()),
            }
        };
        let colors = info.n_components().min(3) as u8;
        (0..colors).map(component).collect()
    }

    /// Where its samples lie in their plane, row by row.
    fn places(&self, stride: usize) -> impl Iterator<Item = usize> {
        let &Self {
            offset,
            pixel_stride,
            size: (width, height),
            ..
        } = self;
        (0..height)
            .flat_map(move |y| (0..width).map(move |x| offset + y * stride + x * pixel_stride))
    }

    fn stride<T>(&self, frame: &VideoFrameRef<T>) -> usize {
        frame.plane_stride()[self.plane as usize] as usize
    }

    /// In 0..=255, also of 16 bits.
    fn samples(&self, buffer: &gst::Buffer, info: &VideoInfo) -> Vec<f32> {
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
        let data = frame.plane_data(self.plane).unwrap();
        self.places(self.stride(&frame))
            .map(|at| match data[at..at + self.bytes] {
                [low, high] => f32::from(u16::from_le_bytes([low, high])) / 257.0,
                _ => f32::from(data[at]),
            })
            .collect()
    }
}

type Frame<'a> = VideoFrameRef<&'a mut gst::BufferRef>;

fn paint(
    buffer: &gst::Buffer,
    info: &VideoInfo,
    painting: impl FnOnce(&mut Painter, &mut Frame<'_>),
) -> gst::Buffer {
    let mut buffer = buffer.copy_deep().unwrap();
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), info).unwrap();
    painting(&mut Painter::new(info, None), &mut frame);
    drop(frame);
    buffer
}

fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

fn read(buffer: &gst::Buffer, info: &VideoInfo, size: (usize, usize)) -> Vec<f32> {
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let mut rgb = vec![f32::NAN; 3 * size.0 * size.1];
    FrameReader::new(info, size)
        .unwrap()
        .read(&frame, &mut rgb)
        .unwrap();
    rgb
}

/// The greatest and the mean difference.
fn difference(left: &[f32], right: &[f32]) -> (f32, f32) {
    assert_eq!(left.len(), right.len());
    let differences = left
        .iter()
        .zip(right)
        .map(|(left, right)| (left - right).abs());
    let sum: f32 = differences.clone().sum();
    (differences.fold(0.0, f32::max), sum / left.len() as f32)
}
