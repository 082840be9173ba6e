//! What every training does, whatever the profile.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use tch::Device;

use super::doubles::Thumbnails;
use super::reader::{self, Read, Reading};
use super::{
    Augmentation, Augmented, Calibrating, Options, Outcome, TrainError, Trained, TrainingEvent,
    Trimmed,
};
use crate::data::{PictureError, Sample};
use crate::model::{
    Calibration, CalibrationMethod, Detector, Measurement, Model, ModelConfig, ModelError,
    Precision, Provenance, Tensors, calibrate,
};

/// Fewer pictures than this teach nothing.
pub const FEWEST_PICTURES: usize = 8;

/// Where more of the pictures than this share cannot be used, something is wrong with all of them.
const MOST_UNUSABLE: f64 = 0.5;

/// A training under way.
pub struct Run<'a> {
    pub options: &'a Options,
    tell: &'a mut (dyn FnMut(TrainingEvent) + 'a),
    /// Pictures that could not be used.
    skipped: usize,
    /// Pictures that were dropped, since they do not fit the others.
    trimmed: Vec<PathBuf>,
    /// Pictures that could be used.
    pub thumbnails: Thumbnails,
}

impl<'a> Run<'a> {
    pub fn new(options: &'a Options, tell: &'a mut impl FnMut(TrainingEvent)) -> Self {
        Self {
            options,
            tell,
            skipped: 0,
            trimmed: Vec::new(),
            thumbnails: Thumbnails::default(),
        }
    }

    pub fn tell(&mut self, event: TrainingEvent) {
        (self.tell)(event);
    }

    /// Counts a picture that is left out, unless that is an error.
    pub fn skip(&mut self, error: PictureError) -> Result<(), TrainError> {
        if self.options.strict {
            return Err(error.into());
        }
        self.skipped += 1;
        self.tell(TrainingEvent::Skipped(&error));
        Ok(())
    }

    /// Counts a picture that was dropped.
    pub fn trim(&mut self, trimmed: &Trimmed) {
        self.trimmed.push(trimmed.sample.name());
        self.tell(TrainingEvent::Trimmed(trimmed));
    }

    /// Whether it was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// Ends a run that was told to stop.
    pub fn check_stop(&self) -> Result<(), TrainError> {
        match self.is_stopped() {
            true => Err(TrainError::Stopped),
            false => Ok(()),
        }
    }

    /// Refuses a set that has too few pictures.
    pub fn check_enough(&self, training: usize, held_out: usize) -> Result<(), TrainError> {
        if training >= FEWEST_PICTURES {
            return Ok(());
        }
        Err(TrainError::TooFew {
            data: self.options.data.name.clone(),
            found: training + held_out,
        })
    }

    /// Refuses a set of which too few pictures are left, or fewer than half, once `training` pictures have been read
    /// and so many more are held out.
    pub fn check_usable(&self, training: usize, held_out: usize) -> Result<(), TrainError> {
        let all = training + held_out + self.skipped;
        if self.skipped as f64 > MOST_UNUSABLE * all as f64 {
            return Err(TrainError::MostUnusable {
                data: self.options.data.name.clone(),
                unusable: self.skipped,
                all,
            });
        }
        self.check_enough(training, held_out)
    }

    /// The model is learned, and there is no file of it.
    pub fn not_written(&self, cause: ModelError) -> TrainError {
        let is_kept = self.options.state_files().iter().any(|path| path.exists());
        TrainError::NotWritten {
            cause: Box::new(cause),
            resume: is_kept.then(|| self.options.out.clone()),
        }
    }

    /// Where a model comes from that so many of the pictures were shown to.
    pub fn provenance(&self, pictures: usize) -> Provenance {
        let data = &self.options.data;
        Provenance {
            data: data.name.clone(),
            data_licence: data.licence.clone(),
            significant_bits: data.significant_bits,
            pictures,
            trimmed: self.trimmed.len(),
            ..Provenance::now()
        }
    }

    /// A model that judges pictures where the training computes.
    pub fn detector(
        &self,
        config: &ModelConfig,
        tensors: &Tensors,
    ) -> Result<Detector, ModelError> {
        let device = self.options.device;
        let kind = Precision::Auto.on(device)?;
        Detector::new(self.model(config, tensors, device)?, device, kind)
    }

