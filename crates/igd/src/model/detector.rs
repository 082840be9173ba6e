//! Judges pictures with a model.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tch::{Device, Kind};

use super::calibration::Calibration;
use super::config::{DenseConfig, ModelConfig};
use super::detection::{DetectError, Detection, InputPicture, Measurement, RawDetection};
use super::error::ModelError;
use super::execution::Execution;
use super::file::Model;
use super::inference::{Inference, PlacesView, Stage, StageTimes};
use super::networks::{PaperScale, ProfileNetworks};
use super::postprocessor::Postprocessor;
use super::precision::Precision;
use super::sharp::product;
use crate::criterion::{Drift, DriftReference};
use crate::libtorch::{KeptBlocks, alone, guarded};
use crate::nn::dense::Features;

/// Pixels between two of a map's sample, in both directions: enough to calibrate, and thousands of maps fit in memory.
const SAMPLE_STEP: usize = 4;

/// A model that is ready to judge: its networks, and a [`Postprocessor`] for one stream of pictures.
///
/// It computes on threads of its own, and while it lives, libtorch keeps the memory of tensors for the next ones
/// ([`KeptBlocks`]).
#[derive(Debug)]
pub struct Detector {
    device: Device,
    kind: Kind,
    inference: Inference,
    postprocessor: Postprocessor,
    significant_bits: Option<u32>,
    drift: Option<Arc<DriftReference>>,
    /// The last picture, without what must not be seen.
    picture: InputPicture,
    _kept: KeptBlocks,
}

impl Detector {
    /// Reads a model file. Fails where it is none, or where the device has not that precision.
    pub fn open(path: &Path, device: Device, precision: Precision) -> Result<Self, ModelError> {
        let kind = precision.on(device)?;
        Self::new(alone(|| Model::open(path, device))?, device, kind)
    }

    /// The same, with one of a paper model's two networks alone. The model's calibration is of both, and left out.
    /// Fails too where the model has not both.
    pub fn open_scale(
        path: &Path,
        scale: PaperScale,
        device: Device,
        precision: Precision,
    ) -> Result<Self, ModelError> {
        let kind = precision.on(device)?;
        let mut model = alone(|| Model::open(path, device))?;
        model.calibration = None;
        let kept = match (&mut model.networks.profile, &mut model.config) {
            (ProfileNetworks::Paper(networks), ModelConfig::Paper(config)) => {
                networks.keep(config, scale)
            }
            _ => false,
        };
        if !kept {
            let path = path.to_owned();
            return Err(ModelError::NotBothScales { path });
        }
        Self::new(model, device, kind)
    }

    /// `device` is where the model's networks are, `kind` what they shall compute in: see [`Precision::on`]. Fails when
    /// the system gives no threads.
    pub fn new(model: Model, device: Device, kind: Kind) -> Result<Self, ModelError> {
        Self::executed(model, device, kind, Execution::on(device))
    }

    /// The same in tensors, on the CPU too: as GPUs judge.
    pub fn in_tensors(model: Model, device: Device, kind: Kind) -> Result<Self, ModelError> {
        Self::executed(model, device, kind, Execution::Tensors)
    }

