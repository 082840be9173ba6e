//! The stages of EfficientNet-Lite0 with each batch norm folded into the convolution before it.

use super::algebra::{Kernel, Scaling};
use crate::nn::efficientnet_lite::{Backbone, InvertedResidual};

/// Widens, filters each channel by itself, and narrows; there is a ReLU6 after each of the first two.
pub struct FoldedBlock {
    /// To the inner channels; `None` where there are no more of them.
    pub widen: Option<PaddedKernel>,
    /// One filter an inner channel.
    pub depthwise: PaddedKernel,
    /// To the channels of the output.
    pub narrow: Kernel,
    /// Whether the input is added to the output.
    pub residual: bool,
}

/// A kernel that may halve the picture, with TensorFlow's padding, which comes before it then.
pub struct PaddedKernel {
    pub kernel: Kernel,
    pub halves: bool,
}

/// The blocks of each stage. The first block of all does not widen; the stem comes in the place of it.
pub fn folded(backbone: &Backbone) -> Vec<Vec<FoldedBlock>> {
    let mut stem = Some(PaddedKernel {
        kernel: Kernel::of(&backbone.stem).then(&Scaling::of(&backbone.stem_norm)),
        halves: true,
    });
    let stages = backbone.stages.iter();
    stages
        .map(|blocks| {
            let blocks = blocks.iter();
            blocks
                .map(|block| FoldedBlock::new(block, stem.take()))
                .collect()
        })
        .collect()
}

impl FoldedBlock {
    fn new(block: &InvertedResidual, stem: Option<PaddedKernel>) -> Self {
        let widen = block.expand.as_ref().map(|(conv, norm)| PaddedKernel {
            kernel: Kernel::of(conv).then(&Scaling::of(norm)),
            halves: false,
        });
        Self {
            widen: widen.or(stem),
            depthwise: PaddedKernel {
                kernel: Kernel::of(&block.depthwise).then(&Scaling::of(&block.bn1)),
                halves: block.halving_kernel.is_some(),
            },
            narrow: Kernel::of(&block.project).then(&Scaling::of(&block.bn2)),
            residual: block.residual,
        }
    }
}
