//! When a checkpoint is due, and what becomes of one that cannot be written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::checkpoint::PROGRESS;
use super::trainer::Trainer;
use crate::nn::Autoencoder;
use crate::train::run::Run;
use crate::train::{Options, TrainError, TrainingEvent, state};

/// Checkpoints take at most this share of the time.
const LARGEST_SHARE: f64 = 0.05;

/// Writes the checkpoints of a network's training: at the end of each epoch and, in long ones, after an interval. Where
/// epochs are so short that this would take more than a twentieth of the time, several of them have one together. So at
/// most an epoch is lost, or what is trained in twenty times the time that a checkpoint takes to write, whichever is
/// longer.
pub struct Saver {
    path: PathBuf,
    run: String,
    interval: Duration,
    last: Instant,
    /// Epochs that were done at the last one.
    epoch: usize,
    /// What the last one took.
    cost: Duration,
    /// The last one could not be written.
    failed: bool,
}

impl Saver {
    /// For a training at the start, or that goes on after so many epochs.
    pub fn new(path: PathBuf, run: String, options: &Options, epoch: usize) -> Self {
        Self {
            path,
            run,
            interval: options.checkpoint_interval,
            last: Instant::now(),
            epoch,
            cost: Duration::ZERO,
            failed: false,
        }
    }

    /// Writes a checkpoint if one is due. Fails when the training is to stop, for which one is written as well.
    pub fn after_step<N: Autoencoder>(
        &mut self,
        trainer: &Trainer<N>,
        run: &mut Run,
    ) -> Result<(), TrainError> {
        let is_stopped = run.is_stopped();
        if is_stopped || self.is_due(trainer.clock.epoch(), self.last.elapsed()) {
            self.save(trainer, run);
        }
        match is_stopped {
            true => Err(TrainError::Stopped),
            false => Ok(()),
        }
    }

    fn is_due(&self, epoch: usize, since: Duration) -> bool {
        let is_wanted = epoch > self.epoch || since >= self.interval;
        is_wanted && self.cost <= (self.cost + since).mul_f64(LARGEST_SHARE)
    }

    /// Writes a checkpoint; where that fails the one before it stays.
    pub fn save<N: Autoencoder>(&mut self, trainer: &Trainer<N>, run: &mut Run) {
        let start = Instant::now();
        let progress = trainer.progress(&self.run);
        match state::write(&self.path, PROGRESS, &progress, &trainer.state()) {
            Ok(()) => self.failed = false,
            Err(error) => {
                // Once is enough, until one succeeds again.
                if !self.failed {
                    run.tell(TrainingEvent::NotSaved(&error));
                }
                self.failed = true;
            }
        }
        self.cost = start.elapsed();
        self.last = Instant::now();
        self.epoch = trainer.clock.epoch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TrainingSet;

    #[test]
    fn checkpoints_end_epochs_and_take_little_of_the_time() {
        let data = TrainingSet {
            name: String::new(),
            licence: None,
            samples: Vec::new(),
            significant_bits: None,
        };
        let options = Options::new(data, PathBuf::new());
        let mut saver = Saver::new(PathBuf::new(), String::new(), &options, 3);
        let seconds = Duration::from_secs;
        assert!(!saver.is_due(3, seconds(29)));
        assert!(saver.is_due(3, seconds(30)));
        assert!(saver.is_due(4, seconds(1)));
        // Epochs of a second, checkpoints of two: every 38 seconds.
        saver.cost = seconds(2);
        assert!(!saver.is_due(30, seconds(37)));
        assert!(saver.is_due(30, seconds(38)));
        assert!(!saver.is_due(3, seconds(31)));
    }
}
