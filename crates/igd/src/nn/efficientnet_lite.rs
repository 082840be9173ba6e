//! EfficientNet-Lite0 without its head (Tan & Le, ICML 2019; the Lite variant has neither squeeze-and-excitation nor
//! swish). Variables are named as in the published PyTorch port of the TensorFlow weights, which pads as TensorFlow
//! does.
//!
//! The features are means over the picture of the last three stages, one after the other, which on inspection pictures
//! carry more than the 1,280-wide head that was trained for ImageNet's classes; or means over each of 4x4 parts of it,
//! which tell where something is as well.

use std::collections::HashMap;

use tch::{Kind, Tensor};

use super::Normalisation;
use super::blocks::{BatchNorm2d, Conv2d, Mode, sizes};
use super::dense;
use super::weights::{Init, Scope, WeightsError};

/// A stage of equal blocks.
struct BlockGroup {
    blocks: usize,
    kernel: i64,
    stride: i64,
    expansion: i64,
    output: i64,
}

const fn stage(blocks: usize, kernel: i64, stride: i64, expansion: i64, output: i64) -> BlockGroup {
    BlockGroup {
        blocks,
        kernel,
        stride,
        expansion,
        output,
    }
}

/// Channels of the first convolution.
pub(crate) const STEM: i64 = 32;
const STAGES: [BlockGroup; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];
/// From this stage on (counted from 0) means over the picture go into the features.
const FIRST_POOLED: usize = 4;
/// Places along a side, where there are such.
const PLACES: i64 = 4;

/// What becomes of the stages' outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Means over the picture of the last three stages: 112 + 192 + 320 numbers.
    Whole,
    /// Means over each of 4x4 parts of the picture, of what the dense profile takes for its features: 304 x 16 numbers.
    Places,
}

impl Pooling {
    /// Length of the feature vector.
    pub fn features(self) -> i64 {
        match self {
            Self::Whole => 624,
            Self::Places => dense::FEATURES * PLACES * PLACES,
        }
    }

    /// Stages that it needs.
    fn stages(self) -> usize {
        match self {
            Self::Whole => STAGES.len(),
            Self::Places => dense::STAGES,
        }
    }

    /// The outputs of the stages to features (N, features).
    pub fn of(self, stages: &[Tensor]) -> Tensor {
        match self {
            Self::Whole => {
                let pooled = stages.iter().skip(FIRST_POOLED);
                let means = pooled.map(|x| x.mean_dim([2, 3].as_slice(), false, Kind::Float));
                Tensor::cat(&means.collect::<Vec<_>>(), 1)
            }
            Self::Places => dense::planes(stages)
                .adaptive_avg_pool2d([PLACES, PLACES])
                .flatten(1, -1),
        }
    }

    /// What the backbone is to see for pictures with sides of so many pixels: those that have not as many places are
    /// enlarged.
    pub fn side(self, side: i64) -> i64 {
        match self {
            Self::Whole => side,
            Self::Places => side.max(PLACES * dense::CELL),
        }
    }

    /// Pictures (N, 3, H, W) at that size.
    pub fn enlarge(self, pictures: &Tensor) -> Tensor {
        let (_, _, height, width) = sizes(pictures);
        let size = [self.side(height), self.side(width)];
        if size == [height, width] {
            return pictures.shallow_clone();
        }
        pictures.upsample_bilinear2d(size, false, None, None)
    }
}

/// How the backbone wants its pictures: (x - MEAN) / SCALE of values in 0..=255.
pub(crate) const MEAN: f32 = 127.0;
pub(crate) const SCALE: f32 = 128.0;

/// The stages without pooling and head.
#[derive(Debug)]
pub struct Backbone {
    pub(super) stem: Conv2d,
    pub(super) stem_norm: BatchNorm2d,
    pub(super) stages: Vec<Vec<InvertedResidual>>,
}

impl Backbone {
    /// The first so many stages, at most seven. Fails where `scope` does not give the tensors.
    pub(crate) fn new(scope: Scope, count: usize) -> Result<Self, WeightsError> {
        let stem = Conv2d::without_bias(&scope / "_conv_stem", [3, STEM, 3], Init::KaimingUniform)?;
        let stem_norm = BatchNorm2d::new(&scope / "_bn0", STEM)?.epsilon(EPSILON);
        let mut input = STEM;
        let mut number = 0;
        let mut stages = Vec::with_capacity(count);
        for stage in STAGES.iter().take(count) {
            let mut blocks = Vec::with_capacity(stage.blocks);
            for index in 0..stage.blocks {
                let stride = if index == 0 { stage.stride } else { 1 };
                let block = &scope / "_blocks" / &number.to_string();
                blocks.push(InvertedResidual::new(block, input, stage, stride)?);
                input = stage.output;
                number += 1;
            }
            stages.push(blocks);
        }
        Ok(Self {
            stem: stem.stride(2).padding(0),
            stem_norm,
            stages,
        })
    }

    /// Pictures (N, 3, H, W) with values of (x - 127) / 128, x in 0..=255, to the output of each stage (N, C, H', W'),
    /// the last one last. C is 16, 24, 40, 80, 112, 192 and 320; H' is H / 2, 4, 8, 16, 16, 32 and 32, rounded up, and
    /// W' likewise.
    pub fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let x = self.stem.forward(&pad_same(x, 3));
        let x = relu6(&self.stem_norm.forward(&x, Mode::Evaluate));
        through(&self.stages, x, InvertedResidual::forward)
    }
}

