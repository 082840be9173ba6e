//! Whether a model is right about a picture.

use igd::eval::Scored;

/// What a threshold makes of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    FalseAlarm,
    Missed,
    Found,
}

impl Verdict {
    pub fn of(picture: &Scored, threshold: f32) -> Self {
        match (picture.anomalous, picture.is_flagged(threshold)) {
            (false, false) => Self::Passed,
            (false, true) => Self::FalseAlarm,
            (true, false) => Self::Missed,
            (true, true) => Self::Found,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::FalseAlarm => "false alarm",
            Self::Missed => "missed",
            Self::Found => "found",
        }
    }

    /// Whether the model is wrong.
    pub fn is_error(self) -> bool {
        matches!(self, Self::FalseAlarm | Self::Missed)
    }
}
