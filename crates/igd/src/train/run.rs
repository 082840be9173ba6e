//! What every training does, whatever the profile.

use std::sync::atomic::Ordering;

use tch::Device;

use super::{Calibrating, Options, Outcome, TrainError, Trained, TrainingEvent, measure};
use crate::data::{PictureError, Sample};
use crate::model::{
    Calibration, CalibrationMethod, Detector, Measurement, Model, ModelConfig, ModelError,
    Precision, Provenance, Tensors, calibrate,
};

/// Fewer pictures than this teach nothing.
pub const FEWEST_PICTURES: usize = 8;

/// A training under way.
pub struct Run<'a> {
    pub options: &'a Options,
    tell: &'a mut (dyn FnMut(TrainingEvent) + 'a),
    /// Pictures that could not be used.
    skipped: usize,
}

impl<'a> Run<'a> {
    pub fn new(options: &'a Options, tell: &'a mut impl FnMut(TrainingEvent)) -> Self {
        Self {
            options,
            tell,
            skipped: 0,
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

    /// Where a model comes from that so many of the pictures were shown to.
    pub fn provenance(&self, pictures: usize) -> Provenance {
        let data = &self.options.data;
        Provenance {
            data: data.name.clone(),
            data_licence: data.licence.clone(),
            significant_bits: data.significant_bits,
            pictures,
            ..Provenance::now()
        }
    }

    /// A model that judges pictures on the CPU.
    pub fn detector(
        &self,
        config: &ModelConfig,
        tensors: &Tensors,
    ) -> Result<Detector, ModelError> {
        let kind = Precision::Auto.on(Device::Cpu)?;
        Detector::new(self.model(config, tensors)?, Device::Cpu, kind)
    }

    fn model(&self, config: &ModelConfig, tensors: &Tensors) -> Result<Model, ModelError> {
        Model::of_tensors(config, tensors, Device::Cpu)
            .map_err(ModelError::weights(&self.options.out))
    }

    /// Calibrates the model and writes it.
    pub fn finish(mut self, trained: Trained) -> Result<Outcome, TrainError> {
        let Trained {
            config,
            tensors,
            provenance,
            calibrating,
        } = trained;
        let (measurements, method) = match calibrating {
            Calibrating::HeldOut(samples) => (
                self.measure(&mut self.detector(&config, &tensors)?, &samples)?,
                CalibrationMethod::HeldOut,
            ),
            Calibrating::LeftOut(measurements) => (measurements, CalibrationMethod::LeaveOneOut),
        };
        let calibration =
            calibrate(&measurements, self.options.false_positive_rate).map(|calibration| {
                Calibration {
                    method,
                    ..calibration
                }
            });
        self.tell(TrainingEvent::Judged(&measurements, calibration));
        let model = Model {
            calibration,
            provenance,
            ..self.model(&config, &tensors)?
        };
        model
            .save(&self.options.out, model.config.storage())
            .map_err(TrainError::NotWritten)?;
        Ok(Outcome {
            pictures: model.provenance.pictures,
            skipped: self.skipped,
            calibration,
            epochs: model.provenance.epochs,
        })
    }

    fn measure(
        &mut self,
        detector: &mut Detector,
        samples: &[Sample],
    ) -> Result<Vec<Measurement>, TrainError> {
        self.tell(TrainingEvent::Stage("calibrating"));
        measure(detector, samples, |done| {
            match done {
                Ok(done) => self.tell(TrainingEvent::Pictures(done, samples.len())),
                Err(error) => self.skip(error)?,
            }
            self.check_stop()
        })
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
