//! What a frame passes through around the networks, each stage by itself: `cargo bench --bench frames`.

#[path = "../crates/igd/benches/time/mod.rs"]
mod time;

use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use gstigd::video::{Colormap, FrameReader, Painter};
use igd::model::Map;
use time::measure;

const SIDE: usize = 256;
const FORMATS: [VideoFormat; 6] = [
    VideoFormat::Nv12,
    VideoFormat::I420,
    VideoFormat::Gray8,
    VideoFormat::Rgb,
    VideoFormat::Bgrx,
    VideoFormat::Yuy2,
];

fn main() {
    gst::init().unwrap();
    for format in FORMATS {
        let info = VideoInfo::builder(format, 1920, 1080).build().unwrap();
        let noise = (0..info.size()).map(|i| ((i * 2_654_435_761) >> 13) as u8);
        let mut buffer = gst::Buffer::from_mut_slice(noise.collect::<Vec<_>>());
        let buffer = buffer.get_mut().unwrap();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
        let mut reader = FrameReader::new(&info, (SIDE, SIDE)).unwrap();
        let mut rgb = vec![0.0; 3 * SIDE * SIDE];
        measure(&format!("convert {format} 1920x1080"), || {
            reader.read(&frame, &mut rgb).unwrap();
        });
        let mut painter = Painter::new(&info, None);
        for (what, value) in [("everywhere", 0.6), ("nowhere", 0.0)] {
            let map = Map {
                width: SIDE,
                height: SIDE,
                values: vec![value; SIDE * SIDE],
            };
            measure(&format!("overlay {what} {format} 1920x1080"), || {
                painter.heatmap(&mut frame, &map, Colormap::Turbo, 0.5);
            });
        }
    }
}
