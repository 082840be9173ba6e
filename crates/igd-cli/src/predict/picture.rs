//! A picture's line, map and overlay.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use igd::data::Picture;
use igd::files::{write_atomically, write_png};
use igd::model::{Detection, Detector, Region, Scales};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use serde::Serialize;

use super::plan::PicturePlan;
use super::{Arguments, Lines};
use crate::output::note;
use crate::overlay::paint;

/// What is said of a picture.
#[derive(Serialize)]
struct PictureLine<'a> {
    path: &'a Path,
    score: f32,
    normalized: f32,
    threshold: f32,
    anomalous: bool,
    scales: Scales,
    regions: &'a [Region],
}

/// The model, opened at the first picture, and what it has found.
struct Predictor {
    detector: Detector,
    detection: Detection,
}

/// Predicts one picture after the other.
pub struct Pictures<'a> {
    arguments: &'a Arguments,
    predictor: Option<Predictor>,
    left_out: usize,
}

impl<'a> Pictures<'a> {
    pub fn new(arguments: &'a Arguments) -> Self {
        Self {
            arguments,
            predictor: None,
            left_out: 0,
        }
    }

    /// How many could not be used so far.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Writes a picture's line and files; one that cannot be used is told of and left out.
    pub fn predict<W: Write>(
        &mut self,
        plan: &PicturePlan,
        lines: &mut Lines<W>,
    ) -> anyhow::Result<()> {
        match Picture::open(&plan.path) {
            Ok(picture) => self.judge(plan, picture, lines),
            Err(error) if self.arguments.strict => Err(error.into()),
            Err(error) => {
                note(format_args!("left out: {error}"));
                self.left_out += 1;
                Ok(())
            }
        }
    }

    fn judge<W: Write>(
        &mut self,
        plan: &PicturePlan,
        picture: Picture,
        lines: &mut Lines<W>,
    ) -> anyhow::Result<()> {
        let Predictor {
            detector,
            detection,
        } = match &mut self.predictor {
            Some(predictor) => predictor,
            None => self.predictor.insert(Predictor {
                detector: self.arguments.target.open(&self.arguments.model)?,
                detection: Detection::default(),
            }),
        };
        let picture = picture.of_significant_bits(detector.significant_bits());
        let rgb = picture.resized(detector.input_size());
        detector
            .detect(&rgb, picture.size(), detection)
            .with_context(|| plan.path.display().to_string())?;
        if let Some(path) = &plan.map {
            let (width, height) = detector.input_size();
            let map = Array2::from_shape_vec((height, width), detector.raw_map())?;
            let mut npy = Vec::new();
            map.write_npy(&mut npy)?;
            write_atomically(path, &npy).with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &plan.overlay {
            let painted = paint(picture, detection)?;
            write_png(path, &painted.into()).with_context(|| path.display().to_string())?;
        }
        lines.serialize(&PictureLine {
            path: &plan.path,
            score: detection.score,
            normalized: detection.normalized,
            threshold: detection.threshold,
            anomalous: detection.anomalous,
            scales: detection.scales,
            regions: &detection.regions,
        })
    }
}
