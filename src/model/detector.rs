//! Judges pictures with a model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::calibration::Calibration;
use super::config::ModelConfig;
use super::detection::{Detection, ScaleTerms, Scales};
use super::error::ModelError;
use super::file::Model;
use super::networks::{Networks, Scale};
use super::regions::RegionFinder;
use crate::criterion::{self, MsSsim, PatchFold, residual_map};
use crate::libtorch::KeptBlocks;
use crate::nn::{Autoencoder, Global, Local, Mode, patches};

/// Patches that go through the local network together: more would leave the cache.
const PATCH_BATCH: i64 = 45;

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
    networks: Networks,
    device: Device,
    global_criterion: MsSsim,
    local_criterion: MsSsim,
    fold: PatchFold,
    mean: Tensor,
    std: Tensor,
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
    pub fn open(path: &Path, device: Device) -> Result<Self, ModelError> {
        let open = || Ok(Self::new(Model::open(path, device)?, device));
        // Each thread that uses libtorch gets OpenMP workers of its own, and as soon as there are more than cores, they sleep
        // where they would wait, which makes inference half as fast again. So whoever opens a model leaves none behind for
        // the thread that judges with it.
        std::thread::scope(|scope| scope.spawn(open).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// `device` is where the model's networks are.
    pub fn new(model: Model, device: Device) -> Self {
        let config = model.config;
        let per_channel = |values: [f64; 3]| {
            // The networks see x / 255 normalised; here both are one step.
            Tensor::from_slice(&values.map(|value| (value * 255.0) as f32))
                .to_device(device)
                .view([1, 3, 1, 1])
        };
        let [width, height] = config.input;
        Self {
            global_criterion: MsSsim::global(config.range, device),
            local_criterion: MsSsim::local(config.range, device),
            fold: PatchFold::new(device),
            mean: per_channel(config.normalisation.mean),
            std: per_channel(config.normalisation.std),
            calibration: model.calibration,
            networks: model.networks,
            device,
            threshold: None,
            min_area: 16,
            max_regions: 16,
            region_finder: RegionFinder::default(),
            map: vec![0.0; width * height],
            _kept: KeptBlocks::new(),
            config,
        }
    }

    /// Width and height in pixels of the pictures to hand in.
    pub fn input_size(&self) -> (usize, usize) {
        (self.config.input[0], self.config.input[1])
    }

    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
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
        let (width, height) = self.input_size();
        (out.map.width, out.map.height) = (width, height);
        out.map.values.clear();
        match self.calibration {
            Some(calibration) => out.map.values.extend(self.map.iter().map(|&value| {
                let Calibration {
                    pixel_threshold,
                    pixel_median,
                    ..
                } = calibration;
                Calibration::normalise(value, pixel_threshold, pixel_median)
            })),
            // Nothing says which values are normal.
            None => out.map.values.resize(width * height, 0.0),
        }
        let regions = &mut out.regions;
        self.region_finder
            .find(&out.map, frame, self.min_area, self.max_regions, regions);
        Ok(())
    }

    /// The raw numbers of a picture, as [`Detector::detect`] takes it, to calibrate from.
    pub fn judge(&mut self, rgb: &[f32]) -> Result<Judgement, DetectError> {
        let (score, scales) = self.infer(rgb)?;
        let rows = self.map.chunks(self.config.input[0]).step_by(SAMPLE_STEP);
        Ok(Judgement {
            score,
            scales,
            map_sample: rows
                .flat_map(|row| row.iter().step_by(SAMPLE_STEP))
                .copied()
                .collect(),
        })
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
        let mut map = std::mem::take(&mut self.map);
        map.resize(width * height, 0.0);
        // libtorch's errors (out of memory, a lost GPU) come as panics of the plain operations.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _guard = tch::no_grad_guard();
            let picture = Tensor::from_slice(rgb).to_device(self.device).view([
                1,
                3,
                height as i64,
                width as i64,
            ]);
            let picture = (picture - &self.mean) / &self.std;
            let (score, scales, raw_map) = self.forward(&picture);
            raw_map
                .to_device(Device::Cpu)
                .contiguous()
                .copy_data(&mut map, width * height);
            (score, scales)
        }));
        self.map = map;
        let (score, scales) = result.map_err(|panic| DetectError::Inference(text_of(panic)))?;
        if score.is_finite() && self.map.iter().all(|value| value.is_finite()) {
            Ok((score, scales))
        } else {
            Err(DetectError::NotFinite(score))
        }
    }

    /// (1, 3, 256, 256), normalised, to score, terms and map (1, 1, 256, 256).
    fn forward(&self, picture: &Tensor) -> (f32, Scales, Tensor) {
        let weights = &self.config.score;
        let global = self
            .networks
            .global
            .as_ref()
            .map(|scale| self.forward_global(scale, picture));
        let local = self
            .networks
            .local
            .as_ref()
            .map(|scale| self.forward_local(scale, picture));
        let terms =
            |result: &Option<(ScaleTerms, Tensor)>| result.as_ref().map(|(terms, _)| *terms);
        let scales = Scales {
            global: terms(&global),
            local: terms(&local),
        };
        let score = weights.combine(
            scales
                .global
                .map(|terms| weights.global.mix(terms.reconstruction, terms.gaussian)),
            scales
                .local
                .map(|terms| weights.local.mix(terms.reconstruction, terms.gaussian)),
        );
        let share = f64::from(weights.global_share);
        let map = match (global, local) {
            (Some((_, global)), Some((_, local))) => global * share + local * (1.0 - share),
            (Some((_, only)), None) | (None, Some((_, only))) => only,
            (None, None) => unreachable!("a model without networks is refused when it is read"),
        };
        (score, scales, map)
    }

    fn forward_global(&self, scale: &Scale<Global>, picture: &Tensor) -> (ScaleTerms, Tensor) {
        let criterion = &self.global_criterion;
        let Errors {
            reconstruction,
            gaussian,
            maps,
        } = errors(scale, criterion, picture);
        let terms = ScaleTerms {
            reconstruction: reconstruction.double_value(&[0]) as f32,
            gaussian: gaussian.double_value(&[0]) as f32,
        };
        (terms, maps)
    }

    fn forward_local(&self, scale: &Scale<Local>, picture: &Tensor) -> (ScaleTerms, Tensor) {
        let batches: Vec<Errors> = patches(picture)
            .split(PATCH_BATCH, 0)
            .iter()
            .map(|batch| errors(scale, &self.local_criterion, batch))
            .collect();
        let join = |part: fn(&Errors) -> &Tensor| {
            Tensor::cat(&batches.iter().map(part).collect::<Vec<_>>(), 0)
        };
        let reconstruction = join(|errors| &errors.reconstruction);
        let gaussian = join(|errors| &errors.gaussian);
        let weights = &self.config.score.local;
        let scores = &reconstruction * f64::from(weights.reconstruction)
            + &gaussian * f64::from(weights.gaussian);
        let worst = scores.argmax(0, false).int64_value(&[]);
        let terms = ScaleTerms {
            reconstruction: reconstruction.double_value(&[worst]) as f32,
            gaussian: gaussian.double_value(&[worst]) as f32,
        };
        (terms, self.fold.mean(&join(|errors| &errors.maps)))
    }
}

/// The errors of a batch of pictures or patches.
struct Errors {
    /// (N).
    reconstruction: Tensor,
    /// (N).
    gaussian: Tensor,
    /// (N, 1, side, side).
    maps: Tensor,
}

fn errors<N: Autoencoder>(scale: &Scale<N>, criterion: &MsSsim, pictures: &Tensor) -> Errors {
    let Scale {
        network,
        descriptor,
    } = scale;
    let z = network.latent(&network.features(pictures, Mode::Evaluate));
    let reconstructed = network.generate(&z, Mode::Evaluate).to_kind(Kind::Float);
    let similarity = criterion.compare(pictures, &reconstructed);
    Errors {
        reconstruction: criterion::reconstruction(
            pictures,
            &reconstructed,
            &similarity.value,
            criterion.range(),
        ),
        gaussian: descriptor.distance(&z),
        maps: residual_map(pictures, &reconstructed, &similarity, criterion),
    }
}

/// The first line of what a panic says.
fn text_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    text.lines().next().unwrap_or_default().to_owned()
}
