//! Between frames and the network: pixels in ([`FrameReader`]), what was found painted on them ([`Painter`]) or put in
//! a composition for others to draw ([`Composer`]).
//!
//! Everything works on a frame's own memory and format, described by `gst_video::VideoFormatInfo`; nothing here
//! converts a whole frame to another format, and nothing allocates once the first frame has passed.

mod area;
mod badge;
mod blend;
mod color;
mod colormap;
mod composition;
mod heatmap;
mod layout;
mod levels;
mod look_up;
mod outline;
mod paint;
mod painter;
mod progress;
mod reader;
mod rectangles;
#[cfg(test)]
mod tests;

pub use area::Area;
pub use badge::Verdict;
pub use colormap::Colormap;
pub use composition::{Composer, stack};
pub use paint::{frame_of, paint_on};
pub use painter::Painter;
pub use reader::{FrameReader, UnsupportedFormat};

use gst_video::VideoFormat;

/// The formats that [`FrameReader`] reads and [`Painter`] paints on.
pub const FORMATS: [VideoFormat; 18] = [
    VideoFormat::Rgb,
    VideoFormat::Bgr,
    VideoFormat::Rgba,
    VideoFormat::Bgra,
    VideoFormat::Argb,
    VideoFormat::Abgr,
    VideoFormat::Rgbx,
    VideoFormat::Bgrx,
    VideoFormat::Xrgb,
    VideoFormat::Xbgr,
    VideoFormat::Gray8,
    VideoFormat::Gray16Le,
    VideoFormat::I420,
    VideoFormat::Yv12,
    VideoFormat::Nv12,
    VideoFormat::Nv21,
    VideoFormat::Yuy2,
    VideoFormat::Uyvy,
];
