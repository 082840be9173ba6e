//! What the properties say.

use super::gate::Rolls;
use super::hysteresis::Rule;

const DEFAULT_PRE_ROLL: gst::ClockTime = gst::ClockTime::from_seconds(2);
const DEFAULT_POST_ROLL: gst::ClockTime = gst::ClockTime::from_seconds(3);
/// A negative score stands for the flag that the result has.
const DEFAULT_MIN_SCORE: f64 = -1.0;
const DEFAULT_HYSTERESIS: f64 = 0.0;
const DEFAULT_MAX_WAIT: gst::ClockTime = gst::ClockTime::from_seconds(5);
const DEFAULT_CONTINUOUS: bool = false;
const DEFAULT_SPLIT: bool = true;

/// Times above are nobody's wish, and would overflow sums.
pub const LONGEST: gst::ClockTime = gst::ClockTime::from_seconds(24 * 60 * 60);

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub pre_roll: gst::ClockTime,
    pub post_roll: gst::ClockTime,
    pub min_score: f64,
    pub hysteresis: f64,
    pub max_wait: gst::ClockTime,
    pub continuous: bool,
    pub split: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pre_roll: DEFAULT_PRE_ROLL,
            post_roll: DEFAULT_POST_ROLL,
            min_score: DEFAULT_MIN_SCORE,
            hysteresis: DEFAULT_HYSTERESIS,
            max_wait: DEFAULT_MAX_WAIT,
            continuous: DEFAULT_CONTINUOUS,
            split: DEFAULT_SPLIT,
        }
    }
}

impl Settings {
    pub fn rolls(&self) -> Rolls {
        Rolls {
            pre: nanoseconds(self.pre_roll),
            post: nanoseconds(self.post_roll),
        }
    }

    pub fn rule(&self) -> Rule {
        Rule {
            min_score: (self.min_score >= 0.0).then_some(self.min_score as f32),
            hysteresis: self.hysteresis as f32,
        }
    }

    pub fn max_wait(&self) -> i64 {
        nanoseconds(self.max_wait)
    }
}

fn nanoseconds(time: gst::ClockTime) -> i64 {
    time.min(LONGEST).nseconds() as i64
}
