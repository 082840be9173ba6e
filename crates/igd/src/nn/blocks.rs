//! Layers and residual blocks that the networks share, named as in the published state dicts.

use tch::Tensor;

use super::weights::{Init, Scope, WeightsError};

/// What batch norms do in a forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They use the batch's own statistics and update the running ones.
    Train,
    /// They use the batch's own statistics and leave the running ones as they are: what is decoded from mixtures is
    /// nothing that inference will see.
    TrainAside,
    /// Uses the running statistics and leaves them as they are.
    Evaluate,
}

/// A 2-d convolution. Input and output (N, C, H, W).
#[derive(Debug)]
pub struct Conv2d {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) stride: i64,
    pub(super) padding: i64,
    groups: i64,
}

impl Conv2d {
    /// `kernel` x `kernel`, padded so that stride 1 keeps the size.
    pub fn new(
        scope: Scope,
        [input, output, kernel]: [i64; 3],
        init: Init,
    ) -> Result<Self, WeightsError> {
        let bias = scope.weight("bias", &[output], Init::Zeros)?;
        let mut conv = Self::without_bias(scope, [input, output, kernel], init)?;
        conv.bias = Some(bias);
        Ok(conv)
    }

    /// The same without a bias.
    pub fn without_bias(
        scope: Scope,
        [input, output, kernel]: [i64; 3],
        init: Init,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: scope.weight("weight", &[output, input, kernel, kernel], init)?,
            bias: None,
            stride: 1,
            padding: (kernel - 1) / 2,
            groups: 1,
        })
    }

    /// One `kernel` x `kernel` filter a channel, without a bias.
    pub fn depthwise(scope: Scope, channels: i64, kernel: i64) -> Result<Self, WeightsError> {
        let mut conv = Self::without_bias(scope, [1, channels, kernel], Init::KaimingUniform)?;
        conv.groups = channels;
        Ok(conv)
    }

    pub fn stride(mut self, stride: i64) -> Self {
        self.stride = stride;
        self
    }

    /// Overrides the padding on all four sides.
    pub fn padding(mut self, padding: i64) -> Self {
        self.padding = padding;
        self
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.convolve(x, &self.weight, self.stride)
    }

    /// The convolution, then means of 2x2 pixels: one convolution of stride 2 with the means of the kernel's four
    /// shifts, less than half the work.
    pub fn forward_then_halve(&self, x: &Tensor) -> Tensor {
        self.convolve(x, &(sum_of_shifts(&self.weight, 1) * 0.25), 2)
    }

    /// Each pixel made 2x2, then the convolution: one transposed convolution with the sums of the kernel's four shifts,
    /// less than half the work and no enlarged input in memory.
    pub fn double_then_forward(&self, x: &Tensor) -> Tensor {
        x.conv_transpose2d(
            &Self::doubling_kernel(&self.weight),
            self.bias.as_ref(),
            [2, 2],
            [self.padding, self.padding],
            [0, 0],
            1,
            [1, 1],
        )
    }

    /// The kernel (in, out, k + 1, k + 1) of that transposed convolution.
    pub(super) fn doubling_kernel(weight: &Tensor) -> Tensor {
        // A transposed convolution lays its kernel down mirrored, and has inputs and outputs the other way round.
        sum_of_shifts(&weight.transpose(0, 1).flip([2, 3]), 1)
    }

    fn convolve(&self, x: &Tensor, weight: &Tensor, stride: i64) -> Tensor {
        x.conv2d(
            weight,
            self.bias.as_ref(),
            [stride, stride],
            [self.padding, self.padding],
            [1, 1],
            self.groups,
        )
    }
}

