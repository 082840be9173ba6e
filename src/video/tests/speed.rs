use std::time::{Duration, Instant};

use gst_video::{VideoFormat, VideoFrameRef};

use super::super::{Colormap, FrameReader, Painter};
use super::{convert, describe, hill, info, synthetic, uniform};

/// The best of many runs: what the machine can do while nobody else is at it.
fn best(mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..200).map(time).min().unwrap_or_default()
}

/// `cargo test --release -- --ignored --nocapture speed`
#[test]
#[ignore = "prints figures of this machine"]
fn speed() {
    for size in [(1280, 720), (1920, 1080)] {
        speed_of(size);
    }
}

fn speed_of(size: (u32, u32)) {
    let rgb = info(VideoFormat::Rgb, size, "sRGB");
    for (format, colorimetry) in [
        (VideoFormat::Rgb, "sRGB"),
        (VideoFormat::Bgrx, "sRGB"),
        (VideoFormat::I420, "bt709"),
        (VideoFormat::Nv12, "bt709"),
        (VideoFormat::Yuy2, "bt709"),
        (VideoFormat::Gray8, "1:4:0:0"),
    ] {
        let info = info(format, size, colorimetry);
        let mut buffer = convert(&synthetic(&rgb, false), &rgb, &info);
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &info).unwrap();
        let mut reader = FrameReader::new(&info, (256, 256)).unwrap();
        let mut tensor = vec![0.0; 3 * 256 * 256];
        let mut painter = Painter::new(&info);
        let read = best(|| reader.read(&frame, &mut tensor).unwrap());
        let mut heatmap = |map| best(|| painter.heatmap(&mut frame, &map, Colormap::Turbo, 0.5));
        let (full, part, none) = (
            heatmap(uniform(0.6)),
            heatmap(hill(256, 256)),
            heatmap(uniform(0.0)),
        );
        println!(
            "{}: read {read:?}, heatmap everywhere {full:?}, hill {part:?}, nowhere {none:?}",
            describe(&info)
        );
    }
}