/// The output of each stage of blocks, one stage after the other.
pub(super) fn through<B>(
    stages: &[Vec<B>],
    mut x: Tensor,
    forward: impl Fn(&B, &Tensor) -> Tensor,
) -> Vec<Tensor> {
    let mut outputs = Vec::with_capacity(stages.len());
    for blocks in stages {
        for block in blocks {
            x = forward(block, &x);
        }
        outputs.push(x.shallow_clone());
    }
    outputs
}

/// (N, 3, H, W), ImageNet-normalised, to (N, features).
#[derive(Debug)]
pub(crate) struct EfficientnetLite0 {
    pub(super) pooling: Pooling,
    /// ImageNet normalisation to the backbone's, as a factor and an offset a channel.
    pub(super) renormalise: (Tensor, Tensor),
    pub(super) backbone: Backbone,
}

impl EfficientnetLite0 {
    /// `normalisation` is how the pictures were normalised. Fails where `scope` does not give the tensors.
    pub(crate) fn new(
        scope: Scope,
        normalisation: &Normalisation,
        pooling: Pooling,
    ) -> Result<Self, WeightsError> {
        let device = scope.device();
        let per_channel = |values: [f64; 3]| {
            let values = values.map(|value| value as f32);
            Tensor::from_slice(&values)
                .to_device(device)
                .view([1, 3, 1, 1])
        };
        let (mean, scale) = (f64::from(MEAN), f64::from(SCALE));
        Ok(Self {
            pooling,
            renormalise: (
                per_channel(normalisation.std.map(|s| s * 255.0 / scale)),
                per_channel(normalisation.mean.map(|m| (m * 255.0 - mean) / scale)),
            ),
            backbone: Backbone::new(scope, pooling.stages())?,
        })
    }

    pub(crate) fn forward(&self, pictures: &Tensor) -> Tensor {
        let (factor, offset) = &self.renormalise;
        let pictures = self.pooling.enlarge(pictures);
        let stages = self.backbone.forward(&(pictures * factor + offset));
        self.pooling.of(&stages)
    }
}

/// Batch normalisation's epsilon in this family.
const EPSILON: f64 = 1e-3;

/// Expand with 1x1, filter each channel, project with 1x1, and add the input where the shape stays.
#[derive(Debug)]
pub(super) struct InvertedResidual {
    pub(super) expand: Option<(Conv2d, BatchNorm2d)>,
    pub(super) depthwise: Conv2d,
    pub(super) bn1: BatchNorm2d,
    pub(super) project: Conv2d,
    pub(super) bn2: BatchNorm2d,
    /// Kernel side to pad for, where the depthwise convolution halves.
    pub(super) halving_kernel: Option<i64>,
    pub(super) residual: bool,
}

impl InvertedResidual {
    fn new(
        scope: Scope,
        input: i64,
        stage: &BlockGroup,
        stride: i64,
    ) -> Result<Self, WeightsError> {
        let inner = input * stage.expansion;
        let pointwise = |name: &str, input, output| {
            Conv2d::without_bias(&scope / name, [input, output, 1], Init::KaimingUniform)
        };
        let norm = |name: &str, channels| {
            BatchNorm2d::new(&scope / name, channels).map(|norm| norm.epsilon(EPSILON))
        };
        let expand = if stage.expansion > 1 {
            Some((
                pointwise("_expand_conv", input, inner)?,
                norm("_bn0", inner)?,
            ))
        } else {
            None
        };
        let mut depthwise = Conv2d::depthwise(&scope / "_depthwise_conv", inner, stage.kernel)?;
        if stride > 1 {
            depthwise = depthwise.stride(stride).padding(0);
        }
        Ok(Self {
            expand,
            depthwise,
            bn1: norm("_bn1", inner)?,
            project: pointwise("_project_conv", inner, stage.output)?,
            bn2: norm("_bn2", stage.output)?,
            halving_kernel: (stride > 1).then_some(stage.kernel),
            residual: stride == 1 && input == stage.output,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = match &self.expand {
            Some((conv, norm)) => relu6(&norm.forward(&conv.forward(x), Mode::Evaluate)),
            None => x.shallow_clone(),
        };
        let y = match self.halving_kernel {
            Some(kernel) => self.depthwise.forward(&pad_same(&y, kernel)),
            None => self.depthwise.forward(&y),
        };
        let y = relu6(&self.bn1.forward(&y, Mode::Evaluate));
        let y = self.bn2.forward(&self.project.forward(&y), Mode::Evaluate);
        if self.residual { y + x } else { y }
    }
}

fn relu6(x: &Tensor) -> Tensor {
    x.clamp(0.0, 6.0)
}

/// TensorFlow's "same" padding for stride 2.
pub(super) fn pad_same(x: &Tensor, kernel: i64) -> Tensor {
    let (_, _, height, width) = sizes(x);
    let (left, right) = halving_padding(width, kernel);
    let (top, bottom) = halving_padding(height, kernel);
    x.constant_pad_nd([left, right, top, bottom])
}

/// What it puts before and after a side of so many pixels: the odd pixel goes to the right and the bottom.
pub(crate) fn halving_padding(side: i64, kernel: i64) -> (i64, i64) {
    let total = (((side + 1) / 2 - 1) * 2 + kernel - side).max(0);
    (total / 2, total - total / 2)
}

/// Drops the entries of the classifier, which the published file has and this network does not.
pub fn without_head(entries: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let head = ["_conv_head.", "_bn1.", "_fc."];
    entries
        .into_iter()
        .filter(|(name, _)| !head.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}
