//! What of a frame igdfilter inspects and reports: a part, what a mask leaves, upstream regions of interest; and how it
//! is shown.

use crate::element::frame::{Pattern, bytes, gray_with, video_info};
use crate::element::model::models;
use crate::element::{self, PATIENCE, error_text, filter, harness};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{
    VideoFormat, VideoFrameRef, VideoInfo, VideoOverlayCompositionMeta, VideoRegionOfInterestMeta,
};
use gstigd::meta::{AnomalyMessage, AnomalyMeta};
use gstigd::video::Area;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const SIDE: u32 = 256;

/// Large enough for several of the models' patterns.
fn info() -> VideoInfo {
    video_info(VideoFormat::Rgb, 3 * SIDE, 2 * SIDE)
}

/// A gray frame with patterns in it, each with its upper left corner at a place.
fn frame(patterns: &[(Pattern, u32, u32)]) -> gst::Buffer {
    gray_with(&info(), patterns)
}

/// One with a pattern in the middle of the upper half, and much that is odd elsewhere.
fn middle(pattern: Pattern) -> gst::Buffer {
    frame(&[
        (Pattern::Odd, 0, 0),
        (pattern, SIDE, 0),
        (Pattern::Odd, 2 * SIDE, SIDE),
    ])
}

fn with_region(buffer: &mut gst::Buffer, id: i32, kind: &str, area: [u32; 4]) {
    let [x, y, w, h] = area;
    let mut meta = VideoRegionOfInterestMeta::add(buffer.make_mut(), kind, (x, y, w, h));
    meta.set_id(id);
}

fn line(properties: &str) -> (Harness, gst::Bus) {
    let (mut harness, bus) = harness(&filter(&models().both, properties));
    harness.set_src_caps(info().to_caps().unwrap());
    (harness, bus)
}

fn inspect(properties: &str, buffer: gst::Buffer) -> gst::Buffer {
    let (mut harness, _bus) = line(properties);
    harness.push_and_pull(buffer).unwrap()
}

fn result(buffer: &gst::Buffer) -> AnomalyMeta {
    AnomalyMeta::from_buffer(buffer).unwrap().expect("a result")
}

/// What the model says of a pattern alone.
fn alone(pattern: Pattern) -> AnomalyMeta {
    let info = video_info(VideoFormat::Rgb, SIDE, SIDE);
    let (mut harness, _bus) = harness(&filter(&models().both, "overlay=none"));
    harness.set_src_caps(info.to_caps().unwrap());
    result(&harness.push_and_pull(pattern.buffer(&info)).unwrap())
}

fn near(one: f32, other: f32) {
    assert!((one - other).abs() < 1e-6, "{one} and {other}");
}

const MIDDLE: &str = "overlay=none region=256,0,256,256";

#[test]
fn a_region_is_inspected_as_if_it_was_the_frame() {
    for pattern in [Pattern::Normal, Pattern::Odd] {
        let expected = alone(pattern);
        let found = result(&inspect(MIDDLE, middle(pattern)));
        near(found.score, expected.score);
        assert_eq!(found.anomalous, pattern == Pattern::Odd);
        assert_eq!((found.width, found.height), (3 * SIDE, 2 * SIDE));
        let area = Area {
            x: SIDE,
            y: 0,
            w: SIDE,
            h: SIDE,
        };
        assert_eq!(found.inspected, Some(area));
        assert_eq!(found.regions.len(), expected.regions.len());
        for (found, expected) in found.regions.iter().zip(&expected.regions) {
            assert_eq!(found.x, expected.x + SIDE);
            assert_eq!(
                (found.y, found.w, found.h, found.area),
                (expected.y, expected.w, expected.h, expected.area)
            );
        }
    }
}

#[test]
fn only_the_region_is_drawn_on() {
    let before = middle(Pattern::Odd);
    let after = inspect(
        "region=256,0,256,256 opacity=1",
        before.copy_deep().unwrap(),
    );
    let info = info();
    let stride = info.stride()[0] as usize;
    let (before, after) = (bytes(&before), bytes(&after));
    let mut changed = 0;
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        if before != after {
            changed += 1;
            let (x, y) = (index % stride / 3, index / stride);
            assert!((256..512).contains(&x) && y < 256, "{x}, {y}");
        }
    }
    assert!(changed > 1000, "{changed}");
}

