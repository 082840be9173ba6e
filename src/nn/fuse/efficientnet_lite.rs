//! EfficientNet-Lite0 together with the layer that makes latents of its features.

use tch::{Kind, Tensor};

use super::algebra::{Kernel, Scaling};
use super::conv::FusedConv;
use super::linear::FusedLinear;
use super::walk::Walk;
use crate::nn::blocks::Linear;
use crate::nn::efficientnet_lite::{EfficientnetLite0, FIRST_POOLED, InvertedResidual, pad_same};

/// (N, 3, H, W) to z (N, latent).
#[derive(Debug)]
pub struct FusedEfficientnetLite0 {
    factor: Tensor,
    offset: Tensor,
    stem: FusedConv,
    stages: Vec<Vec<FusedInvertedResidual>>,
    latent: FusedLinear,
}

impl FusedEfficientnetLite0 {
    pub fn new(encoder: &EfficientnetLite0, latent: &Linear, kind: Kind) -> Self {
        let (factor, offset) = &encoder.renormalise;
        Self {
            factor: factor.to_kind(kind),
            offset: offset.to_kind(kind),
            stem: FusedConv::with_norm(&encoder.stem, &encoder.stem_norm, kind),
            stages: encoder
                .stages
                .iter()
                .map(|blocks| {
                    blocks
                        .iter()
                        .map(|block| FusedInvertedResidual::new(block, kind))
                        .collect()
                })
                .collect(),
            latent: FusedLinear::of(latent, Kind::Float),
        }
    }

    pub fn walk(&mut self, walk: &mut Walk) {
        // Where a convolution halves, its padding comes before it and makes up for what the kernel takes.
        let halving = |walk: &mut Walk, conv: &mut FusedConv| {
            let output = (walk.side + 1) / 2;
            walk.side = 2 * (output - 1) + conv.taps();
            walk.through(conv);
        };
        halving(walk, &mut self.stem);
        for block in self.stages.iter_mut().flatten() {
            if let Some(conv) = &mut block.expand {
                walk.through(conv);
            }
            match block.halving_kernel {
                Some(_) => halving(walk, &mut block.depthwise),
                None => walk.through(&mut block.depthwise),
            }
            walk.through(&mut block.project);
        }
        walk.linear(&self.latent);
    }

    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        // Not folded into the stem: the border is padded with zeros of the new scale.
        let x = self.offset.addcmul(pictures, &self.factor);
        let mut x = relu6(self.stem.forward(&pad_same(&x, 3)));
        let mut pooled = Vec::with_capacity(self.stages.len() - FIRST_POOLED);
        for (index, blocks) in self.stages.iter().enumerate() {
            for block in blocks {
                x = block.forward(&x);
            }
            if index >= FIRST_POOLED {
                pooled.push(x.mean_dim([2, 3].as_slice(), false, Kind::Float));
            }
        }
        self.latent.forward(&Tensor::cat(&pooled, 1))
    }
}

#[derive(Debug)]
struct FusedInvertedResidual {
    expand: Option<FusedConv>,
    depthwise: FusedConv,
    project: FusedConv,
    halving_kernel: Option<i64>,
    residual: bool,
}

impl FusedInvertedResidual {
    fn new(block: &InvertedResidual, kind: Kind) -> Self {
        let depthwise = Kernel::of(&block.depthwise).then(&Scaling::of(&block.bn1));
        Self {
            expand: block
                .expand
                .as_ref()
                .map(|(conv, norm)| FusedConv::with_norm(conv, norm, kind)),
            depthwise: FusedConv::depthwise(depthwise, kind),
            project: FusedConv::with_norm(&block.project, &block.bn2, kind),
            halving_kernel: block.halving_kernel,
            residual: block.residual,
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = match &self.expand {
            Some(conv) => relu6(conv.forward(x)),
            None => x.shallow_clone(),
        };
        let y = match self.halving_kernel {
            Some(kernel) => self.depthwise.forward(&pad_same(&y, kernel)),
            None => self.depthwise.forward(&y),
        };
        let mut y = self.project.forward(&relu6(y));
        if self.residual { y.g_add_(x) } else { y }
    }
}

fn relu6(mut x: Tensor) -> Tensor {
    x.clamp_(0.0, 6.0)
}
