//! The encoder of residual blocks together with the layer that makes latents of its features.

use tch::{Kind, Tensor};

use super::algebra::{Kernel, Readout, Scaling};
use super::conv::{FusedActivation, FusedConv, InputShape};
use super::linear::{FusedLinear, flat};
use crate::nn::blocks::{Linear, ResidualDown, halve};
use crate::nn::tower::{SMALLEST_SIDE, Tower};

/// (N, 3, side, side) to z (N, latent).
#[derive(Debug)]
pub struct FusedTower {
    /// The first convolution with the first block's batch norm.
    stem: FusedConv,
    /// The first convolution and the first block's shortcut.
    stem_shortcut: FusedConv,
    first: Branch,
    blocks: Vec<FusedDown>,
    last: Last,
}

/// From the last blocks to z.
#[derive(Debug)]
enum Last {
    /// The last block ends in the latent layer, and so its second convolution and shortcut are part of it.
    Block {
        activation: FusedActivation,
        conv_1: FusedConv,
        from_branch: FusedLinear,
        from_shortcut: FusedLinear,
    },
    /// What follows the last block: for whole pictures the step above would be a matrix of 17 million weights.
    Convolution(FusedLinear),
}

impl FusedTower {
    pub fn new(tower: &Tower, latent: &Linear, kind: Kind) -> Self {
        let Some((first, blocks)) = tower.blocks.split_first() else {
            unreachable!("towers have blocks");
        };
        let readout = readout(&tower.ln1, latent);
        let (blocks, last) = match (&tower.conv2, blocks.split_last()) {
            (None, Some((last, blocks))) => (blocks, Last::block(last, &readout, kind)),
            (None, None) => (
                blocks,
                Last::Convolution(FusedLinear::reading(&readout, kind)),
            ),
            (Some(conv2), _) => {
                let readout = readout.after(&Kernel::of(conv2), 2 * SMALLEST_SIDE);
                (
                    blocks,
                    Last::Convolution(FusedLinear::reading(&readout, kind)),
                )
            }
        };
        let stem = Kernel::of(&tower.conv1);
        let shortcut = Kernel::of(&first.shortcut);
        Self {
            stem: FusedConv::with_norm(&tower.conv1, first.bn1.batch(), kind),
            stem_shortcut: FusedConv::new(stem.then_halve().then_pointwise(&shortcut), kind),
            first: Branch::new(first, kind),
            blocks: blocks
                .iter()
                .map(|block| FusedDown::new(block, kind))
                .collect(),
            last,
        }
    }

    /// Packs the convolutions for such pictures.
    pub fn pack(&mut self, pictures: InputShape) {
        self.stem_shortcut.pack(pictures);
        let x = self.stem.pack(pictures);
        let mut x = self.first.pack(x);
        for block in &mut self.blocks {
            x = block.branch.pack(x);
            // The shortcut sees the halved picture, and does not change its size.
            block.shortcut.pack(x);
        }
        if let Last::Block { conv_1, .. } = &mut self.last {
            conv_1.pack(x);
        }
    }

    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        let y = self.stem.forward_relu(pictures);
        let mut x = self
            .first
            .forward_onto(self.stem_shortcut.forward(pictures), &y);
        drop(y);
        for block in &self.blocks {
            x = block.forward(&x);
        }
        match &self.last {
            Last::Block {
                activation,
                conv_1,
                from_branch,
                from_shortcut,
            } => {
                let y = conv_1.forward_relu(&activation.forward(&x));
                from_branch.add_to(&from_shortcut.forward(&flat(&x)), &flat(&y))
            }
            Last::Convolution(linear) => linear.forward(&flat(&x)),
        }
    }
}

impl Last {
    fn block(block: &ResidualDown, readout: &Readout, kind: Kind) -> Self {
        let side = 2 * SMALLEST_SIDE;
        let shortcut = Kernel::of(&block.shortcut).then_halve();
        let conv_2 = Kernel::of(&block.conv_2).then_halve();
        // Both branches' biases go into one of the two.
        let bias = &shortcut.bias + &conv_2.bias;
        let shortcut = Kernel { bias, ..shortcut };
        Self::Block {
            activation: FusedActivation::new(&Scaling::of(block.bn1.batch()), kind),
            conv_1: FusedConv::with_norm(&block.conv_1, block.bn2.batch(), kind),
            from_branch: FusedLinear::reading(&readout.after(&conv_2, side), kind),
            from_shortcut: FusedLinear::reading(&readout.after(&shortcut, side), kind),
        }
    }
}

/// The latent layer's view of the tower's last pictures.
fn readout(ln1: &Linear, latent: &Linear) -> Readout {
    let side = SMALLEST_SIDE;
    let weight = latent.weight.matmul(&ln1.weight);
    Readout {
        weight: weight.view([weight.size()[0], -1, side, side]),
        bias: latent.forward(&ln1.bias),
    }
}

/// The convolutions of a halving block.
#[derive(Debug)]
struct Branch {
    conv_1: FusedConv,
    conv_2: FusedConv,
}

impl Branch {
    fn new(block: &ResidualDown, kind: Kind) -> Self {
        Self {
            conv_1: FusedConv::with_norm(&block.conv_1, block.bn2.batch(), kind),
            conv_2: FusedConv::new(Kernel::of(&block.conv_2).then_halve(), kind),
        }
    }

    fn pack(&mut self, x: InputShape) -> InputShape {
        let x = self.conv_1.pack(x);
        self.conv_2.pack(x)
    }

    fn forward_onto(&self, shortcut: Tensor, y: &Tensor) -> Tensor {
        self.conv_2
            .forward_onto(shortcut, &self.conv_1.forward_relu(y))
    }
}

#[derive(Debug)]
struct FusedDown {
    activation: FusedActivation,
    branch: Branch,
    shortcut: FusedConv,
}

impl FusedDown {
    fn new(block: &ResidualDown, kind: Kind) -> Self {
        Self {
            activation: FusedActivation::new(&Scaling::of(block.bn1.batch()), kind),
            branch: Branch::new(block, kind),
            shortcut: FusedConv::new(Kernel::of(&block.shortcut), kind),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let shortcut = self.shortcut.forward(&halve(x));
        self.branch
            .forward_onto(shortcut, &self.activation.forward(x))
    }
}
