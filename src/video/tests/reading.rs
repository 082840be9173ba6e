use gst_video::{VideoChromaSite, VideoFormat, VideoFrameRef, VideoInfo};

use super::super::{Area, FrameReader, UnsupportedFormat};
use super::{
    SIZES, add_meta, convert, describe, difference, info, infos, padded, picture, read, synthetic,
};
use igd::resize::{PlaneView, ResizeError, Resizer, Window};

#[test]
fn every_format_agrees_with_rgb() {
    for size in SIZES {
        let rgb = info(VideoFormat::Rgb, size, "sRGB");
        for info in infos(size) {
            let picture = synthetic(&rgb, info.is_gray());
            let native = convert(&picture, &rgb, &info);
            let found = read(&native, &info, (256, 256));
            let (max, mean) = difference(&found, &read(&picture, &rgb, (256, 256)));
            let (max_allowed, mean_allowed) = match () {
                () if info.is_rgb() => (0.0, 0.0),
                () if info.is_gray() => (1.5, 1.01),
                () => (6.0, 1.5),
            };
            assert!(
                max <= max_allowed && mean <= mean_allowed,
                "{}: {max} {mean}",
                describe(&info)
            );

            let found_padded = read(&padded(&native, &info), &info, (256, 256));
            assert_eq!(found_padded, found, "{} padded", describe(&info));
        }
    }
}

#[test]
fn agrees_with_training_pictures() {
    let info = info(VideoFormat::Rgb, (641, 359), "sRGB");
    let buffer = synthetic(&info, false);
    let found = read(&buffer, &info, (256, 256));
    let data = buffer.map_readable().unwrap();
    let mut resizer = Resizer::new((641, 359), (256, 256));
    for (channel, found) in found.chunks(256 * 256).enumerate() {
        let mut expected = vec![0.0; 256 * 256];
        let plane = PlaneView {
            data: &data[channel..],
            stride: info.stride()[0] as usize,
            pixel_stride: 3,
        };
        resizer.run(plane, &[0], &mut expected).unwrap();
        assert_eq!(found, expected);
    }
}

/// A frame of one colour, given by its components.
fn plain(format: VideoFormat, colorimetry: &str, components: [u8; 3]) -> [f32; 3] {
    let info = info(format, (16, 16), colorimetry);
    let data = if info.n_planes() == 3 {
        components
            .iter()
            .enumerate()
            .flat_map(|(i, &value)| vec![value; if i == 0 { 256 } else { 64 }])
            .collect()
    } else if info.is_gray() {
        vec![components[0]; 256]
    } else {
        components.repeat(256)
    };
    let rgb = read(&gst::Buffer::from_slice(data), &info, (2, 2));
    [rgb[0], rgb[4], rgb[8]]
}

#[test]
fn published_colors() {
    let cases = [
        (VideoFormat::I420, "bt601", [16, 128, 128], [0.0, 0.0, 0.0]),
        (
            VideoFormat::I420,
            "bt601",
            [235, 128, 128],
            [255.0, 255.0, 255.0],
        ),
        (VideoFormat::I420, "bt601", [81, 90, 240], [255.0, 0.0, 0.0]),
        (
            VideoFormat::I420,
            "bt709",
            [63, 102, 240],
            [255.0, 0.0, 0.0],
        ),
        (VideoFormat::I420, "bt709", [173, 42, 26], [0.0, 255.0, 0.0]),
        (
            VideoFormat::I420,
            "bt709",
            [32, 240, 118],
            [0.0, 0.0, 255.0],
        ),
        (
            VideoFormat::I420,
            "1:4:0:0",
            [76, 85, 255],
            [255.0, 0.0, 0.0],
        ),
        (
            VideoFormat::I420,
            "1:4:0:0",
            [29, 255, 107],
            [0.0, 0.0, 255.0],
        ),
        (
            VideoFormat::Gray8,
            "1:4:0:0",
            [100, 0, 0],
            [100.0, 100.0, 100.0],
        ),
        (
            VideoFormat::Gray8,
            "bt709",
            [126, 0, 0],
            [128.0, 128.0, 128.0],
        ),
        (
            VideoFormat::Gray8,
            "bt601",
            [250, 0, 0],
            [255.0, 255.0, 255.0],
        ),
        // Limited RGB; blacker than black stays black.
        (
            VideoFormat::Rgb,
            "2:1:7:1",
            [16, 126, 235],
            [0.0, 128.0, 255.0],
        ),
        (VideoFormat::Rgb, "2:1:7:1", [3, 16, 255], [0.0, 0.0, 255.0]),
    ];
    for (format, colorimetry, components, expected) in cases {
        let (max, _) = difference(&plain(format, colorimetry, components), &expected);
        assert!(max <= 1.5, "{format:?} {colorimetry} {components:?}: {max}");
    }
}

