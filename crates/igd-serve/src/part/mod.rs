//! When there is a part, and what is said of it.

mod decider;
mod motion;
mod presence;

pub use self::decider::{Decider, Decision};
pub use self::motion::Motion;
