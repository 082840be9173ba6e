//! ResNet-18 without its classifier (He et al., CVPR 2016), the paper's frozen global encoder. Variables are named by
//! their place in the sequence conv1, bn1, relu, maxpool, layer1..4, as in the published checkpoints: `4.0.conv1` is
//! torchvision's `layer1.0.conv1`.

use std::collections::HashMap;

use tch::Tensor;

use super::blocks::{BatchNorm2d, Conv2d, Mode};
use super::weights::{Init, Scope, WeightsError};

/// Length of the feature vector.
pub(crate) const FEATURES: i64 = 512;

/// (N, 3, H, W), ImageNet-normalised, to (N, 512).
#[derive(Debug)]
pub(crate) struct Resnet18 {
    pub(super) conv1: Conv2d,
    pub(super) bn1: BatchNorm2d,
    pub(super) blocks: Vec<BasicBlock>,
}

impl Resnet18 {
    pub(crate) fn new(scope: Scope) -> Result<Self, WeightsError> {
        let mut blocks = Vec::with_capacity(8);
        let mut input = 64;
        for (stage, output) in [64, 128, 256, 512].into_iter().enumerate() {
            for index in 0..2 {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let block = &scope / &(4 + stage).to_string() / &index.to_string();
                blocks.push(BasicBlock::new(block, input, output, stride)?);
                input = output;
            }
        }
        let conv1 = Conv2d::without_bias(&scope / "0", [3, 64, 7], Init::KaimingUniform)?;
        Ok(Self {
            conv1: conv1.stride(2),
            bn1: BatchNorm2d::new(&scope / "1", 64)?,
            blocks,
        })
    }

    pub(crate) fn forward(&self, pictures: &Tensor) -> Tensor {
        let x = self.conv1.forward(pictures);
        let x = self.bn1.forward(&x, Mode::Evaluate).relu();
        let mut x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for block in &self.blocks {
            x = block.forward(&x);
        }
        x.mean_dim([2, 3].as_slice(), false, None)
    }
}

#[derive(Debug)]
pub(super) struct BasicBlock {
    pub(super) conv1: Conv2d,
    pub(super) bn1: BatchNorm2d,
    pub(super) conv2: Conv2d,
    pub(super) bn2: BatchNorm2d,
    pub(super) downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl BasicBlock {
    fn new(scope: Scope, input: i64, output: i64, stride: i64) -> Result<Self, WeightsError> {
        let conv =
            |name: &str, shape| Conv2d::without_bias(&scope / name, shape, Init::KaimingUniform);
        let downsample = if stride > 1 {
            let scope = &scope / "downsample";
            let conv = conv("downsample.0", [input, output, 1])?.stride(stride);
            Some((conv, BatchNorm2d::new(scope / "1", output)?))
        } else {
            None
        };
        Ok(Self {
            conv1: conv("conv1", [input, output, 3])?.stride(stride),
            bn1: BatchNorm2d::new(&scope / "bn1", output)?,
            conv2: conv("conv2", [output, output, 3])?,
            bn2: BatchNorm2d::new(&scope / "bn2", output)?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward(x);
        let y = self.bn1.forward(&y, Mode::Evaluate).relu();
        let y = self.conv2.forward(&y);
        let y = self.bn2.forward(&y, Mode::Evaluate);
        let shortcut = match &self.downsample {
            Some((conv, norm)) => norm.forward(&conv.forward(x), Mode::Evaluate),
            None => x.shallow_clone(),
        };
        (y + shortcut).relu()
    }
}

/// Renames the entries of torchvision's ResNet-18, such as `layer1.0.conv1.weight`, to their places in the sequence,
/// such as `4.0.conv1.weight`, and drops the classifier. Other names stay.
pub fn from_torchvision(entries: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let places = [
        ("conv1.", "0."),
        ("bn1.", "1."),
        ("layer1.", "4."),
        ("layer2.", "5."),
        ("layer3.", "6."),
        ("layer4.", "7."),
    ];
    entries
        .into_iter()
        .filter(|(name, _)| !name.starts_with("fc."))
        .map(|(name, tensor)| {
            let renamed = places.iter().find_map(|(torchvision, place)| {
                let rest = name.strip_prefix(torchvision)?;
                Some(format!("{place}{rest}"))
            });
            (renamed.unwrap_or(name), tensor)
        })
        .collect()
}
