//! Linear layers in the precision of the run, and between vectors and channels-last pictures.

use tch::{Kind, Tensor};

use super::algebra::Readout;
use crate::nn::blocks::Linear;

/// (N, in) to (N, out).
#[derive(Debug)]
pub struct FusedLinear {
    weight: Tensor,
    bias: Tensor,
}

impl FusedLinear {
    pub fn new(weight: &Tensor, bias: &Tensor, kind: Kind) -> Self {
        Self {
            weight: weight.to_kind(kind),
            bias: bias.to_kind(kind),
        }
    }

    pub fn of(linear: &Linear, kind: Kind) -> Self {
        Self::new(&linear.weight, &linear.bias, kind)
    }

    /// From pictures that [`flat`] has flattened.
    pub fn reading(readout: &Readout, kind: Kind) -> Self {
        Self::new(&flat(&readout.weight), &readout.bias, kind)
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// `sum` plus the product, which has no bias of its own.
    pub fn add_to(&self, sum: &Tensor, x: &Tensor) -> Tensor {
        sum.addmm(x, &self.weight.tr())
    }
}

/// (N, C, H, W) to (N, H W C): no copy where the picture is channels-last.
pub fn flat(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).flatten(1, -1)
}
