//! Frames that no longer look like the pictures that a model was calibrated with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::common::network::has_weights;
use crate::common::{small_dense_training, textures};
use crate::element::filter;
use crate::element::frame::video_info;
use crate::element::frame_harness::FrameHarness;
use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use gstigd::meta::{AnomalyMeta, DriftMessage};
use igd::criterion::{DRIFT_WINDOW, FEWEST_FOR_DRIFT};
use igd::train::train;
use tempfile::TempDir;

const SIDE: u32 = 64;

/// A small dense model of textures that tells drift.
fn model() -> &'static Path {
    static MODEL: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, model) = MODEL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let [data, out] = ["good", "textures.safetensors"].map(|name| folder.path().join(name));
        textures::write(&data, 0..FEWEST_FOR_DRIFT, (SIDE, SIDE));
        let options = small_dense_training(&data, &out, SIDE as usize, 16);
        train(&options, |_| ()).unwrap();
        (folder, out)
    });
    model
}

fn line(properties: &str) -> FrameHarness {
    let info = video_info(VideoFormat::Gray8, SIDE, SIDE);
    FrameHarness::new(filter(model(), properties), info)
}

impl FrameHarness {
    /// Passes so many new textures of a brightness: the drift that the last of them bears.
    fn textures(&mut self, frames: usize, brightness: f32) -> Option<f32> {
        let frame = |info: &VideoInfo, number: u64| {
            let texture = textures::texture(number as usize + 7, (info.width(), info.height()));
            let samples = texture.into_raw().into_iter();
            let samples = samples.map(|value| (f32::from(value) * brightness) as u8);
            gst::Buffer::from_mut_slice(samples.collect::<Vec<_>>())
        };
        let last = (0..frames).map(|_| self.pass(frame).unwrap()).last();
        let result = AnomalyMeta::from_buffer(&last.unwrap()).unwrap();
        result.unwrap().drift
    }

    fn drifts(&self) -> Vec<DriftMessage> {
        let structures = self.structures();
        let messages = structures.map(|one| DriftMessage::try_from(one.as_ref()).ok());
        messages.flatten().collect()
    }
}

#[test]
fn it_is_told_when_it_comes_and_when_it_goes() {
    if !has_weights() {
        return;
    }
    let mut line = line("watch-drift=true");
    assert_eq!(line.textures(DRIFT_WINDOW - 1, 1.0), None);
    let usual = line.textures(DRIFT_WINDOW, 1.0).unwrap();
    assert!(usual < 1.0 && line.drifts().is_empty(), "{usual}");
    let dark = line.textures(DRIFT_WINDOW, 0.6).unwrap();
    assert!(dark > 1.0, "{dark}");
    let told = line.drifts();
    assert!(
        told.len() == 1 && told[0].drifted && told[0].drift > 1.0,
        "{told:?}"
    );
    let stats = line.element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<f64>("drift").unwrap(), f64::from(dark));
    let usual = line.textures(DRIFT_WINDOW, 1.0).unwrap();
    let told = line.drifts();
    line.element.set_property("watch-drift", false);
    assert_eq!(line.textures(1, 1.0), None);
    assert!(
        usual < 1.0 && told.len() == 1 && !told[0].drifted,
        "{usual} {told:?}"
    );
}

/// Where another part is inspected it is not known until enough frames of that have come, and with a mask never.
#[test]
fn it_is_of_all_of_one_part() {
    if !has_weights() {
        return;
    }
    let mut line = line("watch-drift=true messages=none");
    assert!(line.textures(DRIFT_WINDOW, 0.6).unwrap() > 1.0);
    assert!(line.drifts().is_empty());
    line.element.set_property("region", "0,0,32,64");
    assert_eq!(line.textures(DRIFT_WINDOW - 1, 1.0), None);
    assert!(line.textures(1, 1.0).is_some());

    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.png");
    let white = |x: u32| [if x < 32 { 255 } else { 0 }].into();
    image::GrayImage::from_fn(SIDE, SIDE, |x, _| white(x))
        .save(&mask)
        .unwrap();
    let mut masked = self::line(&format!(
        "watch-drift=true mask-location={}",
        mask.display()
    ));
    assert_eq!(masked.textures(DRIFT_WINDOW, 1.0), None);
}
