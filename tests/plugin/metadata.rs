//! What igdfilter hangs on a buffer, as the elements after it see it.

use std::ffi::{CStr, c_uint};
use std::ptr;

use crate::element::frame::{Pattern, bytes, gray_with, video_info};
use crate::element::{init, model::models};
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo, VideoRegionOfInterestMeta};
use gstigd::meta::AnomalyMeta;

/// Sends an odd frame of 64x48 through igdfilter and the elements of `rest`.
fn through(rest: &str) -> gst::Buffer {
    init();
    let model = models().both.display();
    let mut harness = Harness::new_parse(&format!(
        "igdfilter name=first model={model} overlay=none ! {rest} ! identity"
    ));
    let info = frame_info();
    harness.set_src_caps(info.to_caps().unwrap());
    let mut buffer = Pattern::Odd.buffer(&info);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    // The queue hands it on from another thread.
    harness.push(buffer).unwrap();
    harness.pull().unwrap()
}

fn frame_info() -> VideoInfo {
    video_info(VideoFormat::I420, 64, 48)
}

fn result(buffer: &gst::Buffer) -> AnomalyMeta {
    AnomalyMeta::from_buffer(buffer)
        .unwrap()
        .expect("no result on the buffer")
}

fn rectangles(buffer: &gst::Buffer) -> Vec<(u32, u32, u32, u32)> {
    buffer
        .iter_meta::<VideoRegionOfInterestMeta>()
        .filter(|region| region.roi_type() == "anomaly")
        .map(|region| region.rect())
        .collect()
}

fn direct() -> AnomalyMeta {
    let result = result(&through("queue"));
    assert!(result.anomalous && !result.regions.is_empty());
    AnomalyMeta {
        inference_ms: 0.0,
        ..result
    }
}

#[test]
fn a_result_comes_through_queue_and_videoconvert() {
    let expected = direct();
    for format in ["BGRA", "NV12", "GRAY16_LE"] {
        let buffer = through(&format!(
            "queue ! videoconvert ! video/x-raw,format={format} ! queue"
        ));
        let found = result(&buffer);
        assert!(found.inference_ms > 0.0);
        assert_eq!(
            AnomalyMeta {
                inference_ms: 0.0,
                ..found
            },
            expected,
            "{format}"
        );
        let places: Vec<_> = expected
            .regions
            .iter()
            .map(|region| (region.x, region.y, region.w, region.h))
            .collect();
        assert_eq!(rectangles(&buffer), places);
    }
}

#[test]
fn places_move_along_when_a_frame_is_scaled() {
    let expected = direct();
    for (width, height) in [(128, 96), (32, 24), (100, 480)] {
        let buffer = through(&format!(
            "queue ! videoconvert ! video/x-raw,format=RGB ! videoscale add-borders=false ! \
            video/x-raw,width={width},height={height}"
        ));
        let found = result(&buffer);
        assert_eq!((found.width, found.height), (width, height));
        assert_eq!(found.regions.len(), expected.regions.len());
        let (across, down) = (f64::from(width) / 64.0, f64::from(height) / 48.0);
        for (found, expected) in found.regions.iter().zip(&expected.regions) {
            let near = |found: u32, expected: u32, ratio: f64| {
                (f64::from(found) - f64::from(expected) * ratio).abs() < 2.0
            };
            assert!(
                near(found.x, expected.x, across)
                    && near(found.y, expected.y, down)
                    && near(found.w, expected.w, across)
                    && near(found.h, expected.h, down),
                "{found:?} and {expected:?}"
            );
            assert_eq!(found.score, expected.score);
        }
        // GStreamer moves the regions of interest by itself.
        for (place, region) in rectangles(&buffer).iter().zip(&found.regions) {
            assert!(place.0.abs_diff(region.x) <= 1 && place.3.abs_diff(region.h) <= 2);
        }
        // What has not to do with places is as it was.
        assert_eq!(
            (found.score, found.scales),
            (expected.score, expected.scales)
        );
    }
}

