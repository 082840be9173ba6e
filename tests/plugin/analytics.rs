//! Results as GstAnalytics, as the elements after igdfilter see them.
#![cfg(feature = "v1_26")]

use crate::element::frame::{Pattern, bytes, video_info};
use crate::element::{init, model::models};
use gst_analytics::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo, VideoRegionOfInterestMeta};
use gstigd::meta::AnomalyMeta;

type Rectangle = (u32, u32, u32, u32);

fn frame_info() -> VideoInfo {
    video_info(VideoFormat::Bgra, 320, 240)
}

/// Sends a frame through igdfilter and the elements of `rest`.
fn through(buffer: gst::Buffer, rest: &str) -> gst::Buffer {
    let model = models().both.display();
    let mut harness = Harness::new_parse(&format!(
        "igdfilter model={model} overlay=none ! {rest} ! identity"
    ));
    harness.set_src_caps(frame_info().to_caps().unwrap());
    harness.push(buffer).unwrap();
    harness.pull().unwrap()
}

fn odd_frame() -> gst::Buffer {
    Pattern::Odd.buffer(&frame_info())
}

fn result(buffer: &gst::Buffer) -> AnomalyMeta {
    AnomalyMeta::from_buffer(buffer).unwrap().unwrap()
}

fn relations(buffer: &gst::Buffer) -> gst::MetaRef<'_, AnalyticsRelationMeta> {
    let count = buffer.iter_meta::<AnalyticsRelationMeta>().count();
    assert_eq!(count, 1, "relation metas");
    buffer.meta().unwrap()
}

#[derive(Debug, PartialEq)]
struct Detection {
    id: u32,
    kind: String,
    place: Rectangle,
    confidence: f32,
}

fn detections(buffer: &gst::Buffer) -> Vec<Detection> {
    let read = |detection: AnalyticsMtdRef<'_, AnalyticsODMtd>| {
        let location = detection.location().unwrap();
        let [x, y, w, h] =
            [location.x, location.y, location.w, location.h].map(|side| side.try_into().unwrap());
        Detection {
            id: detection.id(),
            kind: detection.obj_type().unwrap().as_str().to_string(),
            place: (x, y, w, h),
            confidence: location.loc_conf_lvl,
        }
    };
    relations(buffer).iter().map(read).collect()
}

/// Each classification's id, and its classes with their levels.
fn classifications(buffer: &gst::Buffer) -> Vec<(u32, Vec<(String, f32)>)> {
    let read = |classification: AnalyticsMtdRef<'_, AnalyticsClassificationMtd>| {
        let classes = classification.iterate();
        let classes = classes.map(|(class, level)| (class.as_str().to_string(), level));
        (classification.id(), classes.collect())
    };
    relations(buffer).iter().map(read).collect()
}

/// Each region of interest's id and place.
fn regions_of_interest(buffer: &gst::Buffer) -> Vec<(u32, Rectangle)> {
    buffer
        .iter_meta::<VideoRegionOfInterestMeta>()
        .map(|region| (region.id().try_into().unwrap(), region.rect()))
        .collect()
}

/// What DL Streamer asks for, too.
#[test]
fn a_region_is_a_detection_with_the_id_of_its_region_of_interest() {
    for rest in [
        "queue",
        "videoconvert ! video/x-raw,format=NV12",
        "videoconvert ! x264enc tune=zerolatency",
    ] {
        let buffer = through(odd_frame(), rest);
        let result = result(&buffer);
        assert!(!result.regions.is_empty());
        let found = detections(&buffer);
        assert_eq!(found.len(), result.regions.len(), "{rest}");
        for (found, region) in found.iter().zip(&result.regions) {
            assert_eq!(found.kind, "anomaly");
            assert_eq!(found.place, (region.x, region.y, region.w, region.h));
            assert_eq!(found.confidence, region.score);
            assert_ne!(found.id, 0);
        }
        let places: Vec<_> = found.iter().map(|found| (found.id, found.place)).collect();
        assert_eq!(regions_of_interest(&buffer), places);
    }
}