    fn executed(
        mut model: Model,
        device: Device,
        kind: Kind,
        execution: Execution,
    ) -> Result<Self, ModelError> {
        let config = model.config;
        let drift = match &mut model.networks.profile {
            ProfileNetworks::Dense(networks) => networks.drift.take().map(Arc::new),
            ProfileNetworks::Paper(_) => None,
        };
        Ok(Self {
            significant_bits: model.provenance.significant_bits,
            drift,
            device,
            kind,
            inference: Inference::new(&config, model.networks, device, kind, execution)?,
            postprocessor: Postprocessor::new(config, model.calibration),
            picture: InputPicture::default(),
            _kept: KeptBlocks::new(),
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

    /// Where the time of all pictures so far went.
    pub fn stages(&self) -> &StageTimes {
        self.inference.stages()
    }

    /// Of the 16 bits of the pictures that it was trained on so many were used: others are to be read alike, with
    /// [`Sample::open_as`](crate::data::Sample::open_as). `None` where they had 8, or nobody knows.
    pub fn significant_bits(&self) -> Option<u32> {
        self.significant_bits
    }

    /// Width and height in pixels of the pictures to hand in.
    pub fn input_size(&self) -> (usize, usize) {
        self.postprocessor.input_size()
    }

    /// What the model consists of.
    pub fn config(&self) -> &ModelConfig {
        self.postprocessor.config()
    }

    /// What a dense model consists of; `None` for other models.
    pub fn dense_config(&self) -> Option<&DenseConfig> {
        self.config().dense()
    }

    /// The model's calibration, if it has one.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.postprocessor.calibration()
    }

    /// For the drift of a stream of pictures; `None` where the model has no reference for it.
    pub fn drift(&self) -> Option<Drift> {
        self.drift.clone().map(Drift::new)
    }

    /// The last picture that [`detect`](Self::detect) or [`measure`](Self::measure) has seen, as [`Drift`] takes it.
    pub fn pooled(&self) -> &[f32] {
        &self.picture.raw.pooled
    }

    /// What [`detect`](Self::detect) and [`measure`](Self::measure) make of the raw numbers.
    pub fn postprocessor_mut(&mut self) -> &mut Postprocessor {
        &mut self.postprocessor
    }

    /// Raw score above which a picture is anomalous: see [`Postprocessor::threshold`].
    pub fn threshold(&self) -> f32 {
        self.postprocessor.threshold()
    }

    /// Judges a picture: planar R, G, B, each `height * width` values of 0..=255 at [`Detector::input_size`]. Regions
    /// are in pixels of a frame of `frame` (width, height). `out` keeps its buffers from picture to picture; after an
    /// error it is as it was.
    pub fn detect(
        &mut self,
        rgb: &[f32],
        frame: (u32, u32),
        out: &mut Detection,
    ) -> Result<(), DetectError> {
        self.infer_own(rgb)?;
        let start = Instant::now();
        self.postprocessor.finish(&self.picture.raw, frame, out);
        self.inference
            .stages_mut()
            .add(Stage::Regions, start.elapsed());
        Ok(())
    }

    /// The raw numbers of a picture, as [`Detector::detect`] takes it, to calibrate from.
    pub fn measure(&mut self, rgb: &[f32]) -> Result<Measurement, DetectError> {
        self.infer_own(rgb)?;
        Ok(self.measurement())
    }

    /// As [`Detector::measure`], from the features of all tiles (N) of a picture: for dense models only.
    pub(crate) fn measure_features(
        &mut self,
        features: &Features,
    ) -> Result<Measurement, DetectError> {
        self.measure_own(|inference, raw| inference.measure(features, raw))
    }

    /// As [`Detector::measure`], from what the places of each tile of a picture are: for dense models only.
    pub(crate) fn measure_places(
        &mut self,
        tiles: &[PlacesView],
    ) -> Result<Measurement, DetectError> {
        self.measure_own(|inference, raw| inference.measure_places(tiles, raw))
    }

    /// Measurements have their [departures](RawDetection::departure) from now on, where the model is a dense one.
    pub(crate) fn tell_departures(&mut self) {
        self.inference.tell_departures();
    }

    /// Fills in the raw numbers of pictures, whose `rgb` is as [`Detector::detect`] takes it, and
    /// [prepared](Postprocessor::prepare). They keep their buffers from time to time; after an error the numbers belong
    /// to no picture. Whether they are finite, [`RawDetection::check`](super::RawDetection::check) tells: one picture's
    /// failure is not the others'.
    pub fn infer(&mut self, pictures: &mut [&mut InputPicture]) -> Result<(), DetectError> {
        let (width, height) = self.input_size();
        let expected = 3 * width * height;
        if let Some(odd) = pictures
            .iter()
            .find(|picture| picture.rgb.len() != expected)
        {
            return Err(DetectError::Size {
                found: odd.rgb.len(),
                expected,
            });
        }
        self.run(pictures, Inference::run)
    }

    /// The raw map of the last picture that [`detect`](Self::detect) or [`measure`](Self::measure) has seen, row by
    /// row. Its values tell pixels of different pictures apart. In models with
    /// [details](super::RawDetection::details) it is the distances times the root of theirs, and no distance any more.
    pub fn raw_map(&self) -> Vec<f32> {
        let RawDetection { map, details, .. } = &self.picture.raw;
        let mut sharp = Vec::new();
        product(map, details, &mut sharp);
        sharp
    }

    /// To `self.picture`.
    fn infer_own(&mut self, rgb: &[f32]) -> Result<(), DetectError> {
        let mut picture = std::mem::take(&mut self.picture);
        picture.rgb.clear();
        picture.rgb.extend_from_slice(rgb);
        self.postprocessor.prepare(&mut picture.rgb);
        let inferred = self.infer(&mut [&mut picture]);
        self.picture = picture;
        inferred?;
        self.picture.raw.check()
    }

    /// What `work` makes of `self.picture`.
    fn measure_own(
        &mut self,
        work: impl Fn(&mut Inference, &mut RawDetection),
    ) -> Result<Measurement, DetectError> {
        let mut picture = std::mem::take(&mut self.picture);
        let judged = self.run(&mut [&mut picture], |inference, pictures| {
            for picture in pictures {
                work(inference, &mut picture.raw);
            }
        });
        self.picture = picture;
        judged?;
        self.picture.raw.check()?;
        Ok(self.measurement())
    }

    fn run<'a>(
        &mut self,
        pictures: &mut [&'a mut InputPicture],
        work: impl FnOnce(&mut Inference, &mut [&'a mut InputPicture]),
    ) -> Result<(), DetectError> {
        let (width, height) = self.input_size();
        for picture in &mut *pictures {
            picture.raw.map.resize(width * height, 0.0);
        }
        let inference = &mut self.inference;
        guarded(|| work(inference, &mut *pictures)).map_err(DetectError::Inference)
    }

    fn measurement(&mut self) -> Measurement {
        let (score, scales) = self.postprocessor.score(&self.picture.raw);
        let (width, _) = self.input_size();
        let map = self.postprocessor.sharp(&self.picture.raw).to_vec();
        let mask = self.postprocessor.mask();
        let aligns = self
            .dense_config()
            .is_some_and(|config| config.align.is_some());
        // Around the part there are zeros.
        let is_judged = |index: usize| !aligns || self.picture.raw.map[index] != 0.0;
        let inspected =
            |index: &usize| is_judged(*index) && mask.is_none_or(|mask| mask.inspected()[*index]);
        let rows = (0..map.len()).step_by(SAMPLE_STEP * width);
        let pixels = rows.flat_map(|row| (row..row + width).step_by(SAMPLE_STEP));
        Measurement {
            score,
            scales,
            map_sample: pixels.filter(inspected).map(|index| map[index]).collect(),
            departure: self.picture.raw.departure.clone(),
            pooled: self.picture.raw.pooled.clone(),
        }
    }
}
