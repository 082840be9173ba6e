//! ResNet-18 together with the layer that makes latents of its features.

use tch::{Kind, Tensor};

use super::conv::{FusedConv, InputShape};
use super::linear::FusedLinear;
use crate::nn::blocks::Linear;
use crate::nn::resnet18::{BasicBlock, Resnet18};

/// (N, 3, H, W) to z (N, latent).
#[derive(Debug)]
pub struct FusedResnet18 {
    stem: FusedConv,
    blocks: Vec<FusedBasicBlock>,
    latent: FusedLinear,
}

impl FusedResnet18 {
    pub fn new(encoder: &Resnet18, latent: &Linear, kind: Kind) -> Self {
        Self {
            stem: FusedConv::with_norm(&encoder.conv1, &encoder.bn1, kind),
            blocks: encoder
                .blocks
                .iter()
                .map(|block| FusedBasicBlock::new(block, kind))
                .collect(),
            latent: FusedLinear::of(latent, Kind::Float),
        }
    }

    /// Packs the convolutions for such pictures.
    pub fn pack(&mut self, pictures: InputShape) {
        let x = self.stem.pack(pictures);
        // The pooling.
        let mut x = x.map(|side| (side + 1) / 2);
        for block in &mut self.blocks {
            if let Some(conv) = &mut block.downsample {
                conv.pack(x);
            }
            x = block.conv1.pack(x);
            x = block.conv2.pack(x);
        }
    }

    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        let x = self.stem.forward_relu(pictures);
        let mut x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.latent
            .forward(&x.mean_dim([2, 3].as_slice(), false, Kind::Float))
    }
}

#[derive(Debug)]
struct FusedBasicBlock {
    conv1: FusedConv,
    conv2: FusedConv,
    downsample: Option<FusedConv>,
}

impl FusedBasicBlock {
    fn new(block: &BasicBlock, kind: Kind) -> Self {
        Self {
            conv1: FusedConv::with_norm(&block.conv1, &block.bn1, kind),
            conv2: FusedConv::with_norm(&block.conv2, &block.bn2, kind),
            downsample: block
                .downsample
                .as_ref()
                .map(|(conv, norm)| FusedConv::with_norm(conv, norm, kind)),
        }
    }

    fn forward(&self, x: Tensor) -> Tensor {
        let y = self.conv1.forward_relu(&x);
        let shortcut = match &self.downsample {
            Some(conv) => conv.forward(&x),
            None => x,
        };
        self.conv2.forward_onto_relu(shortcut, &y)
    }
}
