//! How far a network's training is: by steps or by time, whichever is further.

use std::time::{Duration, Instant};

use super::options::Length;

/// Power of the polynomial that the learning rate falls by.
const DECAY_POWER: f64 = 0.9;

/// Counts steps and time, over interruptions.
#[derive(Debug)]
pub struct Clock {
    steps: usize,
    steps_an_epoch: usize,
    /// That there are to be.
    in_all: usize,
    limit: Option<Duration>,
    /// Time spent before the process was started.
    before: Duration,
    started: Instant,
}

impl Clock {
    pub fn new(steps_an_epoch: usize, length: Length, limit: Option<Duration>) -> Self {
        let steps_an_epoch = steps_an_epoch.max(1);
        Self {
            steps: 0,
            steps_an_epoch,
            in_all: length.steps(steps_an_epoch),
            limit,
            before: Duration::ZERO,
            started: Instant::now(),
        }
    }

    /// Goes on where a checkpoint stopped.
    pub fn resume(&mut self, steps: usize, before: Duration) {
        self.steps = steps;
        self.before = before;
        self.started = Instant::now();
    }

    pub fn tick(&mut self) {
        self.steps += 1;
    }

    /// Steps done.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whole passes done.
    pub fn epoch(&self) -> usize {
        self.steps / self.steps_an_epoch
    }

    /// Place of the next step in its pass.
    pub fn step_of_epoch(&self) -> usize {
        self.steps % self.steps_an_epoch
    }

    /// Time spent in training.
    pub fn elapsed(&self) -> Duration {
        self.before + self.started.elapsed()
    }

    /// 0 at the start, 1 or more at the end.
    pub fn progress(&self) -> f64 {
        if self.steps >= self.in_all {
            return 1.0;
        }
        let by_steps = self.steps as f64 / self.in_all as f64;
        let by_time = self.limit.map_or(0.0, |limit| {
            self.elapsed().as_secs_f64() / limit.as_secs_f64().max(f64::MIN_POSITIVE)
        });
        by_steps.max(by_time)
    }

    /// The share of the first learning rate that is left.
    pub fn decay(&self) -> f64 {
        (1.0 - self.progress()).max(0.0).powf(DECAY_POWER)
    }

    /// An estimate of the time to the end.
    pub fn left(&self) -> Option<Duration> {
        let progress = self.progress();
        (progress > 0.0).then(|| {
            let total = self.elapsed().as_secs_f64() / progress;
            Duration::from_secs_f64((total * (1.0 - progress)).max(0.0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_by_steps() {
        let mut clock = Clock::new(10, Length::Epochs(2), None);
        assert_eq!((clock.progress(), clock.decay()), (0.0, 1.0));
        for _ in 0..15 {
            clock.tick();
        }
        assert_eq!((clock.epoch(), clock.step_of_epoch()), (1, 5));
        assert_eq!(clock.progress(), 0.75);
        assert!((clock.decay() - 0.25f64.powf(0.9)).abs() < 1e-12);
        let clock = Clock::new(7, Length::Steps(0), None);
        assert_eq!((clock.progress(), clock.decay()), (1.0, 0.0));
    }

    #[test]
    fn progress_by_time_counts_what_was_spent_before() {
        let mut clock = Clock::new(1000, Length::Epochs(1000), Some(Duration::from_secs(100)));
        clock.resume(1, Duration::from_secs(50));
        assert!((0.5..0.6).contains(&clock.progress()));
    }
}