#[test]
fn a_region_may_change_while_playing() {
    let (mut harness, bus) = line(MIDDLE);
    let odd_at_left = frame(&[(Pattern::Odd, 0, 0), (Pattern::Normal, SIDE, 0)]);
    let normal = result(&harness.push_and_pull(odd_at_left.clone()).unwrap());
    assert!(!normal.anomalous);
    let element = harness.element().unwrap();
    element.set_property("region", "0,0,256,256");
    let odd = result(&harness.push_and_pull(odd_at_left.clone()).unwrap());
    assert!(odd.anomalous);
    // What is no region changes nothing but for a warning.
    element.set_property("region", "0,0,256");
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_some());
    let still = result(&harness.push_and_pull(odd_at_left).unwrap());
    assert_eq!(still.inspected, odd.inspected);
}

fn warnings(bus: &gst::Bus) -> Vec<String> {
    let messages = bus.iter_filtered(&[gst::MessageType::Warning]);
    messages
        .filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().message().to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_region_that_frames_do_not_have_changes_nothing_while_playing() {
    let left = mask("mask-left-half.png", [0, 0, SIDE + SIDE / 2, 2 * SIDE]);
    let (mut harness, bus) = line(&format!("{MIDDLE} mask-location={}", left.display()));
    let good = result(&harness.push_and_pull(middle(Pattern::Odd)).unwrap());
    let element = harness.element().unwrap();
    for (bad, text) in [
        (
            "5000,0,100,100",
            "region=5000,0,100,100 leaves less than 16x16",
        ),
        (
            "512,0,256,256",
            "mask-location: the mask is black everywhere",
        ),
        ("1,2,3", "region=1,2,3 is not x,y,width,height"),
    ] {
        element.set_property("region", bad);
        for _ in 0..2 {
            let found = result(&harness.push_and_pull(middle(Pattern::Odd)).unwrap());
            assert_eq!(found.inspected, good.inspected, "{bad}");
        }
        let warnings = warnings(&bus);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(text), "{warnings:?}");
    }
    // Nor with the next caps.
    element.set_property("region", "5000,0,100,100");
    harness.push_and_pull(middle(Pattern::Odd)).unwrap();
    let wider = video_info(VideoFormat::Rgb, 4 * SIDE, 2 * SIDE);
    harness.set_src_caps(wider.to_caps().unwrap());
    let found = harness.push_and_pull(gray_with(&wider, &[])).unwrap();
    assert_eq!(result(&found).inspected, good.inspected);
    assert_eq!(error_text(&bus), None);
    // And a good one is taken.
    element.set_property("region", "");
    let found = harness.push_and_pull(gray_with(&wider, &[])).unwrap();
    assert_eq!(result(&found).inspected, None);
}

/// The region of the start is none of the smaller frames that come later, but was given up before.
#[test]
fn other_caps_are_held_against_the_present_region() {
    let (mut harness, bus) = line("overlay=none region=700,0,64,64");
    harness.push_and_pull(middle(Pattern::Odd)).unwrap();
    let element = harness.element().unwrap();
    element.set_property("region", "");
    let smaller = video_info(VideoFormat::Rgb, 2 * SIDE, SIDE);
    harness.set_src_caps(smaller.to_caps().unwrap());
    let found = harness.push_and_pull(gray_with(&smaller, &[]));
    assert_eq!(result(&found.unwrap()).inspected, None);
    assert_eq!(error_text(&bus), None);
}

