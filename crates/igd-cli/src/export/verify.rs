//! Whether a graph judges as the model that it was made of.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use anyhow::{Context, bail};
use igd::data::{Picture, pictures_below};
use igd::model::{Detection, Detector, Precision};
use serde::Serialize;
use tch::Device;

use super::differences::{Comparison, Differences};
use super::runtime::Runtime;
use crate::left_out::LeftOut;
use crate::progress::Progress;

/// What the pictures of a folder have shown.
#[derive(Serialize)]
pub struct Verified {
    /// What ran the graph.
    runtime: String,
    pictures: usize,
    left_out: usize,
    #[serde(flatten)]
    differences: Differences,
}

/// Judges each picture with both.
pub fn verify(model: &Path, graph: &Path, folder: &Path) -> anyhow::Result<Verified> {
    let paths = pictures_below(folder)?;
    let mut detector = Detector::open(model, Device::Cpu, Precision::F32)?;
    let calibration = detector.calibration().copied();
    let calibration = calibration
        .with_context(|| format!("{}: it has no threshold to verify", model.display()))?;
    let mut runtime = Runtime::new(graph, detector.input_size())?;
    let mut detection = Detection::default();
    let mut comparison = Comparison::default();
    let mut left_out = 0;
    let mut progress = Progress::new();
    progress.stage("verifying");
    for (number, path) in paths.iter().enumerate() {
        let count = paths.len();
        progress.at(number as f64 / count as f64, || {
            format!("{number} of {count} pictures")
        });
        let picture = match Picture::open(path) {
            Ok(picture) => picture.of_significant_bits(detector.significant_bits()),
            Err(error) => {
                progress.note(&format!("left out: {error}"));
                left_out += 1;
                continue;
            }
        };
        let named = || path.display().to_string();
        let rgb = picture.resized(detector.input_size());
        detector
            .detect(&rgb, picture.size(), &mut detection)
            .with_context(named)?;
        let seen: Vec<f32> = rgb.iter().map(|value| value / 255.0).collect();
        let outputs = runtime.run(&seen).with_context(named)?;
        comparison.add(&outputs, &detection, &detector.raw_map());
    }
    progress.finish();
    let pictures = paths.len() - left_out;
    if pictures == 0 {
        bail!("{}: no pictures in it to verify with", folder.display());
    }
    Ok(Verified {
        runtime: runtime.name.clone(),
        pictures,
        left_out,
        differences: comparison.differences(&calibration),
    })
}

impl Verified {
    /// Fails where the graph judges otherwise, or a picture was left out.
    pub fn check(&self, graph: &Path) -> anyhow::Result<()> {
        if !self.differences.are_small() {
            bail!("{}: it judges otherwise than the model", graph.display());
        }
        Ok(LeftOut::pictures(self.left_out).check()?)
    }
}

impl Display for Verified {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            runtime, pictures, ..
        } = self;
        write!(
            f,
            "in {runtime}, {pictures} pictures; largest differences, of the largest number:"
        )?;
        for (output, share) in self.differences.of_outputs() {
            write!(f, "\n  {output:<16} {share:.1e}")?;
        }
        write!(
            f,
            "\n  {:<16} {} differ",
            "verdicts", self.differences.verdicts
        )
    }
}