/// The kernel summed with itself shifted to the right, down, and both, by as many pixels as the convolution's `stride`:
/// (out, in, k + stride, k + stride). It is linear in the kernel, so one product with a small matrix: what becomes of
/// the kernels that are one at a single place.
pub(super) fn sum_of_shifts(kernel: &Tensor, stride: i64) -> Tensor {
    let (output, input, side, _) = sizes(kernel);
    let units = Tensor::eye(side * side, (kernel.kind(), kernel.device()));
    let units = units.view([side * side, side, side]);
    let shifted = |left, top| units.constant_pad_nd([left, stride - left, top, stride - top]);
    let matrix = shifted(0, 0) + shifted(stride, 0) + shifted(0, stride) + shifted(stride, stride);
    kernel
        .reshape([-1, side * side])
        .matmul(&matrix.flatten(1, -1))
        .view([output, input, side + stride, side + stride])
}

/// A fully connected layer: (N, in) to (N, out).
#[derive(Debug)]
pub struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Linear {
    pub fn new(scope: Scope, input: i64, output: i64) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: scope.weight("weight", &[output, input], Init::XavierUniform)?,
            bias: scope.weight("bias", &[output], Init::Zeros)?,
        })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

/// Batch normalisation over (N, C, H, W) with PyTorch's momentum 0.1.
#[derive(Debug)]
pub struct BatchNorm2d {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) running_mean: Tensor,
    pub(super) running_var: Tensor,
    pub(super) epsilon: f64,
}

impl BatchNorm2d {
    pub fn new(scope: Scope, channels: i64) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: scope.weight("weight", &[channels], Init::Ones)?,
            bias: scope.weight("bias", &[channels], Init::Zeros)?,
            running_mean: scope.statistic("running_mean", &[channels], Init::Zeros)?,
            running_var: scope.statistic("running_var", &[channels], Init::Ones)?,
            epsilon: 1e-5,
        })
    }

    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let running = (mode != Mode::TrainAside).then_some((&self.running_mean, &self.running_var));
        x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            running.map(|(mean, _)| mean),
            running.map(|(_, variance)| variance),
            mode != Mode::Evaluate,
            0.1,
            self.epsilon,
            false,
        )
    }
}

/// Layer normalisation over (C, H, W), with a scale and a shift for each of them, as the critics have it.
#[derive(Debug)]
pub(super) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    shape: [i64; 3],
}

impl LayerNorm {
    fn new(scope: Scope, shape: [i64; 3]) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: scope.weight("weight", &shape, Init::Ones)?,
            bias: scope.weight("bias", &shape, Init::Zeros)?,
            shape,
        })
    }

    /// Computed with the channels last, as convolutions leave them.
    fn forward(&self, x: &Tensor) -> Tensor {
        let [channels, height, width] = self.shape;
        let last = |parameter: &Tensor| parameter.permute([1, 2, 0]);
        x.permute([0, 2, 3, 1])
            .layer_norm(
                [height, width, channels],
                Some(last(&self.weight)),
                Some(last(&self.bias)),
                1e-5,
                false,
            )
            .permute([0, 3, 1, 2])
    }
}

/// Which normalisation a halving block has.
#[derive(Clone, Copy, Debug)]
pub enum Norm {
    /// Encoders.
    Batch,
    /// Critics, which must judge each picture by itself.
    Layer,
}

#[derive(Debug)]
pub(super) enum BlockNorm {
    Batch(BatchNorm2d),
    Layer(LayerNorm),
}

impl BlockNorm {
    fn new(scope: Scope, norm: Norm, channels: i64, side: i64) -> Result<Self, WeightsError> {
        Ok(match norm {
            Norm::Batch => Self::Batch(BatchNorm2d::new(scope, channels)?),
            Norm::Layer => Self::Layer(LayerNorm::new(scope, [channels, side, side])?),
        })
    }

    /// The batch norm of an encoder's block.
    pub(super) fn batch(&self) -> &BatchNorm2d {
        match self {
            Self::Batch(norm) => norm,
            Self::Layer(_) => {
                unreachable!("only critics have layer norm, and they take no part in inference")
            }
        }
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        match self {
            Self::Batch(norm) => norm.forward(x, mode),
            Self::Layer(norm) => norm.forward(x),
        }
    }
}

