//! The paper's networks.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use igd::nn::{PATCH, PICTURE};
use igd::train::paper::{GlobalEncoder, LocalEncoder, Options};

/// All may be left out, so that those which were given can be told.
#[derive(Args)]
pub struct Arguments {
    /// Which networks to train: the whole picture's, the patches', both, or one that sees the whole of small pictures,
    /// such as MNIST's, at 32x32 [default: both]
    #[arg(long, value_enum)]
    scales: Option<TrainedScales>,
    /// The global network's encoder: efficientnet-lite0 (ImageNet weights, fetched once), resnet18:FILE (torchvision's
    /// names) or scratch [default: efficientnet-lite0]
    #[arg(long, value_name = "ENCODER", value_parser = global_encoder)]
    encoder: Option<GlobalEncoder>,
    /// The local network's encoder: scratch, or a file of weights that are kept as they are [default: scratch]
    #[arg(long, value_name = "scratch|FILE", value_parser = local_encoder)]
    local_encoder: Option<LocalEncoder>,
    /// Channels of the networks (the paper: 64) [default: 16]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=256))]
    width: Option<i64>,
    /// Length of the latent [default: 128]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=4096))]
    latent: Option<i64>,
    /// Passes over the pictures [default: 256, or until the minutes are over]
    #[arg(long)]
    epochs: Option<usize>,
    /// Minutes of training [default: 30 if no epochs are given]
    #[arg(long)]
    minutes: Option<f64>,
    /// Share of the minutes for the global network, if both are trained [default: 0.5]
    #[arg(long, value_parser = crate::numbers::share)]
    global_share: Option<f64>,
    /// Pictures a step of the global network [default: 16]
    #[arg(long, value_parser = at_least_two)]
    batch: Option<usize>,
    /// Patches a step of the local network [default: 450]
    #[arg(long, value_parser = at_least_two)]
    patch_batch: Option<usize>,
    /// [default: 0.0001]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Mirror every other picture, drawn by lot: for parts that may lie either way
    #[arg(long)]
    flip: bool,
    /// Train without the critic and its interpolation loss
    #[arg(long)]
    no_critic: bool,
    /// Other numbers start from other weights and draw other batches [default: 1]
    #[arg(long)]
    seed: Option<i64>,
    /// Train so many models, with --seed and the numbers after it, to files named after --out: `M-seed1.safetensors`,
    /// and so on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    seeds: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TrainedScales {
    Both,
    Global,
    Local,
    Single,
}

fn global_encoder(text: &str) -> Result<GlobalEncoder, String> {
    match text.split_once(':') {
        None if text == "efficientnet-lite0" => Ok(GlobalEncoder::EfficientnetLite0),
        None if text == "scratch" => Ok(GlobalEncoder::Scratch),
        Some(("resnet18", file)) if !file.is_empty() => Ok(GlobalEncoder::Resnet18(file.into())),
        _ => Err("expected efficientnet-lite0, resnet18:FILE or scratch".to_owned()),
    }
}

fn local_encoder(text: &str) -> Result<LocalEncoder, String> {
    Ok(match text {
        "scratch" => LocalEncoder::Scratch,
        file => LocalEncoder::File(file.into()),
    })
}

/// Batch normalisation and mixtures need two.
fn at_least_two(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 2 => Ok(count),
        _ => Err("expected 2 or more".to_owned()),
    }
}

impl Arguments {
    /// Side of the picture that the networks see.
    fn input(&self) -> i64 {
        match self.scales {
            Some(TrainedScales::Single) => PATCH,
            _ => PICTURE,
        }
    }

    /// Width and height of the same.
    pub fn picture(&self) -> (usize, usize) {
        [self.input() as usize; 2].into()
    }

    /// The name of an argument that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--scales", self.scales.is_some()),
            ("--encoder", self.encoder.is_some()),
            ("--local-encoder", self.local_encoder.is_some()),
            ("--width", self.width.is_some()),
            ("--latent", self.latent.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--minutes", self.minutes.is_some()),
            ("--global-share", self.global_share.is_some()),
            ("--batch", self.batch.is_some()),
            ("--patch-batch", self.patch_batch.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--flip", self.flip),
            ("--no-critic", self.no_critic),
            ("--seed", self.seed.is_some()),
            ("--seeds", self.seeds.is_some()),
        ];
        super::first(given)
    }
}

impl Arguments {
    /// The first random start, and the only one unless there are to be several.
    pub fn seed(&self) -> i64 {
        self.seed.unwrap_or(1)
    }

    /// The random starts, where there are to be several.
    pub fn series(&self) -> Option<Range<i64>> {
        let seeds = i64::from(self.seeds?);
        Some(self.seed()..self.seed().saturating_add(seeds))
    }

    /// From a random start.
    pub fn options(&self, seed: i64) -> anyhow::Result<Options> {
        let usual = Options::default();
        let minutes = |minutes: f64| Duration::try_from_secs_f64(60.0 * minutes);
        let scales = self.scales.unwrap_or(TrainedScales::Both);
        let global = self.encoder.clone().or(usual.global);
        let local = self.local_encoder.clone().or(usual.local);
        Ok(Options {
            global: global
                .filter(|_| matches!(scales, TrainedScales::Both | TrainedScales::Global)),
            local: local.filter(|_| scales != TrainedScales::Global),
            input: self.input(),
            width: self.width.unwrap_or(usual.width),
            latent: self.latent.unwrap_or(usual.latent),
            epochs: self.epochs.unwrap_or(usual.epochs),
            time: match (self.epochs, self.minutes) {
                (None, None) => usual.time,
                (_, given) => given.map(minutes).transpose()?,
            },
            global_time_share: self.global_share.unwrap_or(usual.global_time_share),
            batch: self.batch.unwrap_or(usual.batch),
            patch_batch: self.patch_batch.unwrap_or(usual.patch_batch),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            interpolation: match self.no_critic {
                true => 0.0,
                false => usual.interpolation,
            },
            flip: self.flip,
            seed,
        })
    }
}

/// `M-seed7.safetensors` of `M.safetensors`.
pub fn with_seed(out: &Path, seed: i64) -> PathBuf {
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-seed{seed}"));
    if let Some(extension) = out.extension() {
        name.push(".");
        name.push(extension);
    }
    out.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_seeds() {
        for (out, expected) in [
            ("a/m.safetensors", "a/m-seed7.safetensors"),
            ("m.v2.safetensors", "m.v2-seed7.safetensors"),
            ("m", "m-seed7"),
        ] {
            assert_eq!(with_seed(Path::new(out), 7), Path::new(expected));
        }
    }
}
