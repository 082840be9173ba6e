//! What cannot be used does not end the work on the rest, and is told of at its end.

use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

/// What was left out of work that is done. An error where it is anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeftOut {
    /// Pictures that cannot be used.
    pub pictures: usize,
    /// Videos that ended before their time.
    pub ends: usize,
}

impl LeftOut {
    /// Of the program: neither that of success nor that of work that failed (1) or was asked for wrongly (2).
    pub const STATUS: u8 = 3;

    pub fn pictures(pictures: usize) -> Self {
        Self { pictures, ends: 0 }
    }

    /// Fails where anything was left out.
    pub fn check(self) -> Result<(), Self> {
        match self {
            Self {
                pictures: 0,
                ends: 0,
            } => Ok(()),
            some => Err(some),
        }
    }

    pub fn status(&self) -> ExitCode {
        ExitCode::from(Self::STATUS)
    }
}

impl std::error::Error for LeftOut {}

impl Display for LeftOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let mut parts = Vec::new();
        if let count @ 1.. = self.pictures {
            let s = plural(count);
            parts.push(format!("{count} picture{s} that cannot be used"));
        }
        if let count @ 1.. = self.ends {
            let s = plural(count);
            parts.push(format!("the missing end{s} of {count} video{s}"));
        }
        write!(f, "left out {}", parts.join(" and "))
    }
}
