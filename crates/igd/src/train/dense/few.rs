//! Descriptors of few samples, judged without being worked out.

use tch::{Kind, Tensor, no_grad};

use super::error::FitError;
use super::fit::{Shrinkage, projection};

/// Places whose products are in memory at once.
const PLACES: i64 = 256;

/// What a fit to the samples `others` (M, places, features) says of other ones, `left_out` (N, places, features): the
/// distances (N, places), and P x - c (N, places, d).
///
/// With X for the projected deviations of a place, M rows, its covariance is k X'X + b I. By the matrix inversion lemma
/// the inverse is (I - k X'(b I + k X X')^-1 X) / b, which takes a matrix of the samples and none of the directions.
pub fn judge(
    others: &Tensor,
    left_out: &Tensor,
    dimensions: usize,
) -> Result<(Tensor, Tensor), FitError> {
    no_grad(|| {
        let [count, places, _] = others.size()[..] else {
            unreachable!("features of places of samples");
        };
        if count < 2 {
            return Err(FitError::TooFew(count));
        }
        let mean = others.mean_dim([0].as_slice(), true, Kind::Float);
        let mut covariance = Tensor::zeros(
            [others.size()[2], others.size()[2]],
            (Kind::Double, others.device()),
        );
        let chunks = || (0..places).step_by(PLACES as usize);
        let chunk =
            |tensor: &Tensor, first: i64| tensor.narrow(1, first, PLACES.min(places - first));
        for first in chunks() {
            let deviations = (chunk(others, first) - chunk(&mean, first)).flatten(0, 1);
            covariance += deviations.tr().matmul(&deviations);
        }
        let projection = projection(
            &(covariance / ((count - 1) * places) as f64),
            &mean,
            dimensions,
        )?;
        let (mut distances, mut residuals) = (Vec::new(), Vec::new());
        for first in chunks() {
            let mean = chunk(&mean, first);
            // By place: (places, samples, d).
            let project = |samples: &Tensor| {
                let deviations = chunk(samples, first) - &mean;
                deviations.matmul(&projection.tr()).transpose(0, 1)
            };
            let (x, z) = (project(others), project(left_out));
            distances.push(
                squares(&x, &z)
                    .g_div_scalar_(dimensions as f64)
                    .sqrt_()
                    .tr(),
            );
            residuals.push(z.transpose(0, 1));
        }
        Ok((Tensor::cat(&distances, 1), Tensor::cat(&residuals, 1)))
    })
}

/// Squared distances (places, N) of the deviations z (places, N, d) by the samples whose deviations are x (places, M, d).
fn squares(x: &Tensor, z: &Tensor) -> Tensor {
    let [_, count, dimensions] = x.size()[..] else {
        unreachable!("deviations of samples of places");
    };
    let sum = |tensor: Tensor, dims: &[i64], keep| tensor.sum_dim_intlist(dims, keep, Kind::Float);
    let shrinkage = Shrinkage::new(count, 0);
    let variance = sum(x.square(), &[1, 2], true) / (dimensions * (count - 1)) as f64;
    let k = shrinkage.weight;
    let b = shrinkage.added(&variance);
    let identity = Tensor::eye(count, (Kind::Float, x.device()));
    let inner = x.matmul(&x.transpose(1, 2)) * k + identity * &b;
    let (cholesky, _) = Tensor::linalg_cholesky_ex(&inner, false, false);
    // X z of each z.
    let products = x.matmul(&z.transpose(1, 2));
    let explained = &products * products.cholesky_solve(&cholesky, false) * k;
    (sum(z.square(), &[2], false) - sum(explained, &[1], false)) / b.squeeze_dim(2)
}
