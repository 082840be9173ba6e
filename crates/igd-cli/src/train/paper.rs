//! The paper's networks.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use igd::nn::{PATCH, PICTURE};
use igd::train::paper::{GlobalEncoder, Length, LocalEncoder, Options};

/// All may be left out, so that those which were given can be told.
#[derive(Args)]
pub struct Arguments {
    /// Which networks to train: the whole picture's, the patches', both, or one that sees the whole of small pictures,
    /// such as MNIST's, at 32x32 [default: both]
    #[arg(long, value_enum)]
    scales: Option<TrainedScales>,
    /// The global network's encoder: efficientnet-lite0 (ImageNet weights, fetched once), efficientnet-lite0-places (the
    /// same, at each of 4x4 places), resnet18:FILE (torchvision's names) or scratch [default: efficientnet-lite0]
    #[arg(long, value_name = "ENCODER", value_parser = global_encoder)]
    encoder: Option<GlobalEncoder>,
    /// The local network's encoder: scratch, a file of weights that are kept as they are, or, with --scales single,
    /// efficientnet-lite0-places [default: scratch, and efficientnet-lite0-places with --scales single]
    #[arg(long, value_name = "ENCODER|FILE", value_parser = local_encoder)]
    local_encoder: Option<LocalEncoder>,
    /// Channels of the networks (the paper: 64) [default: 16]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=256))]
    width: Option<i64>,
    /// Length of the latent [default: 128; 256 where an encoder tells places]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=4096))]
    latent: Option<i64>,
    /// Passes over the pictures, and as many more with --sample-rate that the steps stay as many [default: 256, or until
    /// the minutes are over]
    #[arg(long, conflicts_with = "steps")]
    epochs: Option<usize>,
    /// Steps of each network, instead of epochs: as many, however many pictures there are
    #[arg(long)]
    steps: Option<usize>,
    /// Minutes of training [default: 30 if no epochs or steps are given]
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
    /// Whiten the latents of trained encoders with each estimate of the descriptor, lest they shrink to a few directions
    #[arg(long)]
    whiten: bool,
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

/// The encoder that both networks may have.
const PLACES: &str = "efficientnet-lite0-places";
/// The usual length of latents that are made of what it sees.
const LATENT_OF_PLACES: i64 = 256;

fn global_encoder(text: &str) -> Result<GlobalEncoder, String> {
    match text.split_once(':') {
        None if text == "efficientnet-lite0" => Ok(GlobalEncoder::EfficientnetLite0),
        None if text == PLACES => Ok(GlobalEncoder::EfficientnetLite0Places),
        None if text == "scratch" => Ok(GlobalEncoder::Scratch),
        Some(("resnet18", file)) if !file.is_empty() => Ok(GlobalEncoder::Resnet18(file.into())),
        _ => Err(
            "expected efficientnet-lite0, efficientnet-lite0-places, resnet18:FILE or scratch"
                .to_owned(),
        ),
    }
}

fn local_encoder(text: &str) -> Result<LocalEncoder, String> {
    Ok(match text {
        "scratch" => LocalEncoder::Scratch,
        PLACES => LocalEncoder::EfficientnetLite0Places,
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
            ("--steps", self.steps.is_some()),
            ("--minutes", self.minutes.is_some()),
            ("--global-share", self.global_share.is_some()),
            ("--batch", self.batch.is_some()),
            ("--patch-batch", self.patch_batch.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--flip", self.flip),
            ("--no-critic", self.no_critic),
            ("--whiten", self.whiten),
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

    /// From a random start, to a share of the pictures.
    pub fn options(&self, seed: i64, sample_rate: Option<f64>) -> anyhow::Result<Options> {
        let usual = Options::default();
        let minutes = |minutes: f64| Duration::try_from_secs_f64(60.0 * minutes);
        let scales = self.scales.unwrap_or(TrainedScales::Both);
        let global = self.encoder.clone().or(usual.global);
        let global =
            global.filter(|_| matches!(scales, TrainedScales::Both | TrainedScales::Global));
        let local = match (&self.local_encoder, scales) {
            (_, TrainedScales::Global) => None,
            (None, TrainedScales::Single) => Some(LocalEncoder::EfficientnetLite0Places),
            (None, _) => usual.local,
            (given, _) => given.clone(),
        };
        let local_places = local == Some(LocalEncoder::EfficientnetLite0Places);
        if local_places && scales != TrainedScales::Single {
            bail!(
                "--local-encoder {PLACES} is for --scales single: it sees no patches of larger pictures"
            );
        }
        let tells_places = local_places || global == Some(GlobalEncoder::EfficientnetLite0Places);
        Ok(Options {
            global,
            local,
            input: self.input(),
            width: self.width.unwrap_or(usual.width),
            latent: self.latent.unwrap_or(match tells_places {
                true => LATENT_OF_PLACES,
                false => usual.latent,
            }),
            length: match (self.steps, self.epochs) {
                (Some(steps), _) => Length::Steps(steps),
                (None, Some(epochs)) => {
                    let more = 1.0 / sample_rate.unwrap_or(1.0);
                    Length::Epochs((epochs as f64 * more).round() as usize)
                }
                (None, None) => usual.length,
            },
            time: match (self.steps.or(self.epochs), self.minutes) {
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
            whiten: self.whiten,
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
