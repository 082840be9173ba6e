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
    /// Pictures that there were to train on, where so many of them were left out that it is to be told.
    pub of_training: Option<usize>,
}

/// Share of a training's pictures that may be left out without a further word.
const FEW: f64 = 0.1;

impl LeftOut {
    /// Of the program: neither that of success nor that of work that failed (1) or was asked for wrongly (2).
    pub const STATUS: u8 = 3;

    pub fn pictures(pictures: usize) -> Self {
        Self {
            pictures,
            ..Self::default()
        }
    }

    /// Of so many pictures to train on.
    pub fn of_training(pictures: usize, all: usize) -> Self {
        Self {
            of_training: (pictures as f64 > FEW * all as f64).then_some(all),
            ..Self::pictures(pictures)
        }
    }

    /// Fails where anything was left out.
    pub fn check(self) -> Result<(), Self> {
        match self {
            Self {
                pictures: 0,
                ends: 0,
                ..
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
        write!(f, "left out {}", parts.join(" and "))?;
        match self.of_training {
            Some(all) => write!(
                f,
                ", of {all}: the model may not know all that is normal; each is named above, mend them and train again"
            ),
            None => Ok(()),
        }
    }
}
