use std::ops::Range;

use gst_video::{VideoFormat, VideoInfo};

use super::{
    Component, Frame, SIZES, bytes, convert, describe, difference, info, infos, paint, picture,
};
use crate::video::{FORMATS, Painter};

/// A level that no component of the bar has.
const BEFORE: u8 = 50;

/// The bar on a frame of samples that are all `BEFORE`.
fn bar(info: &VideoInfo, share: f32) -> gst::Buffer {
    let before = gst::Buffer::from_slice(vec![BEFORE; info.size()]);
    paint(&before, info, |painter, frame| {
        painter.progress(frame, share)
    })
}

/// Columns and rows of the rectangle of samples that have changed; it has to be a whole one.
fn extent(component: &Component, samples: &[f32]) -> (Range<usize>, Range<usize>) {
    let (width, before) = (component.size.0, f32::from(BEFORE));
    let row = |y: usize| &samples[y * width..][..width];
    let changed = |row: &[f32]| {
        let first = row.iter().position(|&sample| sample != before)?;
        Some(first..row.iter().rposition(|&sample| sample != before)? + 1)
    };
    let mut rows = (0..component.size.1).filter(|&y| changed(row(y)).is_some());
    let first = rows.next().unwrap();
    let (x, y) = (
        changed(row(first)).unwrap(),
        first..rows.next_back().unwrap_or(first) + 1,
    );
    for y in y.clone() {
        assert_eq!(changed(row(y)), Some(x.clone()));
        assert!(row(y)[x.clone()].iter().all(|&sample| sample != before));
    }
    (x, y)
}

#[test]
fn bar_is_white_as_far_as_its_share() {
    let info = info(VideoFormat::Rgb, (64, 48), "sRGB");
    let red = Component::of(&info)[0].samples(&bar(&info, 0.25), &info);
    for y in 0..48 {
        for x in 0..64 {
            let inside = (2..62).contains(&x) && (40..46).contains(&y);
            // Pixels from the bar's edge.
            let depth = if inside {
                (x - 2).min(61 - x).min(y - 40).min(45 - y)
            } else {
                usize::MAX
            };
            // Between the lines there are 56 pixels.
            let expected = match depth {
                0 => 0.0,
                1 => 255.0,
                usize::MAX => f32::from(BEFORE),
                _ if x < 4 + 14 => 255.0,
                _ => 0.0,
            };
            assert_eq!(red[y * 64 + x], expected, "{x} {y}");
        }
    }
}

#[test]
fn bar_agrees_with_rgb() {
    for size in SIZES {
        let rgb = info(VideoFormat::Rgb, size, "sRGB");
        let plain = picture(&rgb, |_, _| [100.0, 110.0, 120.0]);
        let progress =
            |painter: &mut Painter, frame: &mut Frame<'_>| painter.progress(frame, 0.625);
        for info in infos(size) {
            let expected = convert(&paint(&plain, &rgb, progress), &rgb, &info);
            let found = paint(&convert(&plain, &rgb, &info), &info, progress);
            for component in Component::of(&info) {
                let found = component.samples(&found, &info);
                let (max, _) = difference(&found, &component.samples(&expected, &info));
                // The converter smooths chroma over the edges of blocks.
                let allowed = if component.subsampled { 10.0 } else { 1.5 };
                assert!(
                    max <= allowed,
                    "{} {}: {max}",
                    describe(&info),
                    component.index
                );
            }
        }
    }
}

/// On every format, and to the pixel.
#[test]
fn share_is_the_length_of_the_white_part() {
    for size in SIZES {
        for info in infos(size) {
            let component = &Component::of(&info)[0];
            let white = |share: f32| {
                let samples = component.samples(&bar(&info, share), &info);
                let (x, y) = extent(component, &samples);
                let middle = &samples[(y.start + y.len() / 2) * component.size.0..];
                middle[x].iter().filter(|&&sample| sample > 128.0).count()
            };
            // The lines around the bar are white whatever the share is.
            let lines = white(0.0);
            let whole = white(1.0) - lines;
            assert!(whole * 10 >= size.0 as usize * 7, "{}", describe(&info));
            for share in [0.01, 0.25, 1.0 / 3.0, 0.5, 0.99] {
                let (found, expected) = ((white(share) - lines) as f32, share * whole as f32);
                assert!(
                    (found - expected).abs() <= 1.0,
                    "{} {share}: {found} instead of {expected}",
                    describe(&info)
                );
            }
        }
    }
}

/// The same pixels in every component, so that no colour hangs over the bar's edge.
#[test]
fn bar_is_a_rectangle_near_the_bottom() {
    for size in SIZES.into_iter().chain([(1920, 1080)]) {
        for info in FORMATS.map(|format| self::info(format, size, "1:4:0:0")) {
            let after = bar(&info, 0.5);
            let mut luma = None;
            for component in Component::of(&info) {
                let (x, y) = extent(&component, &component.samples(&after, &info));
                let block = [(size.0, component.size.0), (size.1, component.size.1)]
                    .map(|(pixels, samples)| (pixels as usize).div_ceil(samples));
                let pixels = [(x, block[0]), (y, block[1])]
                    .map(|(range, block)| range.start * block..range.end * block);
                assert_eq!(luma.get_or_insert(pixels.clone()), &pixels);
            }
            let [x, y] = luma.unwrap();
            let [width, height] = [size.0, size.1].map(|pixels| pixels as usize);
            assert!(x.len() * 10 >= width * 9 - 20 && x.start <= width / 20);
            assert!(y.len() <= (height / 30).max(6) && y.len() >= 6);
            assert!(y.end <= height && height - y.end <= height / 20 + 2);
        }
    }
}

#[test]
fn bar_of_the_largest_frames() {
    let info = info(VideoFormat::Gray8, (7680, 4320), "1:4:0:0");
    let component = &Component::of(&info)[0];
    let found = extent(component, &component.samples(&bar(&info, 0.5), &info));
    assert_eq!(found, (384..7296, 3960..4104));
}

#[test]
fn shares_beyond_the_bar_are_none_or_all_of_it() {
    for info in infos((17, 19)) {
        let [none, all] = [0.0, 1.0].map(|share| bytes(&bar(&info, share)));
        assert_ne!(none, all);
        for share in [f32::NAN, f32::NEG_INFINITY, -1.0, -0.0] {
            assert_eq!(bytes(&bar(&info, share)), none, "{share}");
        }
        for share in [1.5, f32::MAX, f32::INFINITY] {
            assert_eq!(bytes(&bar(&info, share)), all, "{share}");
        }
    }
}

/// Also those that are smaller than the bar would be.
#[test]
fn tiny_frames_come_to_no_harm() {
    for format in FORMATS {
        for (width, height) in (1..=9).flat_map(|width| (1..=9).map(move |height| (width, height)))
        {
            let info = info(format, (width, height), "1:4:0:0");
            for share in [0.0, 0.5, 1.0] {
                bar(&info, share);
            }
        }
    }
}
