//! Convolutions with weights ready for the kernels.

use tch::{Kind, Tensor};

use super::algebra::{Kernel, Scaling};
use crate::nn::blocks::Conv2d;

/// The same picture with the channels of a pixel side by side in memory.
pub fn channels_last(x: &Tensor) -> Tensor {
    // tch has no memory formats; this tensor has the strides that libtorch calls channels-last.
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// A convolution in the precision of the run.
#[derive(Debug)]
pub struct FusedConv {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
    groups: i64,
    transposed: bool,
}

impl FusedConv {
    pub fn new(kernel: Kernel, kind: Kind) -> Self {
        Self {
            weight: channels_last(&kernel.weight.to_kind(kind)),
            bias: kernel.bias.to_kind(kind),
            stride: kernel.stride,
            padding: kernel.padding,
            groups: 1,
            transposed: false,
        }
    }

    /// One filter a channel.
    pub fn depthwise(kernel: Kernel, kind: Kind) -> Self {
        let groups = kernel.weight.size()[0];
        Self {
            groups,
            ..Self::new(kernel, kind)
        }
    }

    /// Each pixel made 2x2, the convolution, and the scaling of its outputs, as one transposed convolution.
    pub fn doubling(conv: &Conv2d, scaling: Option<&Scaling>, kind: Kind) -> Self {
        let kernel = Kernel::of(conv);
        let kernel = match scaling {
            Some(scaling) => kernel.then(scaling),
            None => kernel,
        };
        let weight = Conv2d::doubling_kernel(&kernel.weight);
        Self {
            transposed: true,
            ..Self::new(
                Kernel {
                    weight,
                    stride: 2,
                    ..kernel
                },
                kind,
            )
        }
    }

    /// Side of the kernel.
    pub fn taps(&self) -> i64 {
        self.weight.size()[3]
    }

    /// The output's side and the operations for an input of `side` x `side`.
    pub fn count(&self, side: i64) -> (i64, f64) {
        let taps = self.taps();
        // Each weight meets each pixel of the smaller picture.
        let (output, pixels) = if self.transposed {
            let output = (side - 1) * self.stride - 2 * self.padding + taps;
            (output, side * side)
        } else {
            let output = (side + 2 * self.padding - taps) / self.stride + 1;
            (output, output * output)
        };
        (output, 2.0 * pixels as f64 * self.weight.numel() as f64)
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let bias = Some(&self.bias);
        if self.transposed {
            x.conv_transpose2d(&self.weight, bias, stride, padding, [0, 0], 1, [1, 1])
        } else {
            x.conv2d(&self.weight, bias, stride, padding, [1, 1], self.groups)
        }
    }
}

/// A batch norm that could not be folded into a convolution, and the ReLU after it.
#[derive(Debug)]
pub struct FusedActivation {
    factor: Tensor,
    offset: Tensor,
}

impl FusedActivation {
    pub fn new(scaling: &Scaling, kind: Kind) -> Self {
        let a_channel = |values: &Tensor| values.to_kind(kind).view([1, -1, 1, 1]);
        Self {
            factor: a_channel(&scaling.factor),
            offset: a_channel(&scaling.offset),
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.offset.addcmul(x, &self.factor).relu_()
    }
}
