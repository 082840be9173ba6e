//! How good a model is.

mod auroc;
mod evaluation;

pub use auroc::auroc;
pub use evaluation::{Evaluation, Kind, Scored};
