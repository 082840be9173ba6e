//! Judges pictures with a model.

use std::path::Path;
use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::calibration::Calibration;
use super::config::{DenseConfig, ModelConfig};
use super::detection::{Detection, Scales};
use super::error::ModelError;
use super::file::Model;
use super::inference::{Inference, Stage, Stages};
use super::precision::Precision;
use super::regions::RegionFinder;
use crate::libtorch::{KeptBlocks, alone, guarded};

/// Pixels between two of a map's sample, in both directions: enough to calibrate, and thousands of maps fit in memory.
const SAMPLE_STEP: usize = 4;

/// Why a picture got no detection.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    #[error("the picture has {found} values, expected {expected}")]
    Size { found: usize, expected: usize },
    #[error("the score is {0}: the model's weights or the picture are not usable")]
    NotFinite(f32),
    #[error("inference failed: {0}")]
    Inference(String),
}

/// The raw numbers of a picture, before calibration.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    pub score: f32,
    pub scales: Scales,
    /// Every fourth pixel of every fourth row of the raw map.
    pub map_sample: Vec<f32>,
}

/// A model that is ready to judge.
#[derive(Debug)]
pub struct Detector {
    config: ModelConfig,
    calibration: Option<Calibration>,
    device: Device,
    kind: Kind,
    inference: Inference,
    threshold: Option<f32>,
    min_area: u32,
    max_regions: usize,
    region_finder: RegionFinder,
    /// The raw map of the last picture.
    map: Vec<f32>,
    _kept: KeptBlocks,
}

impl Detector {
    /// Reads a model file.
    pub fn open(path: &Path, device: Device, precision: Precision) -> Result<Self, ModelError> {
        let kind = precision.on(device)?;
        Self::new(alone(|| Model::open(path, device))?, device, kind)
    }

    /// `device` is where the model's networks are, `kind` what they shall compute in: see [`Precision::on`]. Fails when the
    /// system gives no threads.
    pub fn new(model: Model, device: Device, kind: Kind) -> Result<Self, ModelError> {
        let config = model.config;
        let [width, height] = config.input();
        Ok(Self {
            calibration: model.calibration,
            device,
            kind,
            inference: Inference::new(&config, model.networks, device, kind)?,
            threshold: None,
            min_area: 16,
            max_regions: 16,
            region_finder: RegionFinder::default(),
            map: vec![0.0; width * height],
            _kept: KeptBlocks::new(),
            config,
        })
    }

    /// Where the networks are, and what they compute in.
    pub fn target(&self) -> (Device, Kind) {
        (self.device, self.kind)
    }

    /// Threads that share a picture's work on the CPU.
    pub fn threads(&self) -> usize {
        self.inference.threads()
    }

    /// Additions and multiplications that a picture takes in the networks, by stage.
    pub fn operations(&self) -> Vec<(Stage, f64)> {
        self.inference.operations()
    }

    /// How the time of all pictures so far is spread.
    pub fn stages(&self) -> &Stages {
        self.inference.stages()
    }

    /// Width and height in pixels of the pictures to hand in.
    pub fn input_size(&self) -> (usize, usize) {
        self.config.input().into()
    }

    /// What a dense model consists of; `None` for other models.
    pub fn dense_config(&self) -> Option<&DenseConfig> {
        match &self.config {
            ModelConfig::Paper(_) => None,
            ModelConfig::Dense(config) => Some(config),
        }
    }

    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Replaces the model's calibration.
    pub fn set_calibration(&mut self, calibration: Calibration) {
        self.calibration = Some(calibration);
    }

    /// Raw score above which a picture is anomalous: the user's, the model's, or infinite where neither is known.
    pub fn threshold(&self) -> f32 {
        let calibrated = || self.calibration.map(|calibration| calibration.threshold);
        self.threshold.or_else(calibrated).unwrap_or(f32::INFINITY)
    }

    /// Overrides the model's threshold; `None` goes back to it.
    pub fn set_threshold(&mut self, threshold: Option<f32>) {
        self.threshold = threshold;
    }