#[test]
fn a_frame_is_classified() {
    for pattern in [Pattern::Normal, Pattern::Odd] {
        let buffer = through(pattern.buffer(&frame_info()), "queue");
        let normalized = result(&buffer).normalized;
        let found = classifications(&buffer);
        let classes = [("Normal", 1.0 - normalized), ("Anomaly", normalized)];
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].1,
            classes.map(|(class, level)| (class.to_owned(), level))
        );
        // objectdetectionoverlay would write the first class on the box of a detection that is related to it.
        for detection in detections(&buffer) {
            let relation = relations(&buffer).relation(detection.id, found[0].0);
            assert_eq!(relation, RelTypes::empty());
        }
    }
}

#[test]
fn detections_move_along_when_a_frame_is_scaled() {
    let expected = detections(&through(odd_frame(), "queue"));
    for (width, height) in [(640, 480), (160, 120), (320, 480)] {
        let rest =
            format!("videoscale add-borders=false ! video/x-raw,width={width},height={height}");
        let buffer = through(odd_frame(), &rest);
        let found = detections(&buffer);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let (x, y, w, h) = expected.place;
            let scaled = (
                x * width / 320,
                y * height / 240,
                w * width / 320,
                h * height / 240,
            );
            assert_eq!(found.place, scaled);
            assert_eq!(found.id, expected.id);
        }
        let ids = |ids: &mut dyn Iterator<Item = u32>| ids.collect::<Vec<_>>();
        assert_eq!(
            ids(&mut regions_of_interest(&buffer).iter().map(|region| region.0)),
            ids(&mut found.iter().map(|found| found.id))
        );
    }
}

#[test]
fn what_an_earlier_detector_left_stays() {
    init();
    let mut buffer = odd_frame();
    let buffer_mut = buffer.get_mut().unwrap();
    let mut relations = AnalyticsRelationMeta::add(buffer_mut);
    let kind = glib::Quark::from_str("bottle");
    let bottle = relations
        .add_od_mtd(kind, 10, 20, 30, 40, 0.75)
        .unwrap()
        .id();
    VideoRegionOfInterestMeta::add(buffer_mut, "bottle", (10, 20, 30, 40)).set_id(bottle as i32);

    let buffer = through(buffer, "queue");
    let found = detections(&buffer);
    let expected = Detection {
        id: bottle,
        kind: "bottle".to_owned(),
        place: (10, 20, 30, 40),
        confidence: 0.75,
    };
    assert_eq!(found[0], expected);
    assert_eq!(found.len(), 1 + result(&buffer).regions.len());
    let places: Vec<_> = found.iter().map(|found| (found.id, found.place)).collect();
    assert_eq!(regions_of_interest(&buffer), places);
}

#[test]
fn two_filters_share_one_relation_meta() {
    init();
    let global = models().global_only.display();
    let buffer = through(
        odd_frame(),
        &format!("igdfilter model={global} overlay=none"),
    );
    assert_eq!(classifications(&buffer).len(), 2);
    let found = detections(&buffer);
    let places: Vec<_> = found.iter().map(|found| (found.id, found.place)).collect();
    assert_eq!(regions_of_interest(&buffer), places);
}

#[test]
fn objectdetectionoverlay_draws_the_boxes() {
    let without = through(odd_frame(), "queue");
    let with = through(odd_frame(), "objectdetectionoverlay draw-labels=false");
    let places: Vec<_> = detections(&without)
        .iter()
        .map(|found| found.place)
        .collect();
    assert!(!places.is_empty());
    let mut drawn = vec![0; places.len()];
    for (index, (before, after)) in bytes(&without)
        .chunks(4)
        .zip(bytes(&with).chunks(4))
        .enumerate()
    {
        if before == after {
            continue;
        }
        let (x, y) = (index as u32 % 320, index as u32 / 320);
        let mut expected = false;
        for (drawn, place) in drawn.iter_mut().zip(&places) {
            if is_on_outline(*place, x, y) {
                *drawn += 1;
                expected = true;
            }
        }
        assert!(expected, "the pixel at {x}, {y} belongs to no box");
    }
    for (drawn, (_, _, w, h)) in drawn.into_iter().zip(places) {
        assert!(drawn >= w + h, "{drawn} pixels of a box of {w}x{h}");
    }
}

