//! `igd calibrate`: it and the element agree on what a mask leaves, and it takes no threshold away.

use std::fs;
use std::path::Path;

use crate::element::frame::{Pattern, bytes, gray_with, video_info};
use crate::element::model::models;
use crate::element::{filter, harness};
use crate::program::{command, failure};
use gst_video::VideoFormat;
use gstigd::meta::AnomalyMeta;
use image::{GrayImage, RgbImage};

const SIDE: u32 = 256;

/// The threshold is that of what is inspected when the model is calibrated with the same mask.
#[test]
fn a_model_is_calibrated_with_the_mask_that_it_gets() {
    let folder = tempfile::tempdir().unwrap();
    let info = video_info(VideoFormat::Rgb, 3 * SIDE, 2 * SIDE);
    let mask = folder.path().join("left.png");
    let left = |x, _| image::Luma([if x < SIDE + SIDE / 2 { 255 } else { 0 }]);
    GrayImage::from_fn(3 * SIDE, 2 * SIDE, left)
        .save(&mask)
        .unwrap();
    // What lies on the left hardly changes, what lies on the right always does.
    let scene = |number: u32, left: Pattern| {
        gray_with(&info, &[(left, 0, 0), (Pattern::Odd, 2 * SIDE, 8 * number)])
    };
    let pictures = folder.path().join("good");
    fs::create_dir(&pictures).unwrap();
    for number in 0..8 {
        let pixels = bytes(&scene(number, Pattern::Normal));
        let picture = RgbImage::from_raw(3 * SIDE, 2 * SIDE, pixels).unwrap();
        picture
            .save(pictures.join(format!("{number}.png")))
            .unwrap();
    }
    let inspect = |properties: &str, model: &Path, frame: gst::Buffer| {
        let (mut harness, _bus) = harness(&filter(model, properties));
        harness.set_src_caps(info.to_caps().unwrap());
        let buffer = harness.push_and_pull(frame).unwrap();
        AnomalyMeta::from_buffer(&buffer).unwrap().unwrap()
    };
    let thresholds = [false, true].map(|masked| {
        let model = folder.path().join("model.safetensors");
        fs::copy(&models().both, &model).unwrap();
        let mut igd = command(&["calibrate", "--precision", "f32", "--model"]);
        igd.arg(&model).arg("--data").arg(&pictures);
        if masked {
            igd.arg("--mask").arg(&mask);
        }
        assert!(igd.output().unwrap().status.success());
        let properties = format!(
            "overlay=none precision=f32 mask-location={}",
            mask.display()
        );
        let [normal, odd] = [Pattern::Normal, Pattern::Odd]
            .map(|pattern| inspect(&properties, &model, scene(3, pattern)));
        assert!(odd.score > normal.score);
        assert!(!normal.anomalous);
        // Only the right threshold is so near.
        assert_eq!(odd.anomalous, masked, "{} of {}", odd.score, odd.threshold);
        normal.threshold
    });
    assert!(thresholds[1] < thresholds[0], "{thresholds:?}");
}

/// Without thresholds nothing would ever be found.
#[test]
fn a_model_keeps_its_thresholds_where_no_picture_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    fs::copy(&models().both, &model).unwrap();
    let before = fs::read(&model).unwrap();
    let data = folder.path().join("good");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("0.png"), "no picture").unwrap();
    let mut igd = command(&["calibrate", "--model"]);
    let output = igd.arg(&model).arg("--data").arg(&data).output().unwrap();
    let text = failure(output);
    assert!(
        text.contains("none of its 1 pictures can be used"),
        "{text}"
    );
    assert!(fs::read(&model).unwrap() == before);
}