/// Cameras leave the upper bits zero; what is brighter than they say is white.
#[test]
fn lower_bits_are_stretched() {
    let info = info(VideoFormat::Gray16Le, (4, 4), "1:4:0:0");
    for (bits, sample, expected) in [
        (None, 0xffff, 255.0),
        (None, 0x0101, 1.0),
        (Some(16), 0x8080, 128.0),
        (Some(12), 0x0fff, 255.0),
        (Some(12), 0x0800, 127.53),
        (Some(12), 0x1800, 255.0),
        (Some(10), 1, 0.249),
    ] {
        let data = [u16::to_le_bytes(sample); 16].concat();
        let buffer = gst::Buffer::from_slice(data);
        let frame = VideoFrameRef::from_buffer_ref_readable(&buffer, &info).unwrap();
        let mut reader = FrameReader::of_area(&info, bits, Area::whole(&info), (2, 2)).unwrap();
        let mut rgb = vec![0.0; 12];
        reader.read(&frame, &mut rgb).unwrap();
        let (max, _) = difference(&rgb, &[expected; 12]);
        assert!(max < 0.01, "{bits:?} {sample}: {rgb:?}");
    }
}

/// A ramp across the picture, in chroma only: four levels a pixel, wherever the samples sit.
#[test]
fn chroma_site_is_kept() {
    let info = info(VideoFormat::I420, (64, 48), "1:4:0:0");
    for (site, first) in [
        (VideoChromaSite::JPEG, 4),
        (VideoChromaSite::MPEG2, 2),
        (VideoChromaSite::NONE, 4),
    ] {
        let info = VideoInfo::builder_from_info(&info)
            .chroma_site(site)
            .build()
            .unwrap();
        let mut data = vec![128; 64 * 48];
        data.extend((0..32 * 24).map(|i| (i % 32 * 8 + first) as u8));
        data.extend([128; 32 * 24]);
        let rgb = read(&gst::Buffer::from_slice(data), &info, (32, 24));
        for x in 8..24 {
            let expected = 128.0 + 1.772 * ((8 * x + 4) as f32 - 128.0);
            let found = rgb[2 * 32 * 24 + 5 * 32 + x];
            assert!(
                (found - expected).abs() < 0.01,
                "{site:?} {x}: {found} instead of {expected}"
            );
        }
    }
}

#[test]
fn other_formats_are_refused() {
    for format in [
        VideoFormat::Y444,
        VideoFormat::P01010le,
        VideoFormat::Gray16Be,
        VideoFormat::Rgb16,
    ] {
        let info = if format == VideoFormat::Rgb16 {
            info(format, (16, 16), "sRGB")
        } else {
            info(format, (16, 16), "bt709")
        };
        assert_eq!(
            FrameReader::new(&info, (8, 8)).unwrap_err(),
            UnsupportedFormat(format)
        );
    }
    assert_eq!(
        UnsupportedFormat(VideoFormat::Y444).to_string(),
        "video format Y444 is not supported"
    );
}

#[test]
fn wrong_sizes_are_errors() {
    let info = info(VideoFormat::Nv12, (64, 48), "bt709");
    let mut reader = FrameReader::new(&info, (8, 8)).unwrap();
    let mut rgb = vec![0.0; 3 * 64];
    let mut try_read = |buffer: &gst::Buffer, rgb: &mut [f32]| {
        reader.read(
            &VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap(),
            rgb,
        )
    };

    let buffer = gst::Buffer::from_slice(vec![0; info.size()]);
    assert_eq!(
        try_read(&buffer, &mut rgb[1..]),
        Err(ResizeError::Destination {
            needed: 192,
            found: 191
        })
    );
    assert_eq!(try_read(&buffer, &mut rgb), Ok(()));

    // GStreamer maps these without a word.
    let lying = |offsets: &[usize], strides: &[i32]| {
        let mut buffer = gst::Buffer::from_slice(vec![0; info.size()]);
        add_meta(&mut buffer, &info, offsets, strides);
        buffer
    };
    for (offsets, strides) in [
        ([0, 64 * 48], [64, 640]),
        ([0, info.size() - 1], [64, 64]),
        ([0, 64 * 48], [-64, 64]),
        ([64 * 48, 0], [i32::MAX, 64]),
    ] {
        let found = try_read(&lying(&offsets, &strides), &mut rgb);
        assert!(
            matches!(found, Err(ResizeError::Source { .. })),
            "{found:?}"
        );
    }
    // The padding of the last row need not be there.
    let mut buffer = gst::Buffer::from_slice(vec![7; 71 * 64 + 64 + 32]);
    add_meta(&mut buffer, &info, &[32, 32 + 64 * 48], &[64, 64]);
    assert_eq!(try_read(&buffer, &mut rgb), Ok(()));
    let mut buffer = gst::Buffer::from_slice(vec![7; 100 * 71 + 64]);
    add_meta(&mut buffer, &info, &[0, 100 * 48], &[100, 100]);
    assert_eq!(try_read(&buffer, &mut rgb), Ok(()));
}