    fn model(
        &self,
        config: &ModelConfig,
        tensors: &Tensors,
        device: Device,
    ) -> Result<Model, ModelError> {
        Model::of_tensors(config, tensors, device).map_err(ModelError::weights(&self.options.out))
    }

    /// Calibrates the model and writes it.
    pub fn finish(mut self, trained: Trained) -> Result<Outcome, TrainError> {
        let Trained {
            config,
            tensors,
            provenance,
            calibrating,
        } = trained;
        let (judged, method) = match calibrating {
            Calibrating::HeldOut(samples, augmentation) => {
                let mut detector = self.detector(&config, &tensors)?;
                let judged = self.measure(&mut detector, &samples, augmentation)?;
                self.check_usable(provenance.pictures, judged.len())?;
                (judged, CalibrationMethod::HeldOut)
            }
            Calibrating::LeftOut(judged) => (judged, CalibrationMethod::LeaveOneOut),
        };
        let doubles = self.thumbnails.doubles();
        if let Some(doubles) = &doubles {
            self.tell(TrainingEvent::Doubles(doubles));
        }
        let rate = self.options.false_positive_rate;
        let pictures = judged.len();
        let copies = judged.first().map_or(0, |views| views.len() - 1);
        let as_they_are: Vec<_> = judged.iter().map(|views| views[0].clone()).collect();
        let augmented = calibrate(&as_they_are, rate).filter(|_| copies > 0);
        let measurements: Vec<_> = judged.into_iter().flatten().collect();
        // Copies are no pictures of their own.
        let calibration = calibrate(&measurements, rate).map(|calibration| Calibration {
            method,
            pictures,
            ..calibration
        });
        self.tell(TrainingEvent::Judged(&measurements, calibration));
        let model = Model {
            calibration,
            provenance,
            ..self.model(&config, &tensors, Device::Cpu)?
        };
        model
            .save(&self.options.out, model.config.storage())
            .map_err(|cause| self.not_written(cause))?;
        Ok(Outcome {
            pictures: model.provenance.pictures,
            skipped: self.skipped,
            trimmed: self.trimmed,
            calibration,
            epochs: model.provenance.epochs,
            augmented: augmented.map(|still| Augmented {
                copies,
                threshold_of_still: still.threshold,
            }),
            doubles,
        })
    }

    /// What each picture scores as it is, and what each of its copies does.
    fn measure(
        &mut self,
        detector: &mut Detector,
        samples: &[Sample],
        augmentation: Option<Augmentation>,
    ) -> Result<Vec<Vec<Measurement>>, TrainError> {
        self.tell(TrainingEvent::Stage("calibrating"));
        let size = detector.input_size();
        let reading = Reading {
            size,
            significant_bits: detector.significant_bits(),
        };
        let mut judged = Vec::with_capacity(samples.len());
        reader::for_each(samples, reading, |index, picture| {
            match picture {
                Ok(Read { rgb, stretch }) => {
                    let mut views = vec![detector.measure(&rgb)?];
                    if let Some(augmentation) = augmentation {
                        for copy in augmentation.copies(&rgb, size, stretch) {
                            views.push(detector.measure(&copy)?);
                        }
                    }
                    judged.push(views);
                    self.thumbnails.calibrates(&samples[index], &rgb, size);
                    self.tell(TrainingEvent::Pictures(index + 1, samples.len()));
                }
                Err(error) => self.skip(error)?,
            }
            self.check_stop()
        })?;
        Ok(judged)
    }
}

/// Pictures by what they are for.
pub struct Split {
    pub training: Vec<Sample>,
    pub held_out: Vec<Sample>,
}

impl Split {
    /// Takes `share` of the pictures, evenly spread over their order, out for calibration.
    pub fn new(samples: Vec<Sample>, share: f64) -> Self {
        let due = |index: usize| (index as f64 * share) as usize;
        let (held_out, training): (Vec<_>, Vec<_>) = samples
            .into_iter()
            .enumerate()
            .partition(|&(index, _)| due(index + 1) > due(index));
        let samples_of = |part: Vec<_>| part.into_iter().map(|(_, sample)| sample).collect();
        Self {
            training: samples_of(training),
            held_out: samples_of(held_out),
        }
    }
}
