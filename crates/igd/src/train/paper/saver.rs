//! When a checkpoint is due, and what becomes of one that cannot be written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::checkpoint;
use super::options::Options;
use super::trainer::Trainer;
use super::{Event, TrainError};
use crate::nn::Autoencoder;

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
    stop: Arc<AtomicBool>,
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
            stop: options.stop.clone(),
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
        tell: &mut impl FnMut(Event),
    ) -> Result<(), TrainError> {
        if self.stop.load(Ordering::Relaxed) {
            self.save(trainer, tell);
            return Err(TrainError::Stopped);
        }
        if self.is_due(trainer.clock.epoch(), self.last.elapsed()) {
            self.save(trainer, tell);
        }
        Ok(())
    }

    fn is_due(&self, epoch: usize, since: Duration) -> bool {
        let is_wanted = epoch > self.epoch || since >= self.interval;
        is_wanted && self.cost <= (self.cost + since).mul_f64(LARGEST_SHARE)
    }

    /// Writes a checkpoint; where that fails the one before it stays.
    pub fn save<N: Autoencoder>(&mut self, trainer: &Trainer<N>, tell: &mut impl FnMut(Event)) {
        let start = Instant::now();
        let (progress, tensors) = trainer.state(&self.run);
        match checkpoint::write(&self.path, &progress, &tensors) {
            Ok(()) => self.failed = false,
            Err(error) => {
                // Once is enough, until one succeeds again.
                if !self.failed {
                    tell(Event::NotSaved(&error));
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