/// Pre-activation residual block that halves the picture by 2x2 means.
#[derive(Debug)]
pub struct ResidualDown {
    pub(super) bn1: BlockNorm,
    pub(super) bn2: BlockNorm,
    pub(super) shortcut: Conv2d,
    pub(super) conv_1: Conv2d,
    pub(super) conv_2: Conv2d,
}

impl ResidualDown {
    /// For an input of `side` x `side`.
    pub fn new(
        scope: Scope,
        input: i64,
        output: i64,
        norm: Norm,
        side: i64,
    ) -> Result<Self, WeightsError> {
        let shortcut = &scope / "conv_shortcut" / "conv" / "conv";
        let conv_1 = &scope / "conv_1" / "conv";
        let conv_2 = &scope / "conv_2" / "conv" / "conv";
        Ok(Self {
            bn1: BlockNorm::new(&scope / "bn1", norm, input, side)?,
            bn2: BlockNorm::new(&scope / "bn2", norm, input, side)?,
            shortcut: Conv2d::new(shortcut, [input, output, 1], Init::XavierUniform)?,
            conv_1: Conv2d::without_bias(conv_1, [input, input, 3], Init::KaimingUniform)?,
            conv_2: Conv2d::new(conv_2, [input, output, 3], Init::KaimingUniform)?,
        })
    }

    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let shortcut = self.shortcut.forward(&halve(x));
        let y = self.bn1.forward(x, mode).relu();
        let y = self.conv_1.forward(&y);
        let y = self.bn2.forward(&y, mode).relu();
        shortcut + self.conv_2.forward_then_halve(&y)
    }
}

/// Pre-activation residual block that doubles the picture by nearest neighbours.
#[derive(Debug)]
pub struct ResidualUp {
    pub(super) bn1: BatchNorm2d,
    pub(super) bn2: BatchNorm2d,
    pub(super) shortcut: Conv2d,
    pub(super) conv_1: Conv2d,
    pub(super) conv_2: Conv2d,
}

impl ResidualUp {
    pub fn new(scope: Scope, input: i64, output: i64) -> Result<Self, WeightsError> {
        let shortcut = &scope / "conv_shortcut" / "conv" / "conv";
        let conv_1 = &scope / "conv_1" / "conv" / "conv";
        let conv_2 = &scope / "conv_2" / "conv";
        Ok(Self {
            bn1: BatchNorm2d::new(&scope / "bn1", input)?,
            bn2: BatchNorm2d::new(&scope / "bn2", output)?,
            shortcut: Conv2d::new(shortcut, [input, output, 1], Init::XavierUniform)?,
            conv_1: Conv2d::without_bias(conv_1, [input, output, 3], Init::KaimingUniform)?,
            conv_2: Conv2d::new(conv_2, [output, output, 3], Init::KaimingUniform)?,
        })
    }

    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        // A 1x1 convolution and a nearest-neighbour upsampling commute; this order is a quarter of the work.
        let shortcut = double(&self.shortcut.forward(x));
        // In place: batch norm's gradient is made of its input, not of its output.
        let y = self.bn1.forward(x, mode).relu_();
        let y = self.conv_1.double_then_forward(&y);
        let y = self.bn2.forward(&y, mode).relu_();
        shortcut + self.conv_2.forward(&y)
    }
}

/// The same with the channels of a pixel side by side in memory: convolutions are faster so, and the layers after them
/// keep what they are given.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Means of 2x2 pixels: (N, C, H, W) to (N, C, H / 2, W / 2), rounded down.
pub fn halve(x: &Tensor) -> Tensor {
    x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
}

/// Each pixel becomes 2x2.
pub fn double(x: &Tensor) -> Tensor {
    let (_, _, height, width) = sizes(x);
    x.upsample_nearest2d([2 * height, 2 * width], None, None)
}

/// (N, C, H, W) of a batch of pictures.
pub fn sizes(x: &Tensor) -> (i64, i64, i64, i64) {
    let size = x.size();
    (size[0], size[1], size[2], size[3])
}
