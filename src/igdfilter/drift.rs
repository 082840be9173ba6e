//! Whether the frames of a stream still look like the pictures that its model was calibrated with.

use igd::criterion::Drift;

/// Drift is over below so much of the limit, so that it does not come and go with each frame.
const OVER: f32 = 0.8;

/// The frames of late of one stream.
#[derive(Debug)]
pub struct DriftWatch {
    drift: Drift,
    level: Option<f32>,
    drifted: bool,
}

impl DriftWatch {
    pub fn new(drift: Drift) -> Self {
        Self {
            drift,
            level: None,
            drifted: false,
        }
    }

    /// The next frame, pooled.
    pub fn push(&mut self, pooled: &[f32]) {
        self.level = self.drift.push(pooled).map(|t| t / self.drift.limit());
        if let Some(level) = self.level {
            self.drifted = level > if self.drifted { OVER } else { 1.0 };
        }
    }

    /// Another scene follows. What was said of the one before stands until enough of it has been seen.
    pub fn forget(&mut self) {
        self.drift.forget();
        self.level = None;
    }

    /// How far the frames of late are from the calibration's pictures, in units of the limit; `None` before there are
    /// enough of them.
    pub fn level(&self) -> Option<f32> {
        self.level
    }

    pub fn has_drifted(&self) -> bool {
        self.drifted
    }
}
