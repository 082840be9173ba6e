//! Residual blocks that halve the picture down to 4x4, then a linear layer: the body of trained encoders and critics.

use tch::Tensor;

use super::blocks::{Conv2d, Linear, Mode, Norm, ResidualDown, channels_last};
use super::weights::{Init, Scope, WeightsError};
use super::{PATCH, PICTURE};

/// Side of the picture that the linear layer reads, and of the decoders' first one.
pub const SMALLEST_SIDE: i64 = 4;

/// (N, 3, side, side) to (N, outputs).
#[derive(Debug)]
pub struct Tower {
    pub(super) conv1: Conv2d,
    pub(super) blocks: Vec<ResidualDown>,
    pub(super) conv2: Option<Conv2d>,
    pub(super) ln1: Linear,
}

impl Tower {
    /// For patches, 32x32.
    pub fn local(scope: Scope, width: i64, norm: Norm, outputs: i64) -> Result<Self, WeightsError> {
        let conv1 = &scope / "conv1" / "conv";
        Ok(Self {
            conv1: Conv2d::new(conv1, [3, width, 3], Init::XavierUniform)?,
            blocks: halving_blocks(
                &scope,
                &[1, 2, 4, 8].map(|times| times * width),
                norm,
                PATCH,
            )?,
            conv2: None,
            ln1: Linear::new(
                &scope / "ln1",
                SMALLEST_SIDE * SMALLEST_SIDE * 8 * width,
                outputs,
            )?,
        })
    }

    /// For whole pictures, 256x256: the first and the last convolution halve as well.
    pub fn global(
        scope: Scope,
        width: i64,
        norm: Norm,
        outputs: i64,
    ) -> Result<Self, WeightsError> {
        let conv1 = &scope / "conv1" / "conv";
        let conv1 = Conv2d::new(conv1, [3, width, 5], Init::XavierUniform)?;
        let widths = [1, 2, 4, 8, 8].map(|times| times * width);
        let blocks = halving_blocks(&scope, &widths, norm, PICTURE / 2)?;
        let conv2 = &scope / "conv2" / "conv";
        let conv2 = Conv2d::new(conv2, [8 * width, 8 * width, 3], Init::XavierUniform)?;
        Ok(Self {
            conv1: conv1.stride(2),
            blocks,
            conv2: Some(conv2.stride(2)),
            ln1: Linear::new(
                &scope / "ln1",
                SMALLEST_SIDE * SMALLEST_SIDE * 8 * width,
                outputs,
            )?,
        })
    }

    pub fn forward(&self, pictures: &Tensor, mode: Mode) -> Tensor {
        let mut x = self.conv1.forward(&channels_last(pictures));
        for block in &self.blocks {
            x = block.forward(&x, mode);
        }
        if let Some(conv2) = &self.conv2 {
            x = conv2.forward(&x);
        }
        self.ln1.forward(&x.flatten(1, -1))
    }
}

/// Blocks `rb1`, `rb2`, ... from the first width to the last; the first sees `side` x `side`.
fn halving_blocks(
    scope: &Scope,
    widths: &[i64],
    norm: Norm,
    side: i64,
) -> Result<Vec<ResidualDown>, WeightsError> {
    widths
        .windows(2)
        .enumerate()
        .map(|(index, pair)| {
            let block = scope / &format!("rb{}", index + 1);
            ResidualDown::new(block, pair[0], pair[1], norm, side >> index)
        })
        .collect()
}