/// Whether a pixel is on the line around a rectangle, which is two pixels wide and has soft edges.
fn is_on_outline((left, top, w, h): Rectangle, x: u32, y: u32) -> bool {
    let (right, bottom) = (left + w, top + h);
    let near = |position: u32, line: u32| position.abs_diff(line) <= 2;
    let inside = x + 2 >= left && x <= right + 2 && y + 2 >= top && y <= bottom + 2;
    inside && (near(x, left) || near(x, right) || near(y, top) || near(y, bottom))
}

/// A detector upstream that knows nothing of regions of interest.
#[test]
fn detections_of_others_are_inspected_and_what_is_found_is_a_part_of_them() {
    let mut buffer = odd_frame();
    let kind = glib::Quark::from_str("cell");
    let ids = {
        let made = buffer.get_mut().unwrap();
        let mut relations = AnalyticsRelationMeta::add(made);
        let mut add = |x, w| relations.add_od_mtd(kind, x, 0, w, 240, 0.5).unwrap().id();
        [add(0, 240), add(260, 60)]
    };
    let model = models().both.display();
    let mut harness = Harness::new_parse(&format!(
        "igdfilter model={model} overlay=none inference-region=roi-list threshold=0"
    ));
    harness.set_src_caps(frame_info().to_caps().unwrap());
    harness.push(buffer).unwrap();
    let buffer = harness.pull().unwrap();
    let result = result(&buffer);
    let objects: Vec<_> = result
        .objects
        .iter()
        .map(|object| (object.id.cast_unsigned(), object.kind.as_str()))
        .collect();
    assert_eq!(objects, [(ids[0], "cell"), (ids[1], "cell")]);
    let relations = relations(&buffer);
    let mut parts = 0;
    for region in buffer.iter_meta::<VideoRegionOfInterestMeta>() {
        let (id, parent) = (
            region.id().cast_unsigned(),
            region.parent_id().cast_unsigned(),
        );
        assert!(ids.contains(&parent));
        assert_eq!(relations.relation(id, parent), RelTypes::IS_PART_OF);
        parts += 1;
    }
    assert_eq!(parts, result.regions.len());
    assert!(parts > 0);
}

mod mask {
    use std::mem::MaybeUninit;

    use glib::translate::*;
    use gst_video::VideoMeta;
    use gstigd::meta::{PartMap, attach};
    use gstigd::video::Area;
    use igd::model::Map;

    use super::*;

    /// A buffer's one segmentation.
    struct Segmentation {
        id: u32,
        place: (i32, i32, u32, u32),
        values: Vec<u32>,
        mask: gst::Buffer,
    }

    fn segmentation(buffer: &gst::Buffer) -> Segmentation {
        let relations = relations(buffer);
        // SAFETY: the relations are the buffer's, which outlives this; the handle is read where it was written.
        let handle = |id| unsafe {
            let mut handle = MaybeUninit::uninit();
            let is_one = ffi::gst_analytics_relation_meta_get_segmentation_mtd(
                relations.as_mut_ptr(),
                id,
                handle.as_mut_ptr(),
            );
            (is_one != glib::ffi::GFALSE).then(|| handle.assume_init())
        };
        let mut handles = (0..relations.len() as u32).filter_map(handle);
        let handle = handles.next().expect("no segmentation");
        assert!(handles.next().is_none(), "a second segmentation");
        let (mut x, mut y, mut w, mut h) = (0, 0, 0, 0);
        // SAFETY: the handle is of a segmentation, as was asked above, and the mask is handed over.
        unsafe {
            let mask = ffi::gst_analytics_segmentation_mtd_get_mask(
                &handle, &mut x, &mut y, &mut w, &mut h,
            );
            let count = ffi::gst_analytics_segmentation_mtd_get_region_count(&handle);
            Segmentation {
                id: handle.id,
                place: (x, y, w, h),
                values: (0..count)
                    .map(|index| ffi::gst_analytics_segmentation_mtd_get_region_id(&handle, index))
                    .collect(),
                mask: from_glib_full(mask),
            }
        }
    }

