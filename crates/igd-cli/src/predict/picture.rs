//! A picture's line, map and overlay.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use igd::data::Picture;
use igd::model::{Detection, Detector, Region, Scales};
use ndarray::ArrayView2;
use serde::Serialize;

use super::{Arguments, Lines, beside};
use crate::overlay::paint;

/// What is said of a picture.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a Path,
    score: f32,
    normalized: f32,
    threshold: f32,
    anomalous: bool,
    scales: Scales,
    regions: &'a [Region],
}

/// The model, opened at the first picture.
pub struct Predictor {
    detector: Detector,
    detection: Detection,
}

pub fn predict<W: Write>(
    predictor: &mut Option<Predictor>,
    arguments: &Arguments,
    path: &Path,
    lines: &mut Lines<W>,
) -> anyhow::Result<()> {
    let Predictor {
        detector,
        detection,
    } = match predictor {
        Some(predictor) => predictor,
        None => predictor.insert(Predictor {
            detector: arguments.target.open(&arguments.model)?,
            detection: Detection::default(),
        }),
    };
    let picture = Picture::open(path)?;
    let rgb = picture.resized(detector.input_size());
    detector
        .detect(&rgb, picture.size(), detection)
        .with_context(|| path.display().to_string())?;
    if let Some(folder) = &arguments.map_dir {
        let (width, height) = detector.input_size();
        let map = ArrayView2::from_shape((height, width), detector.raw_map())?;
        ndarray_npy::write_npy(beside(folder, path, "npy")?, &map)?;
    }
    if let Some(folder) = &arguments.overlay_dir {
        let out = beside(folder, path, "png")?;
        paint(picture, detection)?
            .save(&out)
            .with_context(|| out.display().to_string())?;
    }
    lines.serialize(&Line {
        path,
        score: detection.score,
        normalized: detection.normalized,
        threshold: detection.threshold,
        anomalous: detection.anomalous,
        scales: detection.scales,
        regions: &detection.regions,
    })
}
