use gst_video::{VideoFormat, VideoFrameRef};

use super::super::{Area, Colormap, Painter, Verdict};
use super::{
    Component, Frame, SIZES, add_meta, bytes, convert, describe, difference, hill, info, infos,
    padded, paint, picture, synthetic, uniform,
};
use igd::model::{Map, Region};

fn region(x: u32, y: u32, w: u32, h: u32) -> Region {
    Region {
        x,
        y,
        w,
        h,
        area: 1,
        score: 1.0,
    }
}

#[test]
fn heatmap_agrees_with_rgb() {
    for size in SIZES {
        let rgb = info(VideoFormat::Rgb, size, "sRGB");
        for info in infos(size) {
            let picture = synthetic(&rgb, info.is_gray());
            let heatmap = |painter: &mut Painter, frame: &mut Frame<'_>| {
                painter.heatmap(frame, &hill(256, 256), Colormap::Viridis, 0.7);
            };
            let found = paint(&convert(&picture, &rgb, &info), &info, heatmap);
            let expected = convert(&paint(&picture, &rgb, heatmap), &rgb, &info);
            for component in Component::of(&info) {
                let found = component.samples(&found, &info);
                let (max, mean) = difference(&found, &component.samples(&expected, &info));
                // One level of rounding on either side; small pictures have steep chroma.
                let allowed = match () {
                    () if info.is_rgb() => 0.0,
                    () if !component.subsampled => 2.0,
                    () if size.0 < 64 => 10.0,
                    () => 3.0,
                };
                assert!(
                    max <= allowed && mean <= 1.2,
                    "{} {}: {max} {mean}",
                    describe(&info),
                    component.index
                );
            }
        }
    }
}

#[test]
fn only_colors_are_painted() {
    for size in SIZES {
        let rgb = info(VideoFormat::Rgb, size, "sRGB");
        for info in infos(size) {
            let before = padded(&convert(&synthetic(&rgb, false), &rgb, &info), &info);
            let regions = [
                region(0, 0, 9, u32::MAX),
                region(3, 5, 8, 9),
                region(size.0 - 3, 2, 900, 8),
            ];
            let after = paint(&before, &info, |painter, frame| {
                painter.heatmap(frame, &uniform(1.0), Colormap::Gray, 1.0);
                painter.boxes(frame, &regions);
                painter.progress(frame, 0.5);
                let area = Area::whole(&info);
                let verdict = Verdict {
                    anomalous: true,
                    score: 2.0,
                    threshold: 1.5,
                };
                painter.badge(frame, area, &verdict);
            });
            // Wherever a component's samples are may have changed; put them back.
            let restored = paint(&after, &info, |_, frame| {
                let source = VideoFrameRef::from_buffer_ref_readable(&before, &info).unwrap();
                for component in Component::of(&info) {
                    let from = source.plane_data(component.plane).unwrap();
                    let stride = component.stride(&source);
                    let to = frame.plane_data_mut(component.plane).unwrap();
                    for at in component.places(stride) {
                        let sample = at..at + component.bytes;
                        to[sample.clone()].copy_from_slice(&from[sample]);
                    }
                }
            });
            assert_ne!(bytes(&after), bytes(&before), "{}", describe(&info));
            assert_eq!(bytes(&restored), bytes(&before), "{}", describe(&info));
        }
    }
}

#[test]
fn full_opacity_is_the_color() {
    for (format, colorimetry, expected) in [
        (VideoFormat::Rgb, "sRGB", [255u8, 255, 255]),
        (VideoFormat::Rgb, "2:1:7:1", [235, 235, 235]),
        (VideoFormat::I420, "bt709", [235, 128, 128]),
        (VideoFormat::Nv21, "1:4:0:0", [255, 128, 128]),
        (VideoFormat::Gray8, "bt601", [235, 0, 0]),
        (VideoFormat::Gray8, "1:4:0:0", [255, 0, 0]),
        (VideoFormat::Gray16Le, "bt601", [235, 0, 0]),
        (VideoFormat::Gray16Le, "1:4:0:0", [255, 0, 0]),
    ] {
        let info = info(format, (17, 19), colorimetry);
        let before = gst::Buffer::from_slice(vec![40; info.size()]);
        let after = paint(&before, &info, |painter, frame| {
            painter.heatmap(frame, &uniform(1.0), Colormap::Gray, 1.0);
        });
        for component in Component::of(&info) {
            let expected = f32::from(expected[component.index]);
            assert!(
                component
                    .samples(&after, &info)
                    .iter()
                    .all(|&found| found == expected),
                "{}",
                describe(&info)
            );
        }
    }
}

/// White is what the camera's brightest sample is, and half of it between that and what was there.
#[test]
fn wide_samples_keep_their_depth() {
    let info = info(VideoFormat::Gray16Le, (64, 48), "1:4:0:0");
    let before = gst::Buffer::from_slice([u16::to_le_bytes(1001); 64 * 48].concat());
    for (bits, opacity, expected) in [
        (Some(12), 1.0, 4095),
        (Some(12), 0.5, 2548),
        (None, 1.0, 65535),
        (None, 0.0, 1001),
    ] {
        let mut after = before.copy_deep().unwrap();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(after.make_mut(), &info).unwrap();
        let mut painter = Painter::new(&info, bits);
        painter.heatmap(&mut frame, &uniform(1.0), Colormap::Gray, opacity);
        drop(frame);
        for sample in bytes(&after).as_chunks::<2>().0 {
            let found = i32::from(u16::from_le_bytes(*sample));
            assert!((found - expected).abs() <= 1, "{bits:?} {opacity}: {found}");
        }
    }
}