#[test]
fn one_element_scales_and_converts() {
    let buffer = through("videoconvertscale ! video/x-raw,format=RGBA,width=128,height=96");
    assert_eq!((result(&buffer).width, result(&buffer).height), (128, 96));
}

#[test]
fn two_filters_leave_two_results() {
    init();
    let global = models().global_only.display();
    let buffer = through(&format!(
        "igdfilter name=second model={global} overlay=none"
    ));
    let found = result(&buffer);
    let models: Vec<_> = found.results.iter().map(|it| it.model.as_str()).collect();
    assert_eq!(models, ["element-both", "element-global"]);
    let elements: Vec<_> = found.results.iter().map(|it| it.element.as_str()).collect();
    assert_eq!(elements, ["first", "second"]);
    // Each region of interest names its element.
    for element in elements {
        let theirs = buffer
            .iter_meta::<VideoRegionOfInterestMeta>()
            .filter(|region| {
                let detection = region.param("detection").unwrap();
                detection.get::<&str>("element") == Ok(element)
            });
        let result = found.results.iter().find(|it| it.element == element);
        assert_eq!(theirs.count(), result.unwrap().regions.len());
    }
}

/// The upper left part is normal, the rest of the frame is not.
#[test]
fn a_defect_that_the_second_filter_finds_is_the_frame_s() {
    init();
    let model = models().global_only.display();
    let regions = [("good", "0,0,256,256"), ("bad", "256,0,256,256")];
    for order in [[0, 1], [1, 0]] {
        let filters = order.map(|index| {
            let (name, region) = regions[index];
            format!("igdfilter name={name} model={model} overlay=none region={region}")
        });
        let mut harness = Harness::new_parse(&format!("{} ! identity", filters.join(" ! ")));
        let info = video_info(VideoFormat::Rgb, 512, 256);
        harness.set_src_caps(info.to_caps().unwrap());
        let patterns = [(Pattern::Normal, 0, 0), (Pattern::Odd, 256, 0)];
        let found = result(&harness.push_and_pull(gray_with(&info, &patterns)).unwrap());
        assert!(found.anomalous);
        assert_eq!(found.element, "bad");
        let each: Vec<_> = found.each().iter().map(|it| it.element.as_str()).collect();
        assert_eq!(each, order.map(|index| regions[index].0));
    }
}

#[test]
fn regions_of_interest_carry_a_detection() {
    let buffer = through("queue");
    let expected = result(&buffer);
    let regions: Vec<_> = buffer.iter_meta::<VideoRegionOfInterestMeta>().collect();
    assert_eq!(regions.len(), expected.regions.len());
    for (found, expected) in regions.iter().zip(&expected.regions) {
        assert_eq!(found.roi_type(), "anomaly");
        assert_eq!(
            found.rect(),
            (expected.x, expected.y, expected.w, expected.h)
        );
        let detection = found.param("detection").unwrap();
        let share = |name: &str| detection.get::<f64>(name).unwrap();
        assert_eq!(detection.get::<i32>("label_id"), Ok(1));
        assert_eq!(share("confidence"), f64::from(expected.score));
        assert_eq!(share("x_min"), f64::from(expected.x) / 64.0);
        assert_eq!(share("x_max"), f64::from(expected.x + expected.w) / 64.0);
        assert_eq!(share("y_min"), f64::from(expected.y) / 48.0);
        assert_eq!(share("y_max"), f64::from(expected.y + expected.h) / 48.0);
        assert_eq!(detection.get::<&str>("model_name"), Ok("element-both"));
    }
}

#[test]
fn no_two_regions_of_interest_have_one_id() {
    init();
    let global = models().global_only.display();
    let buffer = through(&format!("igdfilter model={global} overlay=none"));
    let mut ids: Vec<_> = buffer
        .iter_meta::<VideoRegionOfInterestMeta>()
        .map(|region| region.id())
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert!(count > 1 && ids.len() == count, "{ids:?}");
    assert!(
        !ids.contains(&0),
        "the id of those to which nobody gave one"
    );
}

