//! How good a model is.

mod aupro;
mod auroc;
mod average_precision;
mod evaluation;
mod f1_max;
mod pixels;
mod ranking;
mod rate;
mod regions;
mod scored;
mod stretch;

pub use aupro::DefectPixel;
pub use auroc::auroc;
pub use evaluation::{Evaluation, KindCounts, ranking_of};
pub use f1_max::F1Max;
pub use pixels::{PixelMetrics, Pixels};
pub use ranking::{Ranking, Score, Step};
pub use rate::Rate;
pub use scored::Scored;