#[test]
fn nothing_to_show_changes_nothing() {
    let hole = Map {
        values: hill(256, 256).values.iter().map(|_| f32::NAN).collect(),
        ..hill(256, 256)
    };
    let short = Map {
        values: vec![1.0; 256 * 256 - 1],
        ..hill(256, 256)
    };
    let cases = [
        (uniform(0.0), 1.0),
        (uniform(-3.0), 1.0),
        (uniform(f32::NEG_INFINITY), 1.0),
        (hole, 1.0),
        (uniform(1.0), 0.0),
        (uniform(1.0), f32::NAN),
        (Map::default(), 1.0),
        (
            Map {
                width: 4,
                height: 0,
                values: vec![1.0; 16],
            },
            1.0,
        ),
        (
            Map {
                width: usize::MAX,
                height: usize::MAX,
                values: vec![1.0; 16],
            },
            1.0,
        ),
        (short, 1.0),
    ];
    for info in infos((17, 19)) {
        let before = gst::Buffer::from_slice((0..info.size()).map(|i| i as u8).collect::<Vec<_>>());
        for (map, opacity) in &cases {
            let after = paint(&before, &info, |painter, frame| {
                painter.heatmap(frame, map, Colormap::Turbo, *opacity)
            });
            assert_eq!(bytes(&after), bytes(&before), "{}", describe(&info));
        }
    }
}

#[test]
fn parts_that_are_no_numbers_count_as_zero() {
    let info = info(VideoFormat::Rgb, (64, 48), "sRGB");
    let mut holes = hill(256, 256);
    let mut zeros = holes.clone();
    for i in (0..256 * 256).step_by(7) {
        (holes.values[i], zeros.values[i]) = (f32::NAN, 0.0);
    }
    for i in (3..256 * 256).step_by(7) {
        (holes.values[i], zeros.values[i]) = (f32::INFINITY, 1.0);
    }
    let [holes, zeros] = [holes, zeros].map(|map| {
        paint(&synthetic(&info, false), &info, |painter, frame| {
            painter.heatmap(frame, &map, Colormap::Jet, 0.5)
        })
    });
    assert_eq!(bytes(&holes), bytes(&zeros));
}

/// One value of the map stands over the middle of its part of the frame.
#[test]
fn map_lies_where_it_should() {
    let info = info(VideoFormat::Rgb, (40, 20), "sRGB");
    let mut map = Map {
        width: 4,
        height: 2,
        values: vec![0.0; 8],
    };
    map.values[4 + 2] = 1.0;
    let after = paint(&picture(&info, |_, _| [0.0; 3]), &info, |painter, frame| {
        painter.heatmap(frame, &map, Colormap::Gray, 1.0);
    });
    let red = Component::of(&info)[0].samples(&after, &info);
    let at = |x: usize, y: usize| red[y * 40 + x];
    // The centre of the third value is x = 25, y = 15; a value of v paints v * v.
    assert!(
        (at(25, 19) - 255.0 * 0.95 * 0.95).abs() < 2.0,
        "{}",
        at(25, 19)
    );
    assert!(
        (at(20, 19) - 255.0 * 0.55 * 0.55).abs() < 2.0,
        "{}",
        at(20, 19)
    );
    assert_eq!(at(24, 19), at(25, 19));
    assert_eq!([at(14, 19), at(35, 19), at(25, 0), at(25, 4)], [0.0; 4]);
}

/// The painter is kept; the look, the map's size and the content change.
#[test]
fn painter_keeps_no_trace() {
    let info = info(VideoFormat::I420, (64, 50), "bt601");
    let before = gst::Buffer::from_slice(vec![90; info.size()]);
    let mut kept = Painter::new(&info, None);
    for (map, colormap, opacity) in [
        (hill(256, 256), Colormap::Turbo, 0.5),
        (hill(32, 16), Colormap::Jet, 0.5),
        (hill(300, 200), Colormap::Jet, 0.9),
        (hill(1, 1), Colormap::Inferno, 1.0),
    ] {
        let [found, expected] = [true, false].map(|keep| {
            paint(&before, &info, |fresh, frame| {
                let painter = if keep { &mut kept } else { fresh };
                painter.heatmap(frame, &map, colormap, opacity);
            })
        });
        assert_eq!(bytes(&found), bytes(&expected));
    }
}