#[test]
fn larger_buffers_are_read_at_their_corner() {
    let (small, large) = (
        info(VideoFormat::Rgb, (32, 32), "sRGB"),
        info(VideoFormat::Rgb, (64, 64), "sRGB"),
    );
    let mut buffer = picture(&large, |x, y| {
        if x < 0.5 && y < 0.5 {
            [10.0, 20.0, 30.0]
        } else {
            [200.0; 3]
        }
    });
    add_meta(&mut buffer, &large, &[0], large.stride());
    let expected = [10.0, 20.0, 30.0].map(|value| [value; 16]).concat();
    assert!(difference(&read(&buffer, &small, (4, 4)), &expected).0 < 1e-4);
}

fn read_with(reader: &mut FrameReader, buffer: &gst::Buffer, info: &VideoInfo) -> Vec<f32> {
    let mut rgb = vec![0.0; 3 * 32 * 32];
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    reader.read(&frame, &mut rgb).unwrap();
    rgb
}

#[test]
fn a_part_is_read_as_from_the_whole_frame() {
    let info = info(VideoFormat::Rgb, (640, 360), "sRGB");
    let buffer = synthetic(&info, false);
    let data = buffer.map_readable().unwrap();
    for (x, y, w, h) in [
        (0, 0, 640, 360),
        (7, 100, 200, 31),
        (620, 340, 20, 20),
        (0, 3, 16, 300),
    ] {
        let mut reader = FrameReader::of_area(&info, None, Area { x, y, w, h }, (32, 32)).unwrap();
        let found = read_with(&mut reader, &buffer, &info);
        let [x, y, width, height] = [x, y, w, h].map(f64::from);
        let window = Window {
            x,
            y,
            width,
            height,
        };
        let mut resizer = Resizer::with_window((640, 360), window, (32, 32));
        let mut expected = vec![0.0; 3 * 32 * 32];
        let plane = PlaneView {
            data: &data,
            stride: info.stride()[0] as usize,
            pixel_stride: 3,
        };
        resizer.run(plane, &[0, 1, 2], &mut expected).unwrap();
        assert!(
            difference(&found, &expected).0 < 1e-3,
            "{x} {y} {width} {height}"
        );
    }
}

#[test]
fn a_reader_goes_along_with_a_part_that_moves() {
    let rgb = info(VideoFormat::Rgb, (640, 360), "sRGB");
    let picture = synthetic(&rgb, false);
    for format in [VideoFormat::Rgb, VideoFormat::I420, VideoFormat::Yuy2] {
        let info = info(
            format,
            (640, 360),
            if format == VideoFormat::Rgb {
                "sRGB"
            } else {
                "bt709"
            },
        );
        let buffer = convert(&picture, &rgb, &info);
        let at = |x, y, w, h| Area { x, y, w, h };
        let mut reader = FrameReader::of_area(&info, None, at(100, 100, 60, 40), (32, 32)).unwrap();
        for (x, y) in [(102, 100), (40, 302), (500, 90)] {
            assert!(reader.go_to(at(x, y, 60, 40)), "{format:?} {x} {y}");
            let mut new = FrameReader::of_area(&info, None, at(x, y, 60, 40), (32, 32)).unwrap();
            let (found, expected) = (
                read_with(&mut reader, &buffer, &info),
                read_with(&mut new, &buffer, &info),
            );
            assert_eq!(found, expected, "{format:?} {x} {y}");
        }
        // It is still there.
        let expected = read_with(&mut reader, &buffer, &info);
        for other in [at(500, 90, 60, 42), at(0, 90, 60, 40), at(580, 90, 60, 40)] {
            assert!(!reader.go_to(other), "{format:?} {other:?}");
        }
        assert_eq!(read_with(&mut reader, &buffer, &info), expected);
        // Half a block away.
        assert_eq!(
            reader.go_to(at(501, 90, 60, 40)),
            format == VideoFormat::Rgb
        );
    }
}
