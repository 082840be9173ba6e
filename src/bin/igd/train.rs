//! `igd train`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gstigd::train::{Event, GlobalEncoder, LocalEncoder, Options, train};
use serde_json::json;

use crate::progress::Progress;

#[derive(Args)]
pub struct Arguments {
    /// Pictures of good parts: a folder of them, or one with `train/good` or `good`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The model file to write
    #[arg(long, value_name = "M.safetensors")]
    out: PathBuf,
    /// Which networks to train: the whole picture's, the patches', or both
    #[arg(long, value_enum, default_value_t = Scales::Both)]
    scales: Scales,
    /// The global network's encoder: efficientnet-lite0 (ImageNet weights, fetched once), resnet18:FILE (torchvision's
    /// names) or scratch
    #[arg(long, value_name = "ENCODER", value_parser = global_encoder, default_value = "efficientnet-lite0")]
    encoder: GlobalEncoder,
    /// The local network's encoder: scratch, or a file of weights that are kept as they are
    #[arg(long, value_name = "scratch|FILE", value_parser = local_encoder, default_value = "scratch")]
    local_encoder: LocalEncoder,
    /// Channels of the networks (the paper: 64)
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(i64).range(1..=256))]
    width: i64,
    /// Length of the latent
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(i64).range(1..=4096))]
    latent: i64,
    /// Passes over the pictures (default: 256, or until the minutes are over)
    #[arg(long)]
    epochs: Option<usize>,
    /// Minutes of training (default: 30 if no epochs are given)
    #[arg(long)]
    minutes: Option<f64>,
    /// Share of the minutes for the global network, if both are trained
    #[arg(long, default_value_t = 0.5, value_parser = share)]
    global_share: f64,
    /// Pictures a step of the global network
    #[arg(long, default_value_t = 16, value_parser = at_least_two)]
    batch: usize,
    /// Patches a step of the local network
    #[arg(long, default_value_t = 450, value_parser = at_least_two)]
    patch_batch: usize,
    #[arg(long, default_value_t = 1e-4)]
    learning_rate: f64,
    #[arg(long, default_value_t = 1)]
    seed: i64,
    /// Share of the pictures that is kept for calibration
    #[arg(long, default_value_t = 0.15, value_parser = share)]
    hold_out: f64,
    /// Share of normal pictures that may be flagged
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    false_positive_rate: f64,
    /// Seconds between two checkpoints
    #[arg(long, default_value_t = 30.0)]
    checkpoint_seconds: f64,
    /// Go on where a training of the same model was stopped
    #[arg(long)]
    resume: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scales {
    Both,
    Global,
    Local,
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

/// A number of 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 up to, but not, 1".to_owned()),
    }
}

/// Batch normalisation and mixtures need two.
fn at_least_two(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 2 => Ok(count),
        _ => Err("expected 2 or more".to_owned()),
    }
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let minutes = match (arguments.epochs, arguments.minutes) {
        (None, None) => Some(30.0),
        (_, minutes) => minutes,
    };
    let time = minutes
        .map(|minutes| Duration::try_from_secs_f64(minutes * 60.0))
        .transpose()?;
    let scales = arguments.scales;
    let options = Options {
        global: (scales != Scales::Local).then_some(arguments.encoder),
        local: (scales != Scales::Global).then_some(arguments.local_encoder),
        width: arguments.width,
        latent: arguments.latent,
        epochs: arguments.epochs.unwrap_or(256),
        time,
        global_time_share: arguments.global_share,
        batch: arguments.batch,
        patch_batch: arguments.patch_batch,
        learning_rate: arguments.learning_rate,
        seed: arguments.seed,
        hold_out: arguments.hold_out,
        false_positive_rate: arguments.false_positive_rate,
        checkpoint_interval: Duration::try_from_secs_f64(arguments.checkpoint_seconds)?,
        resume: arguments.resume,
        ..Options::new(arguments.data, arguments.out)
    };
    let mut progress = Progress::new();
    let outcome = train(&options, |event| {
        match event {
        Event::Stage(stage) => progress.stage(stage),
        Event::Judged(done, all) => {
            progress.at(done as f64 / all.max(1) as f64, || format!("{done} of {all} pictures"));
        }
        Event::Step(report) => progress.at(report.progress, || {
            let losses = report.losses;
            let left = report.left.unwrap_or_default().as_secs();
            format!(
                "epoch {}, reconstruction {:.3}, gaussian {:.3}, interpolation {:.3}, critic {:.3}, {}:{:02} left",
                report.epoch,
                losses.reconstruction,
                losses.gaussian,
                losses.interpolation,
                losses.critic,
                left / 60,
                left % 60,
            )
        }),
    }
    });
    progress.finish();
    let outcome = outcome?;
    if json {
        let line = json!({
            "model": options.out,
            "pictures": outcome.pictures,
            "epochs": outcome.epochs,
            "calibration": outcome.calibration,
        });
        println!("{line}");
        return Ok(());
    }
    println!(
        "{}: trained on {} pictures, {} epochs",
        options.out.display(),
        outcome.pictures,
        outcome.epochs
    );
    match outcome.calibration {
        Some(calibration) => println!(
            "threshold {:.4} (median {:.4}) from {} held-out pictures at a false-positive rate of {} %",
            calibration.threshold,
            calibration.median,
            calibration.pictures,
            calibration.false_positive_rate * 100.0
        ),
        None => println!("not calibrated, since no picture was held out: see igd calibrate"),
    }
    Ok(())
}
