//! Convolutions with weights ready for the kernels.

use tch::{Kind, Tensor};

use super::algebra::{Kernel, Scaling};
use crate::libtorch::{Geometry, PackedConvolution, Then};
use crate::nn::blocks::{BatchNorm2d, Conv2d, channels_last};

/// What a layer will see at a time: so many pictures of so many pixels.
#[derive(Clone, Copy, Debug)]
pub struct InputShape {
    pub batch: i64,
    pub height: i64,
    pub width: i64,
}

impl InputShape {
    /// Square pictures.
    pub fn square(batch: i64, side: i64) -> Self {
        Self {
            batch,
            height: side,
            width: side,
        }
    }

    /// With other sides.
    pub fn map(self, side: impl Fn(i64) -> i64) -> Self {
        Self {
            height: side(self.height),
            width: side(self.width),
            ..self
        }
    }
}

/// A convolution in the precision of the run.
#[derive(Debug)]
pub struct FusedConv {
    weight: Kernels,
    bias: Tensor,
    geometry: Geometry,
    /// Side of the kernel.
    taps: i64,
}

#[derive(Debug)]
enum Kernels {
    /// Channels-last.
    Plain(Tensor),
    /// On CPUs that have the kernels.
    Packed(PackedConvolution),
}

impl FusedConv {
    pub fn new(kernel: Kernel, kind: Kind) -> Self {
        Self {
            taps: kernel.weight.size()[3],
            weight: Kernels::Plain(channels_last(&kernel.weight.to_kind(kind))),
            bias: kernel.bias.to_kind(kind),
            geometry: Geometry {
                stride: kernel.stride,
                padding: kernel.padding,
                groups: 1,
                transposed: false,
            },
        }
    }

    /// The convolution and the batch norm after it.
    pub fn with_norm(conv: &Conv2d, norm: &BatchNorm2d, kind: Kind) -> Self {
        Self::new(Kernel::of(conv).then(&Scaling::of(norm)), kind)
    }

    /// One filter a channel.
    pub fn depthwise(kernel: Kernel, kind: Kind) -> Self {
        let groups = kernel.weight.size()[0];
        let mut conv = Self::new(kernel, kind);
        conv.geometry.groups = groups;
        conv
    }

    /// Each pixel made 2x2, then the convolution, as one transposed convolution.
    pub fn doubling(kernel: Kernel, kind: Kind) -> Self {
        let weight = Conv2d::doubling_kernel(&kernel.weight);
        let stride = 2;
        let kernel = Kernel {
            weight,
            stride,
            ..kernel
        };
        let mut conv = Self::new(kernel, kind);
        conv.geometry.transposed = true;
        conv
    }

    /// Side of the kernel.
    pub fn taps(&self) -> i64 {
        self.taps
    }

    /// Packs the weights, which are on the CPU, for such pictures, where that can be done; returns the shape of the output.
    pub fn pack(&mut self, input: InputShape) -> InputShape {
        if let Some(packed) = self.packed(input) {
            self.weight = Kernels::Packed(packed);
        }
        let Geometry {
            stride,
            padding,
            transposed,
            ..
        } = self.geometry;
        input.map(|side| match transposed {
            true => (side - 1) * stride - 2 * padding + self.taps,
            false => (side + 2 * padding - self.taps) / stride + 1,
        })
    }

    fn packed(&self, input: InputShape) -> Option<PackedConvolution> {
        let Kernels::Plain(weight) = &self.weight else {
            return None;
        };
        let size = weight.size();
        let channels = if self.geometry.transposed {
            size[0]
        } else {
            size[1] * self.geometry.groups
        };
        let InputShape {
            batch,
            height,
            width,
        } = input;
        let input_size = [batch, channels, height, width];
        PackedConvolution::new(weight, &self.bias, self.geometry, input_size)
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        match &self.weight {
            Kernels::Packed(packed) => packed.forward(x, Then::Nothing),
            Kernels::Plain(weight) => self.convolve(x, weight),
        }
    }

    pub fn forward_relu(&self, x: &Tensor) -> Tensor {
        match &self.weight {
            Kernels::Packed(packed) => packed.forward(x, Then::Relu),
            Kernels::Plain(weight) => self.convolve(x, weight).relu_(),
        }
    }

    /// Held within 0 and 6.
    pub fn forward_relu6(&self, x: &Tensor) -> Tensor {
        match &self.weight {
            Kernels::Packed(packed) => packed.forward(x, Then::Relu6),
            Kernels::Plain(weight) => self.convolve(x, weight).clamp_(0.0, 6.0),
        }
    }

    /// `sum` plus the output, in the memory of `sum`. Not for transposed convolutions.
    pub fn forward_onto(&self, mut sum: Tensor, x: &Tensor) -> Tensor {
        match &self.weight {
            Kernels::Packed(packed) => packed.forward_onto(sum, x, Then::Nothing),
            Kernels::Plain(weight) => sum.g_add_(&self.convolve(x, weight)),
        }
    }

    /// The ReLU of that.
    pub fn forward_onto_relu(&self, mut sum: Tensor, x: &Tensor) -> Tensor {
        match &self.weight {
            Kernels::Packed(packed) => packed.forward_onto(sum, x, Then::Relu),
            Kernels::Plain(weight) => sum.g_add_(&self.convolve(x, weight)).relu_(),
        }
    }

    fn convolve(&self, x: &Tensor, weight: &Tensor) -> Tensor {
        let Geometry {
            stride,
            padding,
            groups,
            transposed,
        } = self.geometry;
        let (stride, padding) = ([stride; 2], [padding; 2]);
        let bias = Some(&self.bias);
        if transposed {
            x.conv_transpose2d(weight, bias, stride, padding, [0, 0], groups, [1, 1])
        } else {
            x.conv2d(weight, bias, stride, padding, [1, 1], groups)
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
