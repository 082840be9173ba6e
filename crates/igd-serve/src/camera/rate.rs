//! Frames a second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What it is averaged over.
const WINDOW: Duration = Duration::from_secs(3);

/// Of late.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<Instant>);

impl Rate {
    /// Something has come.
    pub fn count(&mut self, now: Instant) {
        self.forget(now);
        self.0.push_back(now);
    }

    /// How often it came over the last seconds; 0 where it no longer does.
    pub fn a_second(&mut self) -> f64 {
        let now = Instant::now();
        self.forget(now);
        let Some(first) = self.0.front() else {
            return 0.0;
        };
        let span = now.duration_since(*first).max(Duration::from_millis(100));
        self.0.len() as f64 / span.as_secs_f64()
    }

    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|&first| now - first > WINDOW) {
            self.0.pop_front();
        }
    }
}