    #[test]
    fn a_mask_shows_the_anomalous_pixels_of_the_map() {
        init();
        let map = Map {
            width: 5,
            height: 3,
            values: [0.0, 0.25, 0.5, 0.75, 1.0].repeat(3),
        };
        let result = AnomalyMeta {
            width: 50,
            height: 30,
            ..Default::default()
        };
        let mut buffer = gst::Buffer::new();
        let area = Area {
            x: 10,
            y: 0,
            w: 40,
            h: 30,
        };
        let part = PartMap {
            area,
            map: &map,
            anomalous: true,
        };
        let maps = std::iter::once(part);
        attach(&result, maps, buffer.get_mut().unwrap()).unwrap();
        let found = segmentation(&buffer);
        assert_eq!(found.place, (10, 0, 40, 30));
        assert_eq!(found.values, [0, 255]);
        assert_eq!(bytes(&found.mask), [0, 0, 255, 255, 255].repeat(3));
        let meta = found.mask.meta::<VideoMeta>().unwrap();
        assert_eq!(meta.format(), VideoFormat::Gray8);
        assert_eq!((meta.width(), meta.height()), (5, 3));
        assert_eq!(meta.stride(), [5]);
        // The classification has the class of each value.
        let relations = relations(&buffer);
        let classification = classifications(&buffer)[0].0;
        assert_eq!(
            relations.relation(found.id, classification),
            RelTypes::RELATE_TO
        );
    }

    #[test]
    fn what_is_no_picture_is_no_mask() {
        init();
        let map = Map {
            width: 5,
            height: 3,
            values: vec![0.0; 14],
        };
        for map in [map, Map::default()] {
            let mut buffer = gst::Buffer::new();
            let maps = std::iter::once(PartMap {
                area: Area::default(),
                map: &map,
                anomalous: true,
            });
            let attached = attach(&AnomalyMeta::default(), maps, buffer.get_mut().unwrap());
            assert!(attached.is_err());
        }
    }

    #[test]
    fn a_mask_has_the_size_of_the_map_and_the_place_of_the_frame() {
        for (rest, width, height) in [
            ("queue", 320, 240),
            ("videoconvert ! video/x-raw,format=NV12", 320, 240),
            ("videoscale ! video/x-raw,width=160,height=480", 160, 480),
        ] {
            let buffer = through(odd_frame(), rest);
            let found = segmentation(&buffer);
            assert_eq!(found.place, (0, 0, width, height), "{rest}");
            let meta = found.mask.meta::<VideoMeta>().unwrap();
            assert_eq!((meta.width(), meta.height()), (256, 256));
            let mask = bytes(&found.mask);
            for region in result(&buffer).regions {
                let place = |along: u32, side: u32| (along * 256 / side) as usize;
                let row = place(region.y + region.h / 2, height);
                let (left, right) = (place(region.x, width), place(region.x + region.w, width));
                assert!(mask[row * 256..][left..right].contains(&255), "{region:?}");
            }
        }
        let normal = through(Pattern::Normal.buffer(&frame_info()), "queue");
        assert!(
            bytes(&segmentation(&normal).mask)
                .iter()
                .all(|&value| value == 0)
        );
    }
}