/// As a program in C reads it, by names alone.
#[test]
fn c_reads_the_result_by_name() {
    let buffer = through("queue ! videoconvert ! video/x-raw,format=RGB");
    let expected = result(&buffer);
    // SAFETY: the buffer outlives all that is read of it.
    unsafe {
        let meta =
            gst::ffi::gst_buffer_get_custom_meta(buffer.as_mut_ptr(), c"IgdAnomalyMeta".as_ptr());
        assert!(!meta.is_null());
        let structure = gst::ffi::gst_custom_meta_get_structure(meta);
        assert!(!structure.is_null());

        let double = |structure, name: &CStr| {
            let mut value = f64::NAN;
            let there = gst::ffi::gst_structure_get_double(structure, name.as_ptr(), &mut value);
            assert_ne!(there, 0, "{name:?}");
            value as f32
        };
        let uint = |structure, name: &CStr| {
            let mut value: c_uint = 0;
            let there = gst::ffi::gst_structure_get_uint(structure, name.as_ptr(), &mut value);
            assert_ne!(there, 0, "{name:?}");
            value
        };
        assert_eq!(double(structure, c"score"), expected.score);
        assert_eq!(double(structure, c"normalized"), expected.normalized);
        assert_eq!(double(structure, c"threshold"), expected.threshold);
        let (global, local) = (
            expected.scales.global.unwrap(),
            expected.scales.local.unwrap(),
        );
        assert_eq!(
            double(structure, c"global-reconstruction"),
            global.reconstruction
        );
        assert_eq!(double(structure, c"global-gaussian"), global.gaussian);
        assert_eq!(
            double(structure, c"local-reconstruction"),
            local.reconstruction
        );
        assert_eq!(double(structure, c"local-gaussian"), local.gaussian);
        assert!(double(structure, c"inference-ms") > 0.0);
        assert_eq!(uint(structure, c"age"), 0);
        assert_eq!(uint(structure, c"width"), 64);
        assert_eq!(uint(structure, c"height"), 48);
        let mut anomalous = glib::ffi::GFALSE;
        assert_ne!(
            gst::ffi::gst_structure_get_boolean(structure, c"anomalous".as_ptr(), &mut anomalous),
            0
        );
        assert_ne!(anomalous, glib::ffi::GFALSE);
        let model = gst::ffi::gst_structure_get_string(structure, c"model".as_ptr());
        assert_eq!(CStr::from_ptr(model), c"element-both");

        let regions = gst::ffi::gst_structure_get_value(structure, c"regions".as_ptr());
        assert_ne!(regions, ptr::null());
        let count = gst::ffi::gst_value_array_get_size(regions);
        assert_eq!(count as usize, expected.regions.len());
        for (index, expected) in (0..count).zip(&expected.regions) {
            let region = gst::ffi::gst_value_get_structure(gst::ffi::gst_value_array_get_value(
                regions, index,
            ));
            assert_ne!(
                gst::ffi::gst_structure_has_name(region, c"region".as_ptr()),
                0
            );
            assert_eq!(uint(region, c"x"), expected.x);
            assert_eq!(uint(region, c"y"), expected.y);
            assert_eq!(uint(region, c"w"), expected.w);
            assert_eq!(uint(region, c"h"), expected.h);
            assert_eq!(uint(region, c"area"), expected.area);
            assert_eq!(double(region, c"score"), expected.score);
        }
    }
}

#[test]
fn an_overlay_does_not_change_the_result() {
    init();
    let model = models().both.display();
    let found = ["none", "heatmap+regions"].map(|overlay| {
        let mut harness = Harness::new_parse(&format!(
            "igdfilter name=first model={model} overlay={overlay}"
        ));
        let info = frame_info();
        harness.set_src_caps(info.to_caps().unwrap());
        let buffer = harness.push_and_pull(Pattern::Odd.buffer(&info)).unwrap();
        let found = AnomalyMeta {
            inference_ms: 0.0,
            ..result(&buffer)
        };
        (found, bytes(&buffer))
    });
    assert_eq!(found[0].0, found[1].0);
    assert!(found[0].1 != found[1].1);
}
