//! What IGD measures: how well a picture was reconstructed ([`MsSsim`], [`reconstruction`]), how normal its latent is
//! ([`Descriptor`]), and the score and map made of both (paper: Section 3, Eq. 1 to 8).

mod drift;
mod field;
mod gaussian;
mod heatmap;
mod ms_ssim;
mod residuals;
mod score;

use tch::{Kind, Tensor};

pub use drift::{Drift, DriftReference, FEWEST as FEWEST_FOR_DRIFT, WINDOW as DRIFT_WINDOW};
pub use field::{Field, Head};
pub(crate) use field::{LeftOutField, PackedField, gaussian_term};
pub(crate) use gaussian::CENTRE_MARGIN;
pub use gaussian::Descriptor;
pub use heatmap::{PatchFold, residual_map};
pub use ms_ssim::{MsSsim, Similarity};
pub use score::{ScoreWeights, TermWeights};
// Detectors use these by themselves on the CPU; the tests hold them to the published numbers, and a benchmark takes
// their time.
#[doc(hidden)]
pub use heatmap::mean_of_overlap;
#[doc(hidden)]
pub use residuals::{Reference, Residuals};

/// Share of MS-SSIM in the reconstruction error; the rest is L1.
const STRUCTURE: f64 = 0.85;

/// The reconstruction error of each picture: 0.85 (1 - MS-SSIM) + 0.15 L1 / range, (N), 0 for equal pictures.
///
/// `x` and `y` are pictures and their reconstructions (N, C, side, side), `ms_ssim` is what [`MsSsim::compare`] says of
/// them (N), and `range` the distance from the darkest to the brightest possible value.
pub fn reconstruction(x: &Tensor, y: &Tensor, ms_ssim: &Tensor, range: f64) -> Tensor {
    let l1 = (x - y)
        .abs()
        .mean_dim([1, 2, 3].as_slice(), false, Kind::Float);
    (1.0 - ms_ssim) * STRUCTURE + l1 * ((1.0 - STRUCTURE) / range)
}
