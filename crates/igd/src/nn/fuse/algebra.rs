//! What the rewrites are made of: kernels, batch norms and chains of linear maps as other kernels and matrices.

use std::ops::Range;

use tch::{Kind, Tensor};

use crate::nn::blocks::{BatchNorm2d, Conv2d, sum_of_shifts};

/// What batch norm does in evaluation mode: a factor and an offset a channel.
pub struct Scaling {
    pub factor: Tensor,
    pub offset: Tensor,
}

impl Scaling {
    pub fn of(norm: &BatchNorm2d) -> Self {
        let factor = &norm.weight / (&norm.running_var + norm.epsilon).sqrt();
        let offset = &norm.bias - &norm.running_mean * &factor;
        Self { factor, offset }
    }
}

/// A convolution's kernel (out, in, k, k) and bias (out), on their way to a fused one.
pub struct Kernel {
    pub weight: Tensor,
    pub bias: Tensor,
    pub stride: i64,
    pub padding: i64,
}

impl Kernel {
    pub fn of(conv: &Conv2d) -> Self {
        let weight = conv.weight.shallow_clone();
        let outputs = weight.size()[0];
        Self {
            bias: match &conv.bias {
                Some(bias) => bias.shallow_clone(),
                None => Tensor::zeros([outputs], (Kind::Float, weight.device())),
            },
            weight,
            stride: conv.stride,
            padding: conv.padding,
        }
    }

    /// The convolution, then the scaling of its outputs.
    pub fn then(self, scaling: &Scaling) -> Self {
        Self {
            weight: self.weight * scaling.factor.view([-1, 1, 1, 1]),
            bias: self.bias * &scaling.factor + &scaling.offset,
            ..self
        }
    }

    /// Some of the outputs.
    pub fn outputs(&self, part: Range<i64>) -> Self {
        let length = part.end - part.start;
        Self {
            weight: self.weight.narrow(0, part.start, length),
            bias: self.bias.narrow(0, part.start, length),
            ..*self
        }
    }

    /// What some of the inputs contribute; the bias comes with the first of them.
    pub fn inputs(&self, part: Range<i64>) -> Self {
        let bias = &self.bias;
        Self {
            weight: self.weight.narrow(1, part.start, part.end - part.start),
            bias: if part.start == 0 {
                bias.shallow_clone()
            } else {
                bias.zeros_like()
            },
            ..*self
        }
    }

    /// The convolution, then means of 2x2 pixels.
    pub fn then_halve(self) -> Self {
        Self {
            weight: sum_of_shifts(&self.weight, self.stride) * 0.25,
            stride: 2 * self.stride,
            ..self
        }
    }

    /// The convolution, then a 1x1 convolution.
    pub fn then_pointwise(self, pointwise: &Self) -> Self {
        let mix = pointwise.weight.flatten(1, -1);
        let [_, inputs, height, width] = self.weight.size()[..] else {
            unreachable!("kernels have four dimensions");
        };
        Self {
            weight: mix
                .matmul(&self.weight.flatten(1, -1))
                .view([-1, inputs, height, width]),
            bias: mix.mv(&self.bias) + &pointwise.bias,
            ..self
        }
    }
}

/// Latents as linear functions of pictures with many channels: z = weight . x + bias, weight (latent, C, H, W).
pub struct Readout {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Readout {
    /// What the function is of the input of a convolution whose output it took.
    ///
    /// A convolution's transpose is the transposed convolution with the same kernel.
    pub fn after(&self, kernel: &Kernel, side: i64) -> Self {
        let Kernel {
            weight,
            bias,
            stride,
            padding,
        } = kernel;
        let [output, taps] = [self.weight.size()[3], weight.size()[3]];
        // Columns and rows at the end that no output has looked at.
        let unused = side - ((output - 1) * stride - 2 * padding + taps);
        Self {
            weight: self.weight.conv_transpose2d(
                weight,
                None::<&Tensor>,
                [*stride, *stride],
                [*padding, *padding],
                [unused, unused],
                1,
                [1, 1],
            ),
            bias: &self.bias
                + self
                    .weight
                    .sum_dim_intlist([2, 3].as_slice(), false, Kind::Float)
                    .mv(bias),
        }
    }
}
