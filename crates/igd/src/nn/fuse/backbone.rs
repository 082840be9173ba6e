//! The stages of EfficientNet-Lite0, shared by threads.
//!
//! Each block widens its picture, filters each channel by itself and narrows it again. So a share of the inner channels
//! goes through all three layers alone, and only the narrow pictures that the shares come to are summed: one meeting of
//! the threads a block, where splitting each layer takes three.

use std::ops::Range;

use rayon::prelude::*;
use tch::{Kind, Tensor, no_grad};

use super::algebra::{Kernel, Scaling};
use super::conv::FusedConv;
use super::walk::Walk;
use crate::libtorch::Shared;
use crate::nn::efficientnet_lite::{Backbone, InvertedResidual, pad_same, through};

/// Channels that are not worth splitting: what a vector register holds in f32.
const LANES: i64 = 16;

/// A [`Backbone`] for inference.
#[derive(Debug)]
pub struct FusedBackbone {
    stages: Vec<Vec<Block>>,
}

impl FusedBackbone {
    /// For as many threads as `shares`.
    pub fn new(backbone: &Backbone, kind: Kind, shares: usize) -> Self {
        let stem = Kernel::of(&backbone.stem).then(&Scaling::of(&backbone.stem_norm));
        let mut stem = Some(stem);
        Self {
            stages: backbone
                .stages
                .iter()
                .map(|blocks| {
                    blocks
                        .iter()
                        // The first block does not widen; the stem comes in the place of it.
                        .map(|block| Block::new(block, stem.take(), kind, shares))
                        .collect()
                })
                .collect(),
        }
    }

    pub fn walk(&mut self, walk: &mut Walk) {
        for block in self.stages.iter_mut().flatten() {
            let size = walk.size;
            for share in &mut block.shares {
                walk.size = size;
                share.walk(walk);
            }
        }
    }

    /// (N, 3, H, W), channels-last and normalised for the backbone, to the output of each stage. Within a pool of
    /// threads, all of them work on it.
    pub fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        through(&self.stages, x.shallow_clone(), Block::forward)
    }
}

#[derive(Debug)]
struct Block {
    /// One at least.
    shares: Vec<ChannelShare>,
    residual: bool,
}

impl Block {
    fn new(block: &InvertedResidual, stem: Option<Kernel>, kind: Kind, shares: usize) -> Self {
        let widened = block
            .expand
            .as_ref()
            .map(|(conv, norm)| Kernel::of(conv).then(&Scaling::of(norm)));
        let widen = (widened.map(|kernel| (kernel, None)))
            .or(stem.map(|kernel| (kernel, Some(STEM_KERNEL))));
        let depthwise = Kernel::of(&block.depthwise).then(&Scaling::of(&block.bn1));
        let narrow = Kernel::of(&block.project).then(&Scaling::of(&block.bn2));
        let channels = depthwise.weight.size()[0];
        let shares = parts(channels, shares)
            .into_iter()
            .map(|part| ChannelShare {
                widen: widen.as_ref().map(|(kernel, halving)| {
                    let conv = FusedConv::new(kernel.outputs(part.clone()), kind);
                    (conv, *halving)
                }),
                depthwise: FusedConv::depthwise(depthwise.outputs(part.clone()), kind),
                halving_kernel: block.halving_kernel,
                narrow: FusedConv::new(narrow.inputs(part), kind),
            })
            .collect();
        Self {
            shares,
            residual: block.residual,
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        // SAFETY: all only read it.
        let shared = unsafe { Shared::new(x) };
        let parts: Vec<Tensor> = match &self.shares[..] {
            [share] => vec![share.forward(x)],
            shares => shares
                .par_iter()
                .map(|share| no_grad(|| share.forward(shared.get())))
                .collect(),
        };
        let mut sum: Option<Tensor> = self.residual.then(|| x.shallow_clone());
        for part in parts {
            sum = Some(match sum {
                Some(sum) => part + sum,
                None => part,
            });
        }
        sum.expect("a block has shares")
    }
}

const STEM_KERNEL: i64 = 3;

/// Some of a block's inner channels.
#[derive(Debug)]
struct ChannelShare {
    /// To the inner channels, and the side of the kernel where it halves.
    widen: Option<(FusedConv, Option<i64>)>,
    depthwise: FusedConv,
    halving_kernel: Option<i64>,
    narrow: FusedConv,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for ChannelShare {}

impl ChannelShare {
    fn walk(&mut self, walk: &mut Walk) {
        if let Some((conv, halving)) = &mut self.widen {
            pass(walk, conv, *halving);
        }
        pass(walk, &mut self.depthwise, self.halving_kernel);
        walk.through(&mut self.narrow);
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = match &self.widen {
            Some((conv, Some(kernel))) => conv.forward_relu6(&pad_same(x, *kernel)),
            Some((conv, None)) => conv.forward_relu6(x),
            None => x.shallow_clone(),
        };
        let y = match self.halving_kernel {
            Some(kernel) => self.depthwise.forward_relu6(&pad_same(&y, kernel)),
            None => self.depthwise.forward_relu6(&y),
        };
        self.narrow.forward(&y)
    }
}

/// Where a convolution halves, its padding comes before it and makes up for what the kernel takes.
fn pass(walk: &mut Walk, conv: &mut FusedConv, halving: Option<i64>) {
    if halving.is_some() {
        walk.size = walk.size.map(|side| 2 * ((side + 1) / 2 - 1) + conv.taps());
    }
    walk.through(conv);
}

/// Splits so many channels in at most `count` parts, each a multiple of [`LANES`] where that is possible.
fn parts(channels: i64, count: usize) -> Vec<Range<i64>> {
    let blocks = (channels + LANES - 1) / LANES;
    let count = blocks.min(count.max(1) as i64);
    let bound = |part: i64| (blocks * part / count * LANES).min(channels);
    (0..count)
        .map(|part| bound(part)..bound(part + 1))
        .collect()
}
