//! The published networks, read off a state dict: an operation of the paper is an operation here.

use std::collections::HashMap;
use std::ops::Div;

use igd::nn::{Mode, halve};
use tch::{Device, Tensor};

/// State-dict entries of all networks: `global.`, `local.`, `critic_global.` and `critic_local.` before the published
/// names.
pub type Entries = HashMap<String, Tensor>;

/// Where the entries are, all of them.
pub fn device_of(entries: &Entries) -> Device {
    let first = entries.values().next();
    first.map_or(Device::Cpu, Tensor::device)
}

/// A place in the entries, such as `global.rb1`.
#[derive(Clone)]
pub struct Place<'a> {
    entries: &'a Entries,
    prefix: String,
}

/// The entries of one network.
pub fn network<'a>(entries: &'a Entries, name: &str) -> Place<'a> {
    Place {
        entries,
        prefix: format!("{name}."),
    }
}

impl<'a> Div<&str> for &Place<'a> {
    type Output = Place<'a>;

    fn div(self, name: &str) -> Place<'a> {
        Place {
            entries: self.entries,
            prefix: format!("{}{name}.", self.prefix),
        }
    }
}

impl Place<'_> {
    fn find(&self, name: &str) -> Option<&Tensor> {
        self.entries.get(&format!("{}{name}", self.prefix))
    }

    /// The tensor of an entry here.
    pub fn get(&self, name: &str) -> &Tensor {
        self.find(name)
            .unwrap_or_else(|| panic!("no entry {}{name}", self.prefix))
    }

    /// The blocks `rb1`, `rb2`, ...
    fn blocks(&self) -> Vec<Self> {
        (1..)
            .map(|number| self / &format!("rb{number}"))
            .take_while(|block| block.find("bn1.weight").is_some())
            .collect()
    }

    fn conv(&self, x: &Tensor, stride: i64) -> Tensor {
        let weight = self.get("weight");
        let padding = (weight.size()[3] - 1) / 2;
        let bias = self.find("bias");
        x.conv2d(
            weight,
            bias,
            [stride, stride],
            [padding, padding],
            [1, 1],
            1,
        )
    }

    fn linear(&self, x: &Tensor) -> Tensor {
        x.linear(self.get("weight"), self.find("bias"))
    }

    /// Batch norm where there are statistics, else layer norm.
    fn norm(&self, x: &Tensor, mode: Mode) -> Tensor {
        let (weight, bias) = (self.find("weight"), self.find("bias"));
        match self.find("running_mean") {
            Some(mean) => {
                let variance = self.find("running_var");
                let training = mode == Mode::Train;
                x.batch_norm(
                    weight,
                    bias,
                    Some(mean),
                    variance,
                    training,
                    0.1,
                    1e-5,
                    false,
                )
            }
            None => x.layer_norm(&x.size()[1..], weight, bias, 1e-5, false),
        }
    }

    fn residual_down(&self, x: &Tensor, mode: Mode) -> Tensor {
        let shortcut = (self / "conv_shortcut.conv.conv").conv(&halve(x), 1);
        let y = (self / "bn1").norm(x, mode).relu();
        let y = (self / "conv_1.conv").conv(&y, 1);
        let y = (self / "bn2").norm(&y, mode).relu();
        shortcut + halve(&(self / "conv_2.conv.conv").conv(&y, 1))
    }

    fn residual_up(&self, x: &Tensor, mode: Mode) -> Tensor {
        let shortcut = (self / "conv_shortcut.conv.conv").conv(&double(x), 1);
        let y = (self / "bn1").norm(x, mode).relu();
        let y = (self / "conv_1.conv.conv").conv(&double(&y), 1);
        let y = (self / "bn2").norm(&y, mode).relu();
        shortcut + (self / "conv_2.conv").conv(&y, 1)
    }

    /// Blocks that halve; for whole pictures the first and the last convolution do as well.
    fn tower(&self, x: &Tensor, mode: Mode) -> Tensor {
        let whole = self.find("conv2.conv.weight").is_some();
        let mut x = (self / "conv1.conv").conv(x, if whole { 2 } else { 1 });
        for block in self.blocks() {
            x = block.residual_down(&x, mode);
        }
        if whole {
            x = (self / "conv2.conv").conv(&x, 2);
        }
        (self / "ln1").linear(&x.flatten(1, -1))
    }

    fn resnet18(&self, x: &Tensor) -> Tensor {
        let frozen = Mode::Evaluate;
        let x = (self / "0").conv(x, 2);
        let x = (self / "1").norm(&x, frozen).relu();
        let mut x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for (stage, index) in (4..8).flat_map(|stage| [(stage, 0), (stage, 1)]) {
            let block = self / &format!("{stage}.{index}");
            let stride = if stage > 4 && index == 0 { 2 } else { 1 };
            let y = (&block / "conv1").conv(&x, stride);
            let y = (&block / "bn1").norm(&y, frozen).relu();
            let y = (&block / "conv2").conv(&y, 1);
            let y = (&block / "bn2").norm(&y, frozen);
            if stride > 1 {
                x = (&block / "downsample.0").conv(&x, stride);
                x = (&block / "downsample.1").norm(&x, frozen);
            }
            x = (y + x).relu();
        }
        x.mean_dim([2, 3].as_slice(), false, None)
    }

    /// Pictures to latents. The encoder is frozen.
    pub fn encode(&self, pictures: &Tensor) -> Tensor {
        let encoder = self / "pretrain";
        let features = if encoder.find("0.weight").is_some() {
            encoder.resnet18(pictures)
        } else {
            encoder.tower(pictures, Mode::Evaluate)
        };
        (self / "ln11").linear(&features)
    }

    /// Latents to pictures.
    pub fn generate(&self, latents: &Tensor, mode: Mode) -> Tensor {
        let channels = 8 * self.get("bn.weight").size()[0];
        let mut x = (self / "ln1").linear(latents).view([-1, channels, 4, 4]);
        let whole = self.find("up1.conv.conv.weight").is_some();
        if whole {
            x = (self / "up1.conv.conv").conv(&double(&x), 1);
        }
        for block in self.blocks() {
            x = block.residual_up(&x, mode);
        }
        let x = (self / "bn").norm(&x, mode).relu();
        if whole {
            (self / "up2.conv.conv").conv(&double(&x), 1)
        } else {
            (self / "conv1.conv").conv(&x, 1)
        }
    }

    /// Pictures to the shares that a critic finds in them; the published local one ends in a sigmoid.
    pub fn criticise(&self, pictures: &Tensor) -> Tensor {
        let shares = self.tower(pictures, Mode::Evaluate);
        match self.find("conv2.conv.weight") {
            Some(_) => shares,
            None => shares.sigmoid(),
        }
    }
}

/// Each pixel becomes 2x2.
fn double(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
}
