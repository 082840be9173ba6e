//! The decoders: a linear layer, doubling blocks, and a last convolution to three channels.

use tch::{Kind, Tensor};

use super::algebra::{Kernel, Scaling};
use super::conv::{FusedActivation, FusedConv, InputShape};
use super::linear::{FusedLinear, flat};
use crate::nn::blocks::{BatchNorm2d, Linear, ResidualUp, double};
use crate::nn::tower::SMALLEST_SIDE;
use crate::nn::{Global, Local};

/// z (N, latent) to (N, 3, side, side).
#[derive(Debug)]
pub struct FusedDecoder {
    /// To the first picture, channels-last.
    first: FusedLinear,
    /// Whole pictures need one doubling more. Multiplied out with the linear layer it would save a thousandth of a
    /// picture's operations, and take a tenth of a picture's more at each opening.
    up: Option<FusedConv>,
    blocks: Vec<FusedUp>,
    /// In f32: bf16 would round dark pixels by a gray level, and dark flat patches are judged by less.
    last: FusedConv,
}

impl FusedDecoder {
    pub fn local(network: &Local, kind: Kind) -> Self {
        Self {
            first: first(&network.ln1, kind),
            up: None,
            blocks: doubling_blocks(&network.blocks, &network.bn, kind),
            last: FusedConv::new(Kernel::of(&network.conv1), Kind::Float),
        }
    }

    pub fn global(network: &Global, kind: Kind) -> Self {
        Self {
            first: first(&network.ln1, kind),
            up: Some(FusedConv::doubling(Kernel::of(&network.up1), kind)),
            blocks: doubling_blocks(&network.blocks, &network.bn, kind),
            last: FusedConv::doubling(Kernel::of(&network.up2), Kind::Float),
        }
    }

    /// Packs the convolutions for that many latents at a time.
    pub fn pack(&mut self, batch: i64) {
        let mut x = InputShape::square(batch, SMALLEST_SIDE);
        if let Some(up) = &mut self.up {
            x = up.pack(x);
        }
        for block in &mut self.blocks {
            block.shortcut.pack(x);
            x = block.conv_1.pack(x);
            x = block.conv_2.pack(x);
        }
        self.last.pack(x);
    }

    pub fn forward(&self, latents: &Tensor) -> Tensor {
        let x = self.first.forward(latents);
        let mut x = x
            .view([latents.size()[0], SMALLEST_SIDE, SMALLEST_SIDE, -1])
            .permute([0, 3, 1, 2]);
        if let Some(up) = &self.up {
            x = up.forward(&x);
        }
        for block in &self.blocks {
            x = block.forward(&x);
        }
        self.last.forward(&x.relu_().to_kind(Kind::Float))
    }
}

/// The layer with its outputs, pictures of 4x4, in channels-last order.
fn first(ln1: &Linear, kind: Kind) -> FusedLinear {
    let side = SMALLEST_SIDE;
    let order = |rows: Tensor| flat(&rows.contiguous().view([rows.size()[0], -1, side, side]));
    let weight = order(ln1.weight.tr()).tr();
    let bias = order(ln1.bias.unsqueeze(0)).squeeze();
    FusedLinear::new(&weight.contiguous(), &bias, kind)
}

/// The blocks, with the batch norm that follows the last one in it.
fn doubling_blocks(blocks: &[ResidualUp], norm: &BatchNorm2d, kind: Kind) -> Vec<FusedUp> {
    let last = blocks.len().saturating_sub(1);
    let norm = Scaling::of(norm);
    blocks
        .iter()
        .enumerate()
        .map(|(index, block)| FusedUp::new(block, (index == last).then_some(&norm), kind))
        .collect()
}

#[derive(Debug)]
struct FusedUp {
    activation: FusedActivation,
    shortcut: FusedConv,
    conv_1: FusedConv,
    conv_2: FusedConv,
}

impl FusedUp {
    /// `after` scales the block's output.
    fn new(block: &ResidualUp, after: Option<&Scaling>, kind: Kind) -> Self {
        let mut shortcut = Kernel::of(&block.shortcut);
        let mut conv_2 = Kernel::of(&block.conv_2);
        if let Some(after) = after {
            // The offset is to be added once.
            let factor_alone = Scaling {
                factor: after.factor.shallow_clone(),
                offset: after.offset.zeros_like(),
            };
            shortcut = shortcut.then(after);
            conv_2 = conv_2.then(&factor_alone);
        }
        Self {
            activation: FusedActivation::new(&Scaling::of(&block.bn1), kind),
            shortcut: FusedConv::new(shortcut, kind),
            conv_1: FusedConv::doubling(
                Kernel::of(&block.conv_1).then(&Scaling::of(&block.bn2)),
                kind,
            ),
            conv_2: FusedConv::new(conv_2, kind),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let shortcut = double(&self.shortcut.forward(x));
        let y = self.conv_1.forward_relu(&self.activation.forward(x));
        self.conv_2.forward_onto(shortcut, &y)
    }
}
