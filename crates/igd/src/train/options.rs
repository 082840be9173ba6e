//! What a training is told, whatever the profile.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tch::Device;

use super::{dense, paper, state};
use crate::data::TrainingSet;
use crate::model::{FALSE_POSITIVE_RATE, ModelError};

/// Share of the normal pictures that is kept for calibration, unless told otherwise.
pub const HOLD_OUT: f64 = 0.15;
/// Fewer pictures of a dense fit are left out some at a time, and the others are fitted to anew: its projection has seen
/// them all, and with so few that makes those that are left out one by one, in closed form, look more normal than new
/// ones.
pub const FEWEST_LEFT_OUT: usize = 50;

/// A training, as `igd train` does one.
#[derive(Clone, Debug)]
pub struct Options {
    /// The normal pictures.
    pub data: TrainingSet,
    /// The model file to write. What a training needs to go on lies beside it.
    pub out: PathBuf,
    /// Which family the model is of.
    pub profile: Profile,
    /// Where the networks compute. What is solved in closed form is solved on the CPU.
    pub device: Device,
    /// A picture that cannot be used ends the training; else it is left out.
    pub strict: bool,
    /// Share of the normal pictures that is kept for calibration. `None` is the profile's way: a dense model
    /// is fitted to all, and calibrated on what each scores as if it had been left out; of the paper's it is
    /// [`HOLD_OUT`].
    pub hold_out: Option<f64>,
    /// Share of normal pictures that may lie above the threshold.
    pub false_positive_rate: f64,
    /// Time between two saves of where the training stands. Each epoch of the paper's networks ends with one too,
    /// unless they would take too much of the time.
    pub checkpoint_interval: Duration,
    /// Leave that when the model is written, until [`Options::forget`]: a dense fit can go on with more pictures then,
    /// and the paper's networks are written once more without being trained again.
    pub keep: bool,
    /// Go on from where an earlier training stood. Where there is nothing to go on from it is told
    /// ([`TrainingEvent::Anew`]) and trains anew.
    ///
    /// [`TrainingEvent::Anew`]: super::TrainingEvent::Anew
    pub resume: bool,
    /// The earlier training's model file, whether it was written or not, or its checkpoint, whatever that is called
    /// now. It must be there then; it stays. `None`: what lies beside `out`.
    pub resume_from: Option<PathBuf>,
    /// Once it is true, the training saves where it stands and ends as [`TrainError::Stopped`].
    ///
    /// [`TrainError::Stopped`]: super::TrainError::Stopped
    pub stop: Arc<AtomicBool>,
}

/// The family of the model, and what it alone is told.
#[derive(Clone, Debug)]
pub enum Profile {
    /// Descriptors of a frozen backbone's features, in closed form.
    Dense(dense::Options),
    /// The paper's networks.
    Paper(paper::Options),
}

impl Options {
    /// The usual settings for a set of normal pictures: a dense model.
    pub fn new(data: TrainingSet, out: PathBuf) -> Self {
        Self {
            data,
            out,
            profile: Profile::Dense(dense::Options::default()),
            device: Device::Cpu,
            strict: false,
            hold_out: None,
            false_positive_rate: FALSE_POSITIVE_RATE,
            checkpoint_interval: Duration::from_secs(30),
            keep: false,
            resume: false,
            resume_from: None,
            stop: Arc::default(),
        }
    }

    /// Removes what the training needs to go on.
    pub fn forget(&self) {
        for path in self.state_files() {
            let _ = fs::remove_file(path);
        }
    }

    /// The file of that kind to go on from; `None` if there is none, or it shall not be.
    pub(super) fn earlier(&self, kind: state::Kind) -> Result<Option<PathBuf>, ModelError> {
        state::earlier(self, kind, self.state_kinds())
    }

    /// What it needs to go on.
    pub(super) fn state_kinds(&self) -> &'static [state::Kind] {
        match self.profile {
            Profile::Dense(_) => &[dense::FIT],
            Profile::Paper(_) => &paper::CHECKPOINTS,
        }
    }

    /// Where that is to be, be it there or not.
    pub(super) fn state_files(&self) -> Vec<PathBuf> {
        let kinds = self.state_kinds().iter();
        kinds
            .map(|kind| state::path(&self.out, kind.ending))
            .collect()
    }
}
