//! The stages of EfficientNet-Lite0, shared by threads.
//!
//! Each block widens its picture, filters each channel by itself and narrows it again. So a slice of the inner channels
//! goes through all three layers alone, and only the narrow pictures that the slices come to are summed: one meeting of
//! the threads a block, where splitting each layer takes three.

use std::ops::Range;

use rayon::prelude::*;
use tch::{Kind, Tensor, no_grad};

use super::conv::{FusedConv, InputShape};
use super::folded::{FoldedBlock, PaddedKernel, folded};
use crate::libtorch::SyncRef;
use crate::nn::efficientnet_lite::{Backbone, pad_same, through};

/// Channels that are not worth splitting: what a vector register holds in f32.
const LANES: i64 = 16;

/// A [`Backbone`] for inference.
#[derive(Debug)]
pub struct FusedBackbone {
    stages: Vec<Vec<Block>>,
}

impl FusedBackbone {
    /// For that many threads, in the precision `kind`.
    pub fn new(backbone: &Backbone, kind: Kind, threads: usize) -> Self {
        let stages = folded(backbone).into_iter().map(|blocks| {
            let blocks = blocks.iter();
            blocks
                .map(|block| Block::new(block, kind, threads))
                .collect()
        });
        Self {
            stages: stages.collect(),
        }
    }

    /// Packs the convolutions for such pictures.
    pub fn pack(&mut self, pictures: InputShape) {
        let mut x = pictures;
        for block in self.stages.iter_mut().flatten() {
            x = block.pack(x);
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
    slices: Vec<ChannelSlice>,
    residual: bool,
}

impl Block {
    fn new(block: &FoldedBlock, kind: Kind, threads: usize) -> Self {
        let FoldedBlock {
            widen,
            depthwise,
            narrow,
            residual,
        } = block;
        let channels = depthwise.kernel.weight.size()[0];
        let slices = parts(channels, threads)
            .into_iter()
            .map(|part| ChannelSlice {
                widen: widen
                    .as_ref()
                    .map(|PaddedKernel { kernel, halves }| PaddedConv {
                        conv: FusedConv::new(kernel.outputs(part.clone()), kind),
                        halves: *halves,
                    }),
                depthwise: PaddedConv {
                    conv: FusedConv::depthwise(depthwise.kernel.outputs(part.clone()), kind),
                    halves: depthwise.halves,
                },
                narrow: FusedConv::new(narrow.inputs(part), kind),
            })
            .collect();
        Self {
            slices,
            residual: *residual,
        }
    }

    fn pack(&mut self, x: InputShape) -> InputShape {
        let slices = self.slices.iter_mut();
        slices.fold(x, |_, slice| slice.pack(x))
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        // SAFETY: all only read it.
        let input = unsafe { SyncRef::new(x) };
        let parts: Vec<Tensor> = match &self.slices[..] {
            [slice] => vec![slice.forward(x)],
            slices => slices
                .par_iter()
                .map(|slice| no_grad(|| slice.forward(input.get())))
                .collect(),
        };
        let mut sum: Option<Tensor> = self.residual.then(|| x.shallow_clone());
        for part in parts {
            sum = Some(match sum {
                Some(sum) => part + sum,
                None => part,
            });
        }
        sum.expect("a block has slices")
    }
}

/// Some of a block's inner channels.
#[derive(Debug)]
struct ChannelSlice {
    /// To the inner channels.
    widen: Option<PaddedConv>,
    depthwise: PaddedConv,
    narrow: FusedConv,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for ChannelSlice {}

impl ChannelSlice {
    fn pack(&mut self, x: InputShape) -> InputShape {
        let x = match &mut self.widen {
            Some(widen) => widen.pack(x),
            None => x,
        };
        let x = self.depthwise.pack(x);
        self.narrow.pack(x)
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = match &self.widen {
            Some(widen) => self.depthwise.forward_relu6(&widen.forward_relu6(x)),
            None => self.depthwise.forward_relu6(x),
        };
        self.narrow.forward(&y)
    }
}

/// A convolution that may halve the picture, with TensorFlow's padding, which comes before it then.
#[derive(Debug)]
struct PaddedConv {
    conv: FusedConv,
    halves: bool,
}

impl PaddedConv {
    fn pack(&mut self, x: InputShape) -> InputShape {
        let taps = self.conv.taps();
        self.conv.pack(match self.halves {
            // The padding makes up for what the kernel takes.
            true => x.map(|side| 2 * ((side + 1) / 2 - 1) + taps),
            false => x,
        })
    }

    fn forward_relu6(&self, x: &Tensor) -> Tensor {
        match self.halves {
            true => self.conv.forward_relu6(&pad_same(x, self.conv.taps())),
            false => self.conv.forward_relu6(x),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use fastrand::Rng;
    use tch::Device;

    use super::*;
    use crate::libtorch::Workers;
    use crate::nn::{Builder, dense};

    const CPU: Device = Device::Cpu;

    /// Numbers around `middle`, up to `reach` away. Not libtorch's own, which all tests draw from at once.
    fn drawn(shape: &[i64], middle: f32, reach: f32, rng: &mut Rng) -> Tensor {
        let count = shape.iter().product::<i64>() as usize;
        let numbers = (0..count).map(|_| middle + reach * (2.0 * rng.f32() - 1.0));
        Tensor::from_slice(&numbers.collect::<Vec<_>>()).view(shape)
    }

    /// Drawn weights, and batch norms that have seen something.
    fn backbone(rng: &mut Rng) -> Backbone {
        let builder = Builder::for_training(HashMap::new(), CPU);
        let backbone = dense::backbone(builder.root()).unwrap();
        for (name, mut entry) in builder.finish().unwrap() {
            let shape = entry.tensor.size();
            let values = match (shape.len(), name.rsplit('.').next()) {
                (1, Some("running_mean" | "bias")) => drawn(&shape, 0.0, 0.2, rng),
                (1, _) => drawn(&shape, 1.0, 0.2, rng),
                _ => {
                    let inputs: i64 = shape.iter().skip(1).product();
                    drawn(&shape, 0.0, (3.0 / inputs as f32).sqrt(), rng)
                }
            };
            entry.tensor.copy_(&values);
        }
        backbone
    }

    /// Whole and shared by threads: slices of unequal size, and pictures that are not square.
    #[test]
    fn slices_come_to_the_same() {
        let _guard = tch::no_grad_guard();
        let mut rng = Rng::with_seed(7);
        let plain = backbone(&mut rng);
        let workers = Workers::sharing().unwrap();
        for (height, width) in [(256, 256), (96, 160)] {
            let picture = drawn(&[1, 3, height, width], 0.0, 1.0, &mut rng);
            let expected = plain.forward(&picture);
            for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 5e-2)] {
                for threads in [1, 2, 3, 7] {
                    let mut fused = FusedBackbone::new(&plain, kind, threads);
                    fused.pack(InputShape {
                        batch: 1,
                        height,
                        width,
                    });
                    let picture = picture.to_kind(kind);
                    // SAFETY: all only read them.
                    let (fused, input) = unsafe { (SyncRef::new(&fused), SyncRef::new(&picture)) };
                    let found = workers.run(|| no_grad(|| fused.get().forward(input.get())));
                    assert_eq!(found.len(), 6);
                    for (found, expected) in found.iter().zip(&expected) {
                        let largest = expected.abs().max().double_value(&[]);
                        let found = found.to_kind(Kind::Float);
                        let error = (found - expected).abs().max().double_value(&[]) / largest;
                        assert!(error <= tolerance, "{kind:?} {threads}: {error:.1e}");
                    }
                }
            }
        }
    }
}
