//! igdfilter stores pictures that a user marks.

use std::fs;
use std::path::Path;

use crate::element::frame::{Pattern, gray_with, video_info};
use crate::element::model::models;
use crate::element::{PATIENCE, filter, harness};
use gst::prelude::*;
use gst_video::VideoFormat;
use gstigd::meta::{AnomalyMeta, MarkedMessage};
use igd::data::{Picture, pictures_in};
use igd::model::{Detector, Precision};
use tch::Device;

fn marked(bus: &gst::Bus) -> Option<MarkedMessage> {
    let message = bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Element])?;
    MarkedMessage::try_from(message.structure()?).ok()
}

#[test]
fn the_signal_stores_the_judged_picture_as_the_model_saw_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("part.safetensors");
    fs::copy(&models().both, &model).unwrap();
    let info = video_info(VideoFormat::Rgb, 512, 512);
    let element = filter(&model, "overlay=heatmap messages=none precision=f32");
    let mark = |good: bool| element.emit_by_name::<bool>("mark", &[&good]);
    assert!(!mark(true), "nothing is running");
    let (mut line, bus) = harness(&element);
    line.set_src_caps(info.to_caps().unwrap());
    assert!(!mark(true), "nothing has been judged");
    let frame = gray_with(&info, &[(Pattern::Odd, 64, 96)]);
    let result = line.push_and_pull(frame).unwrap();
    let result = AnomalyMeta::from_buffer(&result).unwrap().unwrap();

    assert!(mark(false));
    let message = marked(&bus).unwrap();
    assert!(!message.good && message.score == result.score);
    let bad = folder.path().join("part.marks/bad");
    let stored = pictures_in(&bad).unwrap();
    assert_eq!(stored, [Path::new(&message.location)]);
    // Not what was drawn on.
    let picture = Picture::open(&stored[0]).unwrap();
    let mut detector = Detector::open(&model, Device::Cpu, Precision::F32).unwrap();
    let score = detector
        .measure(&picture.resized((256, 256)))
        .unwrap()
        .score;
    assert!((score / result.score - 1.0).abs() < 1e-2, "{score}");

    // The last word on a picture holds, and the next picture is another one.
    assert!(mark(true));
    let message = marked(&bus).unwrap();
    assert!(message.good && pictures_in(&bad).unwrap().is_empty());
    line.push_and_pull(gray_with(&info, &[])).unwrap();
    assert!(mark(true));
    assert_ne!(marked(&bus).unwrap().location, message.location);
    let good = folder.path().join("part.marks/good");
    assert_eq!(pictures_in(&good).unwrap().len(), 2);
}

#[test]
fn a_picture_that_cannot_be_stored_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("part.safetensors");
    fs::copy(&models().both, &model).unwrap();
    fs::write(folder.path().join("part.marks"), "no folder").unwrap();
    let info = video_info(VideoFormat::Rgb, 512, 512);
    let element = filter(&model, "messages=none");
    let (mut line, bus) = harness(&element);
    line.set_src_caps(info.to_caps().unwrap());
    line.push_and_pull(gray_with(&info, &[])).unwrap();
    assert!(element.emit_by_name::<bool>("mark", &[&true]));
    let message = bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Warning]);
    let message = message.unwrap();
    let gst::MessageView::Warning(warning) = message.view() else {
        unreachable!();
    };
    let text = warning.error().message().to_owned();
    assert!(text.contains("the marked picture is not stored"), "{text}");
    // The stream goes on.
    line.push_and_pull(gray_with(&info, &[])).unwrap();
}
