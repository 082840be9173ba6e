//! A test set's pictures, judged.

use std::path::Path;

use anyhow::Context;
use igd::data::{TestPicture, group_of, test_pictures};
use igd::eval::{PixelMetrics, Pixels, Scored};
use igd::model::Detection;

use super::Arguments;
use super::results::{Pictures, Results, detect};
use crate::progress::Progress;

/// Judges the pictures of a folder with a model.
pub fn evaluate(model: &Path, data: &Path, arguments: &Arguments) -> anyhow::Result<Results> {
    let pictures = test_pictures(data, &arguments.selection.selection())?;
    let groups = group_of(data);
    let mut detector = match arguments.scale {
        None => arguments.target.open(model)?,
        Some(scale) => arguments.target.open_scale(model, scale.into())?,
    };
    let mut detection = Detection::default();
    let mut scored = Vec::with_capacity(pictures.len());
    let mut skipped = 0;
    let mut samples = Vec::with_capacity(pictures.len());
    let has_mask = |picture: &TestPicture| picture.mask.is_some();
    let mut pixels = pictures.iter().any(has_mask).then(Pixels::default);
    let mut progress = Progress::new();
    progress.stage("judging");
    for picture in &pictures {
        let rgb = match picture.sample.open_as(detector.significant_bits()) {
            Ok(rgb) => rgb,
            Err(error) if arguments.strict => return Err(error.into()),
            Err(error) => {
                skipped += 1;
                progress.note(&format!("left out: {error}"));
                continue;
            }
        };
        detect(&mut detector, &rgb, &mut detection).with_context(|| picture.sample.to_string())?;
        if let Some(pixels) = &mut pixels {
            let truth = picture.ground_truth(rgb.size())?;
            pixels.add(&detector.raw_map(), detector.input_size(), truth.as_ref());
        }
        let file = picture.sample.file();
        let name = file.file_name().and_then(|name| name.to_str());
        let inside = picture
            .sample
            .name_in(file.strip_prefix(data).unwrap_or(file));
        scored.push(Scored {
            name: inside.display().to_string(),
            kind: picture.kind.clone(),
            group: name.and_then(|name| groups.get(name)).cloned(),
            anomalous: picture.anomalous,
            score: detection.score,
            scales: detection.scales,
        });
        samples.push(picture.sample.clone());
        let done = scored.len();
        progress.at(done as f64 / pictures.len() as f64, || {
            format!("{done} of {} pictures", pictures.len())
        });
    }
    progress.finish();
    Ok(Results {
        about: vec![
            ("model", model.display().to_string()),
            ("profile", detector.config().describe().to_owned()),
            ("data", data.display().to_string()),
        ],
        scored,
        threshold: detector.threshold(),
        skipped,
        pixels: pixels.map_or_else(PixelMetrics::default, Pixels::measure),
        pictures: Some(Pictures::new(samples, detector)),
    })
}