#[test]
fn boxes_are_lines_within_their_region() {
    let info = info(VideoFormat::Rgb, (64, 48), "sRGB");
    let before = picture(&info, |_, _| [9.0; 3]);
    let after = paint(&before, &info, |painter, frame| {
        painter.boxes(frame, &[region(10, 20, 30, 15)])
    });
    let components = Component::of(&info);
    let [red, green] = [0, 1].map(|index| components[index].samples(&after, &info));
    for y in 0..48 {
        for x in 0..64 {
            let inside = (10..40).contains(&x) && (20..35).contains(&y);
            // Pixels from the region's edge.
            let depth = if inside {
                (x - 10).min(39 - x).min(y - 20).min(34 - y)
            } else {
                usize::MAX
            };
            let expected = match depth {
                0..2 => (255.0, 0.0),
                2..4 => (255.0, 255.0),
                _ => (9.0, 9.0),
            };
            assert_eq!((red[y * 64 + x], green[y * 64 + x]), expected, "{x} {y}");
        }
    }
}

/// The same box on every format, and boxes of any place and size without harm.
#[test]
fn boxes_agree_with_rgb() {
    for size in [(17, 19), (64, 50)] {
        let rgb = info(VideoFormat::Rgb, size, "sRGB");
        let plain = picture(&rgb, |_, _| [100.0, 110.0, 120.0]);
        for info in infos(size) {
            // On even pixels, where lines fill whole blocks of chroma.
            let boxes = |painter: &mut Painter, frame: &mut Frame<'_>| {
                painter.boxes(frame, &[region(2, 4, 12, 12)])
            };
            let expected = convert(&paint(&plain, &rgb, boxes), &rgb, &info);
            let found = paint(&convert(&plain, &rgb, &info), &info, boxes);
            for component in Component::of(&info) {
                let found = component.samples(&found, &info);
                let (max, _) = difference(&found, &component.samples(&expected, &info));
                // The converter smooths chroma over the edges of blocks.
                let allowed = if !component.subsampled { 1.5 } else { 60.0 };
                assert!(
                    max <= allowed,
                    "{} {}: {max}",
                    describe(&info),
                    component.index
                );
            }

            let before = gst::Buffer::from_slice(vec![50; info.size()]);
            let outside = [
                region(5, 5, 0, 9),
                region(5, 5, 9, 0),
                region(64, 0, 1, 9),
                region(u32::MAX, 9, u32::MAX, 9),
            ];
            assert_eq!(
                bytes(&paint(&before, &info, |painter, frame| painter
                    .boxes(frame, &outside))),
                bytes(&before)
            );
            for x in 0..size.0 {
                for extent in [1, 2, 3, 5, u32::MAX] {
                    paint(&before, &info, |painter, frame| {
                        painter.boxes(frame, &[region(x, x, extent, extent)])
                    });
                }
            }
        }
    }
}

/// A box around the whole of an odd frame reaches its last chroma samples.
#[test]
fn boxes_reach_the_last_chroma() {
    let info = info(VideoFormat::I420, (17, 19), "bt601");
    let before = gst::Buffer::from_slice(vec![50; info.size()]);
    let after = paint(&before, &info, |painter, frame| {
        painter.boxes(frame, &[region(0, 0, 17, 19)])
    });
    let luma = Component::of(&info)[0].samples(&after, &info);
    let chroma = Component::of(&info)[2].samples(&after, &info);
    // Red of BT.601.
    assert_eq!((luma[0], luma[17 * 19 - 1]), (81.0, 81.0));
    assert_eq!((chroma[0], chroma[9 * 10 - 1]), (240.0, 240.0));
}

#[test]
fn short_memory_is_left_alone() {
    let info = info(VideoFormat::Nv12, (64, 48), "bt709");
    let mut before = gst::Buffer::from_slice(vec![50; info.size()]);
    add_meta(&mut before, &info, &[0, 64 * 48 + 64 * 20], &[64, 64]);
    let after = paint(&before, &info, |painter, frame| {
        painter.heatmap(frame, &uniform(1.0), Colormap::Gray, 1.0);
        painter.boxes(frame, &[region(0, 0, 64, 48)]);
        painter.progress(frame, 0.5);
    });
    assert_eq!(bytes(&after).len(), info.size());
}

#[test]
fn corners_are_parts_of_boxes() {
    let info = info(VideoFormat::Gray8, (64, 50), "bt709");
    let before = gst::Buffer::from_slice(vec![90; info.size()]);
    let regions = [region(8, 10, 40, 24)];
    let drawn = |corners: bool| {
        bytes(&paint(&before, &info, |painter, frame| match corners {
            true => painter.corners(frame, &regions),
            false => painter.boxes(frame, &regions),
        }))
    };
    let (corners, boxes) = (drawn(true), drawn(false));
    let stride = info.stride()[0] as usize;
    for (index, (corner, outline)) in corners.iter().zip(&boxes).enumerate() {
        let (x, y) = (index % stride, index / stride);
        // A fourth of each bar, from either end.
        let in_middle = (19..37).contains(&x) || (18..26).contains(&y);
        let in_corner = !(17..39).contains(&x) && !(16..28).contains(&y);
        let expected = match () {
            () if in_middle => [90, 90],
            () if in_corner => [*outline, *outline],
            () => [90, *outline],
        };
        assert!(expected.contains(corner), "{x}, {y}");
    }
    assert!(corners != bytes(&before) && corners != boxes);
}
