//! A fit to the frames of a video while it goes on.
//!
//! The first four fifths of the frames are fitted to, the last fifth calibrates. Working out the descriptors takes most
//! of a second; it is spread over the frames that calibrate, whose features wait for it, so that the video never stops
//! for long.

use std::mem;
use std::sync::Arc;

use tch::{Device, Kind};

use super::kept::moments;
use super::{
    Fit, FitError, Moments, add, backbone_tensors, extractor, fits, model_tensors, sample,
};
use crate::libtorch::{KeptBlocks, guarded};
use crate::model::{
    Calibration, DenseConfig, DetectError, Detector, Extractor, Mask, Measurement, Model,
    ModelConfig, Provenance, Tensors, calibrate,
};
use crate::nn::dense::{Features, Levels};
use crate::train::TrainError;
use crate::train::backbone::{BACKBONE_LICENCE, kept_imagenet_backbone};

/// Fewer frames make no model.
pub const FEWEST_FRAMES: usize = 20;
/// One of so many frames calibrates.
const CALIBRATION_SHARE: usize = 5;
/// Frames that are added to the moments together: less often than each, since all moments are read and written for it.
const BATCH: usize = 8;
/// The descriptors are worked out over at most so many frames.
const FIT_FRAMES: usize = 30;
/// Standard deviation of the values, of 0..=255, of a picture that shows something: a covered camera's noise has less.
const LEAST_CONTRAST: f32 = 2.0;

/// Why nothing is learned. The text tells the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// It was asked to learn from so few frames.
    #[error("{0} frames are too few to learn from, at least {FEWEST_FRAMES} are needed")]
    TooFewFrames(usize),
    /// The frame is not learned; the next one may be.
    #[error("the frame shows nothing but one colour")]
    Blank,
    /// No model comes of the frames.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The backbone is not to be had, or no model to be made.
    #[error("{0}")]
    Train(#[from] Box<TrainError>),
    /// The model does not judge the frames that are to calibrate it.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Out of memory, or a GPU that was lost. What libtorch says.
    #[error("libtorch failed: {0}")]
    Libtorch(String),
    /// They are not finite, or all the same.
    #[error("the scores of the frames that calibrate make no threshold")]
    NotCalibrated,
}

impl From<TrainError> for LearnError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

/// What has come of it.
#[derive(Debug)]
pub struct Learned {
    /// Ready for the next frame.
    pub detector: Detector,
    /// The same to save.
    pub model: Model,
    /// Its thresholds.
    pub calibration: Calibration,
}

/// A model that is being learned.
pub struct Learning {
    config: DenseConfig,
    false_positive_rate: f64,
    backbone: Tensors,
    device: Device,
    kind: Kind,
    fit_frames: usize,
    calibration_frames: usize,
    taken: usize,
    /// What counts for the threshold.
    mask: Option<Arc<Mask>>,
    phase: Phase,
    _kept: KeptBlocks,
}

enum Phase {
    Seeing(Seeing),
    Fitting(Fitting),
    Calibrating(Box<Calibrating>),
    /// Failed or finished.
    Over,
}

/// Frames are added to the moments.
struct Seeing {
    extractor: Extractor,
    moments: Levels<Moments>,
    /// The last frames' features.
    waiting: Vec<Features>,
}

/// Descriptors are worked out.
struct Fitting {
    extractor: Extractor,
    fits: Levels<Fit>,
    /// The features of the tiles of the frames so far.
    waiting: Vec<Features>,
}

/// The model is there but for its calibration.
struct Calibrating {
    detector: Detector,
    model: Model,
    measurements: Vec<Measurement>,
}

impl Learning {
    /// From so many frames. The backbone must be on this machine: see [`crate::data::fetch::kept_efficientnet_lite0`].
    pub fn new(
        frames: usize,
        config: DenseConfig,
        false_positive_rate: f64,
        device: Device,
        kind: Kind,
    ) -> Result<Self, LearnError> {
        if frames < FEWEST_FRAMES {
            return Err(LearnError::TooFewFrames(frames));
        }
        guarded(|| Self::begin(frames, config, false_positive_rate, device, kind))
            .unwrap_or_else(|text| Err(LearnError::Libtorch(text)))
    }

    fn begin(
        frames: usize,
        config: DenseConfig,
        false_positive_rate: f64,
        device: Device,
        kind: Kind,
    ) -> Result<Self, LearnError> {
        let calibration_frames = frames / CALIBRATION_SHARE;
        let backbone = backbone_tensors(kept_imagenet_backbone()?);
        let extractor = extractor(&backbone, &config, device, kind)?;
        let moments = moments(&config)?;
        Ok(Self {
            phase: Phase::Seeing(Seeing {
                extractor,
                moments,
                waiting: Vec::with_capacity(BATCH),
            }),
            config,
            false_positive_rate,
            backbone,
            device,
            kind,
            fit_frames: frames - calibration_frames,
            calibration_frames,
            taken: 0,
            mask: None,
            _kept: KeptBlocks::new(),
        })
    }

    /// Width and height in pixels of the pictures to hand in.
    pub fn input_size(&self) -> (usize, usize) {
        self.config.tiling.picture().into()
    }

