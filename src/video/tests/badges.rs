use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};

use super::super::{Area, Composer, FORMATS, Verdict};
use super::{Component, bytes, info, paint, picture};

const BAD: Verdict = Verdict {
    anomalous: true,
    score: 2.0,
    threshold: 1.5,
};

/// The frame's share of each colour that a badge has: white, green, red.
fn shares(size: (u32, u32), area: Area, verdict: &Verdict) -> [f32; 3] {
    let info = info(VideoFormat::Rgb, size, "sRGB");
    let before = picture(&info, |_, _| [9.0; 3]);
    let after = paint(&before, &info, |painter, frame| {
        painter.badge(frame, area, verdict)
    });
    let components = Component::of(&info);
    let samples = [0, 1, 2].map(|index| components[index].samples(&after, &info));
    [[255.0; 3], [0.0, 110.0, 50.0], [200.0, 0.0, 20.0]].map(|color| {
        let is_it = |&pixel: &usize| [0, 1, 2].map(|index| samples[index][pixel]) == color;
        (0..samples[0].len()).filter(is_it).count() as f32 / samples[0].len() as f32
    })
}

/// A frame of bytes that are all the same.
fn even(info: &VideoInfo) -> gst::Buffer {
    gst::Buffer::from_slice(vec![100; info.size()])
}

fn whole((w, h): (u32, u32)) -> Area {
    Area { x: 0, y: 0, w, h }
}

#[test]
fn a_badge_is_green_or_red_with_white_letters() {
    for size in [(160, 120), (640, 480), (1920, 1080), (3840, 2160)] {
        let [white, green, red] = shares(size, whole(size), &BAD);
        assert!(
            white > 0.001 && red > white && green == 0.0,
            "{size:?}: {white} {red}"
        );
        let good = Verdict {
            anomalous: false,
            ..BAD
        };
        let [white, green, red] = shares(size, whole(size), &good);
        assert!(white > 0.001 && green > white && red == 0.0, "{size:?}");
        assert!(white + green < 0.1, "{size:?}: it hides {}", white + green);
    }
}

/// Each part that is inspected has its own.
#[test]
fn a_badge_stays_in_its_area() {
    for area in [
        (100, 50, 300, 200),
        (600, 440, 40, 40),
        (0, 470, 9, 10),
        (630, 0, 400, 90),
    ] {
        let area = Area {
            x: area.0,
            y: area.1,
            w: area.2,
            h: area.3,
        };
        let info = info(VideoFormat::Gray8, (640, 480), "1:4:0:0");
        let before = even(&info);
        let after = paint(&before, &info, |painter, frame| {
            painter.badge(frame, area, &BAD)
        });
        let changed = |(index, (after, before)): (usize, (u8, u8))| {
            (after != before).then_some((index as u32 % 640, index as u32 / 640))
        };
        let pairs = bytes(&after).into_iter().zip(bytes(&before)).enumerate();
        let changed: Vec<_> = pairs.filter_map(changed).collect();
        assert!(!changed.is_empty(), "{area:?}");
        for (x, y) in changed {
            let inside =
                (area.x..area.x + area.w).contains(&x) && (area.y..area.y + area.h).contains(&y);
            assert!(inside, "{area:?}: {x},{y}");
        }
    }
}

#[test]
fn tiny_frames_come_to_no_harm() {
    for format in FORMATS {
        for (width, height) in
            (1..=12).flat_map(|width| (1..=12).map(move |height| (width, height)))
        {
            let info = info(format, (width, height), "1:4:0:0");
            let before = even(&info);
            paint(&before, &info, |painter, frame| {
                painter.badge(frame, whole((width, height)), &BAD);
            });
        }
    }
}

#[test]
fn a_composed_badge_is_the_painted_one() {
    for size in [(40, 30), (640, 480), (1920, 1080)] {
        let info = info(VideoFormat::Bgrx, size, "sRGB");
        let before = even(&info);
        let area = Area {
            x: 3,
            y: 5,
            ..whole((size.0 - 3, size.1 - 5))
        };
        let painted = paint(&before, &info, |painter, frame| {
            painter.badge(frame, area, &BAD)
        });
        let mut composer = Composer::new(&info);
        composer.badge(area, &BAD);
        let composition = composer.compose().unwrap();
        assert_eq!(composition.n_rectangles(), 1);
        let mut composed = before.copy_deep().unwrap();
        let mut frame =
            VideoFrameRef::from_buffer_ref_writable(composed.make_mut(), &info).unwrap();
        composition.blend(&mut frame).unwrap();
        drop(frame);
        // GStreamer may fill the fourth byte, which is no colour.
        let colors = |buffer| -> Vec<[u8; 3]> {
            let bytes = bytes(buffer);
            let pixels = bytes.chunks(4);
            pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
        };
        assert!(colors(&painted) == colors(&composed), "{size:?}");
    }
}