    /// Which regions are reported: those of at least `min_area` pixels of the frame, and the `max_regions` largest.
    pub fn set_region_limits(&mut self, min_area: u32, max_regions: usize) {
        self.min_area = min_area;
        self.max_regions = max_regions;
    }

    /// Judges a picture: planar R, G, B, each `height * width` values of 0..=255 at [`Detector::input_size`]. Regions are in
    /// pixels of a frame of `frame` (width, height). `out` keeps its buffers from picture to picture.
    pub fn detect(
        &mut self,
        rgb: &[f32],
        frame: (u32, u32),
        out: &mut Detection,
    ) -> Result<(), DetectError> {
        let (score, scales) = self.infer(rgb)?;
        let threshold = self.threshold();
        let median = self
            .calibration
            .map_or(0.0, |calibration| calibration.median);
        out.score = score;
        out.scales = scales;
        out.threshold = threshold;
        out.anomalous = score > threshold;
        out.normalized = if threshold.is_finite() {
            Calibration::normalise(score, threshold, median)
        } else {
            0.0
        };
        let start = Instant::now();
        let (width, height) = self.input_size();
        (out.map.width, out.map.height) = (width, height);
        let values = &mut out.map.values;
        match self.calibration {
            Some(calibration) => {
                let pixel_threshold = match scales.dense {
                    // The score is the map's largest value: there are regions if and only if it is above its threshold.
                    Some(_) => threshold,
                    None => calibration.pixel_threshold,
                };
                let median = calibration.pixel_median;
                Calibration::normalise_all(&self.map, pixel_threshold, median, values);
            }
            // Nothing says which values are normal.
            None => {
                values.clear();
                values.resize(width * height, 0.0);
            }
        }
        let regions = &mut out.regions;
        self.region_finder
            .find(&out.map, frame, self.min_area, self.max_regions, regions);
        self.inference
            .stages_mut()
            .add(Stage::Regions, start.elapsed());
        Ok(())
    }

    /// The raw numbers of a picture, as [`Detector::detect`] takes it, to calibrate from.
    pub fn judge(&mut self, rgb: &[f32]) -> Result<Judgement, DetectError> {
        let (score, scales) = self.infer(rgb)?;
        Ok(self.judgement(score, scales))
    }

    /// As [`Detector::judge`], from the features (places, 304) of each tile of a picture: for dense models only.
    pub fn judge_features(&mut self, tiles: &[Tensor]) -> Result<Judgement, DetectError> {
        let (score, scales) = self.judge_by(|inference, map| {
            let judged = inference.judge(tiles, map);
            judged.unwrap_or((f32::NAN, Scales::default()))
        })?;
        Ok(self.judgement(score, scales))
    }

    fn judgement(&self, score: f32, scales: Scales) -> Judgement {
        let (width, _) = self.input_size();
        let rows = self.map.chunks(width).step_by(SAMPLE_STEP);
        Judgement {
            score,
            scales,
            map_sample: rows
                .flat_map(|row| row.iter().step_by(SAMPLE_STEP))
                .copied()
                .collect(),
        }
    }

    /// The raw map of the last picture, row by row.
    pub fn raw_map(&self) -> &[f32] {
        &self.map
    }

    /// Score and terms; the map goes to `self.map`.
    fn infer(&mut self, rgb: &[f32]) -> Result<(f32, Scales), DetectError> {
        let (width, height) = self.input_size();
        let expected = 3 * width * height;
        if rgb.len() != expected {
            return Err(DetectError::Size {
                found: rgb.len(),
                expected,
            });
        }
        self.judge_by(|inference, map| inference.run(rgb, map))
    }

    fn judge_by(
        &mut self,
        work: impl FnOnce(&mut Inference, &mut [f32]) -> (f32, Scales),
    ) -> Result<(f32, Scales), DetectError> {
        let (inference, map) = (&mut self.inference, &mut self.map[..]);
        let (score, scales) = guarded(|| work(inference, map)).map_err(DetectError::Inference)?;
        if score.is_finite() && self.map.iter().all(|value| value.is_finite()) {
            Ok((score, scales))
        } else {
            Err(DetectError::NotFinite(score))
        }
    }
}