#[test]
fn odd_regions_are_refused_with_a_text() {
    for (region, text) in [
        ("1,2,3", "region=1,2,3 is not x,y,width,height"),
        (
            "5000,0,100,100",
            "region=5000,0,100,100 leaves less than 16x16",
        ),
        (
            "760,0,100,100",
            "region=760,0,100,100 leaves less than 16x16",
        ),
    ] {
        let element = filter(&models().both, &format!("overlay=none region={region}"));
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let pad = element.static_pad("sink").unwrap();
        if element.set_state(gst::State::Paused).is_ok() {
            pad.send_event(gst::event::StreamStart::new("test"));
            assert!(!pad.send_event(gst::event::Caps::new(&info().to_caps().unwrap())));
        }
        let error = error_text(&bus).expect("an error");
        assert!(error.contains(text), "{error}");
        element.set_state(gst::State::Null).unwrap();
    }
}

/// A mask that is white in a rectangle of the frame.
fn mask(name: &str, white: [u32; 4]) -> PathBuf {
    let [x, y, w, h] = white;
    let picture = image::GrayImage::from_fn(3 * SIDE, 2 * SIDE, |column, row| {
        let inside = (x..x + w).contains(&column) && (y..y + h).contains(&row);
        [if inside { 255 } else { 0 }].into()
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    picture.save(&path).unwrap();
    path
}

#[test]
fn what_is_masked_counts_neither_for_score_nor_for_map() {
    let left = mask("mask-left.png", [0, 0, SIDE + SIDE / 2, 2 * SIDE]);
    let properties = format!(
        "overlay=none attach-map=true mask-location={}",
        left.display()
    );
    let plain = frame(&[]);
    let odd_at_right = frame(&[(Pattern::Odd, 2 * SIDE, 0)]);
    let odd_at_left = frame(&[(Pattern::Odd, 0, 0)]);
    let [plain, right, at_left] = [plain, odd_at_right.clone(), odd_at_left]
        .map(|buffer| result(&inspect(&properties, buffer)));
    // Nothing on the right can be seen at all.
    assert_eq!(right.score, plain.score);
    assert_eq!(right.scales, plain.scales);
    assert_eq!(right.regions, plain.regions);
    assert_ne!(at_left.score, plain.score);
    let unmasked = result(&inspect("overlay=none", odd_at_right));
    assert_ne!(unmasked.score, plain.score);
    let map = right.map.unwrap();
    for (index, value) in map.values().enumerate() {
        let x = index as u32 % map.width;
        assert!(x <= map.width / 2 || value == 0.0, "{value} at {x}");
    }
}

/// Coarser than the frame: its last pixel begins after the middle of the region.
#[test]
fn a_coarse_mask_reaches_to_the_edge() {
    let picture = image::GrayImage::from_pixel(16, 2, [255].into());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mask-coarse.png");
    picture.save(&path).unwrap();
    let mask = format!("mask-location={}", path.display());
    let region = "overlay=none region=752,0,16,512";
    let masked = result(&inspect(&format!("{region} {mask}"), frame(&[])));
    assert_eq!(masked.score, result(&inspect(region, frame(&[]))).score);
}

#[test]
fn a_white_mask_changes_nothing() {
    let white = mask("mask-white.png", [0, 0, 3 * SIDE, 2 * SIDE]);
    let masked = format!("overlay=none mask-location={}", white.display());
    let (plain, masked) = (
        result(&inspect("overlay=none", middle(Pattern::Normal))),
        result(&inspect(&masked, middle(Pattern::Normal))),
    );
    assert_eq!(plain.score, masked.score);
    assert_eq!(plain.regions, masked.regions);
}

#[test]
fn bad_masks_are_refused_with_a_text() {
    let black = mask("mask-black.png", [0, 0, 0, 0]);
    for (path, text) in [
        (black.to_str().unwrap(), "is black everywhere"),
        ("/nowhere/mask.png", "cannot read /nowhere/mask.png"),
        (file!(), "cannot read"),
    ] {
        let element = filter(&models().both, &format!("mask-location={path}"));
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        assert!(element.set_state(gst::State::Paused).is_err());
        let error = error_text(&bus).unwrap();
        assert!(
            error.starts_with("mask-location: ") && error.contains(text),
            "{error}"
        );
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn each_region_of_interest_is_inspected_by_itself() {
    let mut buffer = frame(&[(Pattern::Normal, 0, 0), (Pattern::Odd, 2 * SIDE, SIDE)]);
    with_region(&mut buffer, 7, "cell", [0, 0, SIDE, SIDE]);
    with_region(&mut buffer, 9, "cell", [2 * SIDE, SIDE, SIDE, SIDE]);
    // Too small to say anything, and an earlier igdfilter's.
    with_region(&mut buffer, 11, "cell", [300, 300, 10, 10]);
    with_region(&mut buffer, 12, "anomaly", [300, 300, 100, 100]);
    let properties = "overlay=none inference-region=roi-list attach-map=true";
    let inspected = inspect(properties, buffer);
    let found = result(&inspected);
    let objects: Vec<_> = found
        .objects
        .iter()
        .map(|object| (object.id, object.kind.as_str(), object.anomalous))
        .collect();
    assert_eq!(objects, [(7, "cell", false), (9, "cell", true)]);
    let [normal, odd] = [Pattern::Normal, Pattern::Odd].map(alone);
    near(found.objects[0].score, normal.score);
    near(found.objects[1].score, odd.score);
    assert!(found.objects.iter().all(|object| object.map.is_some()));
    // The frame is as bad as its worst part.
    assert!(found.anomalous);
    near(found.score, odd.score);
    assert_eq!(found.regions, found.objects[1].regions);
    assert_eq!(found.regions.len(), odd.regions.len());
    for (found, alone) in found.regions.iter().zip(&odd.regions) {
        assert_eq!((found.x, found.y), (alone.x + 2 * SIDE, alone.y + SIDE));
    }
    // What was found says where.
    let mut of_object = 0;
    for meta in inspected.iter_meta::<VideoRegionOfInterestMeta>() {
        if meta.roi_type() == "anomaly" && meta.rect().0 >= 2 * SIDE {
            assert_eq!(meta.parent_id(), 9);
            of_object += 1;
        }
    }
    assert_eq!(of_object, found.regions.len());
}

#[test]
fn objects_come_and_go() {
    let (mut harness, _bus) = line("overlay=none inference-region=roi-list");
    let mut with_object = middle(Pattern::Odd);
    with_region(&mut with_object, 1, "cell", [SIDE, 0, SIDE, SIDE]);
    let without = middle(Pattern::Odd);
    for _ in 0..2 {
        let found = harness.push_and_pull(with_object.copy()).unwrap();
        assert_eq!(result(&found).objects.len(), 1);
        let nothing = harness.push_and_pull(without.copy()).unwrap();
        assert_eq!(AnomalyMeta::from_buffer(&nothing).unwrap(), None);
    }
}

/// A conveyor: parts come one after the other, with nothing between them.
#[test]
fn each_object_is_told_of_on_the_bus() {
    let (mut harness, bus) = line("overlay=none inference-region=roi-list messages=changes");
    let mut part = middle(Pattern::Odd);
    with_region(&mut part, 1, "cell", [SIDE, 0, SIDE, SIDE]);
    let told = |bus: &gst::Bus| {
        let messages = bus.iter_filtered(&[gst::MessageType::Element]);
        let read = |message: gst::Message| {
            let message = AnomalyMessage::try_from(message.structure().unwrap()).unwrap();
            let milliseconds = message.times.timestamp.unwrap().mseconds();
            (message.anomalous, milliseconds, message.regions.len())
        };
        messages.map(read).collect::<Vec<_>>()
    };
    for (number, buffer) in [&part, &part, &frame(&[]), &frame(&[]), &part]
        .into_iter()
        .enumerate()
    {
        let mut buffer = buffer.copy();
        let pts = gst::ClockTime::from_mseconds(40) * number as u64;
        buffer.make_mut().set_pts(pts);
        harness.push_and_pull(buffer).unwrap();
    }
    let told = told(&bus);
    let turns: Vec<_> = told.iter().map(|told| (told.0, told.1)).collect();
    assert_eq!(turns, [(true, 0), (false, 80), (true, 160)]);
    assert!(told[0].2 > 0 && told[1].2 == 0);
}

/// The result of the only frame with a part comes when the part has gone.
#[test]
fn a_late_result_reaches_the_elements_after_the_filter() {
    let properties =
        "overlay=none inference-region=roi-list inference-mode=latest messages=changes";
    let (mut harness, bus) = line(properties);
    let mut part = middle(Pattern::Odd);
    with_region(&mut part, 1, "cell", [SIDE, 0, SIDE, SIDE]);
    harness.push_and_pull(part).unwrap();
    let start = Instant::now();
    let mut results = Vec::new();
    let mut messages = Vec::new();
    while messages.len() < 2 {
        assert!(start.elapsed() < Duration::from(PATIENCE), "{messages:?}");
        let buffer = harness.push_and_pull(frame(&[])).unwrap();
        results.extend(AnomalyMeta::from_buffer(&buffer).unwrap());
        let posted = bus.iter_filtered(&[gst::MessageType::Element]);
        messages
            .extend(posted.map(|message| message.structure().unwrap().get::<bool>("anomalous")));
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(messages, [Ok(true), Ok(false)]);
    // One frame carries it.
    assert_eq!(results.len(), 1);
    assert!(results[0].anomalous && results[0].age > 0);
    assert_eq!(results[0].objects.len(), 1);
}

#[test]
fn a_region_chooses_among_objects_and_a_mask_may_ignore_some() {
    let left = mask("mask-left-third.png", [0, 0, SIDE, 2 * SIDE]);
    let objects = |properties: &str| {
        let mut buffer = middle(Pattern::Normal);
        for (id, x) in [(1, 0), (2, SIDE), (3, 2 * SIDE)] {
            with_region(&mut buffer, id, "cell", [x, 0, SIDE, SIDE]);
        }
        let properties = format!("overlay=none inference-region=roi-list {properties}");
        let found = result(&inspect(&properties, buffer));
        let ids = found.objects.iter().map(|object| object.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(objects(""), [1, 2, 3]);
    assert_eq!(objects("region=200,0,568,256"), [2, 3]);
    assert_eq!(objects(&format!("mask-location={}", left.display())), [1]);
}

#[test]
fn smoothing_follows_slowly() {
    let (mut harness, _bus) = line(&format!("{MIDDLE} smoothing=0.75 attach-map=true"));
    let mut score = |pattern| {
        let found = result(&harness.push_and_pull(middle(pattern)).unwrap());
        let map = found.map.unwrap();
        (found.score, map.values().sum::<f32>())
    };
    let normal = score(Pattern::Normal);
    assert_eq!(score(Pattern::Normal), normal);
    let odd = alone(Pattern::Odd).score;
    let first = score(Pattern::Odd);
    near(first.0, normal.0 + 0.25 * (odd - normal.0));
    let second = score(Pattern::Odd);
    near(second.0, first.0 + 0.25 * (odd - first.0));
    assert!(normal.1 < first.1 && first.1 < second.1);
    // Another video has nothing to do with it.
    harness.push_event(gst::event::FlushStart::new());
    harness.push_event(gst::event::FlushStop::new(true));
    harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<
        gst::ClockTime,
    >::new()));
    let after = result(&harness.push_and_pull(middle(Pattern::Odd)).unwrap());
    near(after.score, odd);
}

#[test]
fn smoothing_begins_anew_with_another_region() {
    let (mut harness, _bus) = line(&format!("{MIDDLE} smoothing=0.9 attach-map=true"));
    let odd_in_the_middle = || frame(&[(Pattern::Normal, 0, 0), (Pattern::Odd, SIDE, 0)]);
    let odd = result(&harness.push_and_pull(odd_in_the_middle()).unwrap());
    assert!(odd.anomalous);
    let element = harness.element().unwrap();
    element.set_property("region", "0,0,256,256");
    let normal = result(&harness.push_and_pull(odd_in_the_middle()).unwrap());
    near(normal.score, alone(Pattern::Normal).score);
    assert!(!normal.anomalous);
}

/// Its pixels are above the threshold of pixels, the frame is not above its own.
#[test]
fn a_frame_below_the_threshold_has_no_regions_but_candidates_for_whoever_asks() {
    let below = format!("{MIDDLE} threshold=1000");
    let of_interest =
        |buffer: &gst::Buffer| buffer.iter_meta::<VideoRegionOfInterestMeta>().count();
    let anomalous = result(&inspect(MIDDLE, middle(Pattern::Odd)));
    let untouched = bytes(&middle(Pattern::Odd));
    let normal = inspect(&format!("{below} overlay=regions"), middle(Pattern::Odd));
    let found = result(&normal);
    assert!(!found.anomalous && anomalous.anomalous);
    assert_eq!((found.regions, found.candidates), (vec![], vec![]));
    assert_eq!(of_interest(&normal), 0);
    assert!(bytes(&normal) == untouched);

    let asked = format!("{below} candidates=true overlay=regions");
    for (properties, composed) in [
        (asked.clone(), false),
        (format!("{asked} overlay-method=composition"), true),
    ] {
        let tuned = inspect(&properties, middle(Pattern::Odd));
        let found = result(&tuned);
        assert_eq!(found.regions, []);
        assert_eq!(found.candidates, anomalous.regions);
        assert_eq!(of_interest(&tuned), 0);
        let composition = tuned.meta::<VideoOverlayCompositionMeta>();
        assert_eq!(composition.is_some(), composed);
        assert_eq!(bytes(&tuned) == untouched, composed);
    }
    // Objects by themselves.
    let mut buffer = middle(Pattern::Odd);
    with_region(&mut buffer, 1, "cell", [SIDE, 0, SIDE, SIDE]);
    let objects = "overlay=none inference-region=roi-list threshold=1000 candidates=true";
    let found = result(&inspect(objects, buffer));
    assert_eq!(
        (found.regions.len(), found.objects[0].regions.len()),
        (0, 0)
    );
    assert_eq!(found.candidates, anomalous.regions);
}

#[test]
fn small_regions_and_too_many_are_not_reported() {
    let count = |properties: &str| {
        let buffer = inspect(&format!("{MIDDLE} {properties}"), middle(Pattern::Odd));
        let found = result(&buffer);
        assert!(found.anomalous);
        let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>().count();
        assert_eq!(metas, found.regions.len());
        found.regions
    };
    let all = count("min-area=0 max-regions=100");
    assert!(!all.is_empty());
    assert_eq!(count("max-regions=0"), []);
    assert_eq!(count("max-regions=1"), all[..1]);
    let largest = all[0].area;
    assert_eq!(count(&format!("min-area={}", largest + 1)), []);
    assert_eq!(count(&format!("min-area={largest}")), all[..1]);
}

#[test]
fn a_map_is_attached_only_when_asked_for() {
    let without = result(&inspect(MIDDLE, middle(Pattern::Odd)));
    assert_eq!(without.map, None);
    let buffer = inspect(&format!("{MIDDLE} attach-map=true"), middle(Pattern::Odd));
    let map = result(&buffer).map.unwrap();
    assert_eq!((map.width, map.height), (256, 256));
    let highest = map.values().fold(0.0, f32::max);
    assert!((0.5..=1.0).contains(&highest), "{highest}");
}

/// Pushes a frame through `igdfilter` in front of an element that takes what `sink` says.
fn compositions(properties: &str, sink: &gst::Caps, answers: bool) -> (gst::Buffer, gst::Caps) {
    let element = filter(&models().both, properties);
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    if answers {
        harness.add_propose_allocation_meta(
            VideoOverlayCompositionMeta::meta_api(),
            None::<&gst::StructureRef>,
        );
    }
    harness.set_sink_caps(sink.clone());
    harness.set_src_caps(info().to_caps().unwrap());
    let buffer = harness.push_and_pull(middle(Pattern::Odd)).unwrap();
    let caps = element.static_pad("src").unwrap().current_caps().unwrap();
    (buffer, caps)
}

fn with_compositions() -> gst::Caps {
    element::init();
    "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition); video/x-raw"
        .parse()
        .unwrap()
}

#[test]
fn a_composition_is_attached_where_it_is_drawn_and_blended_elsewhere() {
    let untouched = bytes(&middle(Pattern::Odd));
    let plain: gst::Caps = "video/x-raw".parse().unwrap();
    let any = gst::Caps::new_any();
    let both = with_compositions();
    for (properties, sink, answers, composes) in [
        ("", &both, true, true),
        ("", &both, false, false),
        ("", &any, false, false),
        ("", &plain, false, false),
        ("overlay-method=blend", &both, true, false),
        ("overlay-method=composition", &both, false, true),
        ("overlay-method=composition", &any, false, true),
    ] {
        let (buffer, caps) = compositions(properties, sink, answers);
        let case = format!("{properties} {sink} {answers}: {caps}");
        let meta = buffer.meta::<VideoOverlayCompositionMeta>();
        assert_eq!(meta.is_some(), composes, "{case}");
        assert_eq!(bytes(&buffer) == untouched, composes, "{case}");
        let features = caps.features(0).unwrap();
        assert_eq!(
            features.contains("meta:GstVideoOverlayComposition"),
            composes,
            "{case}"
        );
    }
}

/// GStreamer itself draws the composition; it comes out as what is blended otherwise, but for rounding and how a map is
/// stretched.
#[test]
fn a_composition_looks_like_what_is_blended() {
    let properties = "opacity=0.8 region=256,0,256,256 overlay=heatmap+regions+badge";
    let (blended, _) = compositions(
        &format!("{properties} overlay-method=blend"),
        &with_compositions(),
        true,
    );
    let (mut composed, _) = compositions(properties, &with_compositions(), true);
    let composition = composed
        .meta::<VideoOverlayCompositionMeta>()
        .unwrap()
        .overlay_owned();
    let info = info();
    let buffer = composed.make_mut();
    let mut drawn = VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
    composition.blend(&mut drawn).unwrap();
    drop(drawn);
    let (blended, composed) = (bytes(&blended), bytes(&composed));
    let untouched = bytes(&middle(Pattern::Odd));
    let mut differences = 0.0;
    let mut changes = 0.0;
    for ((blended, composed), before) in blended.iter().zip(&composed).zip(&untouched) {
        differences += f64::from(blended.abs_diff(*composed));
        changes += f64::from(blended.abs_diff(*before));
    }
    assert!(changes > 0.0);
    assert!(differences < 0.03 * changes, "{differences} of {changes}");
}

#[test]
fn a_composition_of_another_element_stays_below_ours() {
    element::init();
    let (below, _) = compositions("overlay-method=composition", &gst::Caps::new_any(), false);
    let own = below
        .meta::<VideoOverlayCompositionMeta>()
        .unwrap()
        .overlay()
        .n_rectangles();
    let element = filter(&models().both, "overlay-method=composition");
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    let mut caps = info().to_caps().unwrap();
    let features =
        gst::CapsFeatures::new(["memory:SystemMemory", "meta:GstVideoOverlayComposition"]);
    caps.make_mut().set_features(0, Some(features));
    harness.set_src_caps(caps);
    let both = harness.push_and_pull(below).unwrap();
    let metas: Vec<_> = both.iter_meta::<VideoOverlayCompositionMeta>().collect();
    assert_eq!(metas.len(), 1);
    assert_eq!(metas[0].overlay().n_rectangles(), 2 * own);
}

#[test]
fn an_old_result_is_composed_once() {
    let element = filter(
        &models().both,
        "overlay-method=composition inference-interval=3",
    );
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps(info().to_caps().unwrap());
    let numbers: Vec<u32> = (0..4)
        .map(|_| {
            let buffer = harness.push_and_pull(middle(Pattern::Odd)).unwrap();
            let meta = buffer.meta::<VideoOverlayCompositionMeta>().unwrap();
            meta.overlay().seqnum()
        })
        .collect();
    // Sinks upload one that they know no second time.
    assert_eq!(numbers[0], numbers[1]);
    assert_eq!(numbers[1], numbers[2]);
    assert_ne!(numbers[2], numbers[3]);
}