    /// What of the pictures counts for the threshold; all is learned.
    pub fn set_mask(&mut self, mask: Option<Arc<Mask>>) {
        self.mask = mask;
    }

    /// Frames that have been learned, and all that shall be.
    pub fn progress(&self) -> (usize, usize) {
        (self.taken, self.fit_frames + self.calibration_frames)
    }

    /// Learns from a picture, planar R, G, B with values in 0..=255; the last one makes the model. After
    /// [`LearnError::Blank`] it goes on with the next picture, after all others it is over.
    pub fn take(&mut self, rgb: &[f32]) -> Result<Option<Learned>, LearnError> {
        if !shows_something(rgb) {
            return Err(LearnError::Blank);
        }
        self.taken += 1;
        // Out of memory, or a lost GPU.
        guarded(|| self.learn(rgb)).unwrap_or_else(|text| Err(LearnError::Libtorch(text)))
    }

    fn learn(&mut self, rgb: &[f32]) -> Result<Option<Learned>, LearnError> {
        self.phase = match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Seeing(seeing) => self.see(rgb, seeing)?,
            Phase::Fitting(fitting) => self.fit(rgb, fitting)?,
            Phase::Calibrating(mut calibrating) => {
                let postprocessor = calibrating.detector.postprocessor_mut();
                postprocessor.set_mask(self.mask.clone());
                let measurement = calibrating.detector.measure(rgb)?;
                calibrating.measurements.push(measurement);
                Phase::Calibrating(calibrating)
            }
            Phase::Over => Phase::Over,
        };
        if self.taken < self.fit_frames + self.calibration_frames {
            return Ok(None);
        }
        match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Calibrating(calibrating) => self.finish(*calibrating).map(Some),
            _ => Ok(None),
        }
    }

    fn see(&self, rgb: &[f32], mut seeing: Seeing) -> Result<Phase, LearnError> {
        let features = sample(&mut seeing.extractor, self.config.shared, [rgb]);
        seeing.waiting.push(features);
        let is_last = self.taken >= self.fit_frames;
        if seeing.waiting.len() >= BATCH || is_last {
            let workers = seeing.extractor.workers();
            add(&mut seeing.moments, &seeing.waiting, workers);
            seeing.waiting.clear();
        }
        if !is_last {
            return Ok(Phase::Seeing(seeing));
        }
        Ok(Phase::Fitting(Fitting {
            extractor: seeing.extractor,
            fits: fits(seeing.moments, &self.config)?,
            waiting: Vec::new(),
        }))
    }

    fn fit(&self, rgb: &[f32], mut fitting: Fitting) -> Result<Phase, LearnError> {
        fitting.extractor.prepare([rgb]);
        let tiles = fitting.extractor.each(|_, features| features);
        fitting.waiting.push(Features::cat(&tiles, 0));
        let frames = self.calibration_frames.min(FIT_FRAMES) as i64;
        let workers = fitting.extractor.workers();
        let done = fitting.fits.as_mut().map(|fit| {
            let places = (fit.places() + frames - 1) / frames;
            fit.go_on(places, workers)
        });
        if !(done.places && done.details) {
            return Ok(Phase::Fitting(fitting));
        }
        let fields = fitting.fits.map(Fit::finish).transpose()?;
        let config = ModelConfig::Dense(self.config.clone());
        let tensors = model_tensors(&fields, &self.backbone);
        let model =
            || Model::of_tensors(&config, &tensors, self.device).map_err(TrainError::Encoder);
        let mut detector =
            Detector::new(model()?, self.device, self.kind).map_err(TrainError::Model)?;
        detector.postprocessor_mut().set_mask(self.mask.clone());
        let measurements = fitting
            .waiting
            .iter()
            .map(|features| detector.measure_features(features))
            .collect::<Result<_, _>>()?;
        Ok(Phase::Calibrating(Box::new(Calibrating {
            detector,
            model: model()?,
            measurements,
        })))
    }

    fn finish(&self, calibrating: Calibrating) -> Result<Learned, LearnError> {
        let Calibrating {
            mut detector,
            mut model,
            measurements,
        } = calibrating;
        let calibration = calibrate(&measurements, self.false_positive_rate)
            .filter(|calibration| calibration.check().is_ok())
            .ok_or(LearnError::NotCalibrated)?;
        detector.postprocessor_mut().set_calibration(calibration);
        model.calibration = Some(calibration);
        model.provenance = Provenance {
            data: "the frames of a video".to_owned(),
            pictures: self.fit_frames,
            epochs: 1,
            encoder_licence: Some(BACKBONE_LICENCE.to_owned()),
            ..Provenance::now()
        };
        Ok(Learned {
            detector,
            model,
            calibration,
        })
    }
}

/// Whether the picture is more than one colour and noise.
fn shows_something(rgb: &[f32]) -> bool {
    rgb.chunks(rgb.len() / 3).any(|plane| {
        let mean = |values: &mut dyn Iterator<Item = f32>| {
            values.map(f64::from).sum::<f64>() as f32 / plane.len() as f32
        };
        let middle = mean(&mut plane.iter().copied());
        let variance = mean(&mut plane.iter().map(|value| (value - middle).powi(2)));
        variance >= LEAST_CONTRAST * LEAST_CONTRAST
    })
}
