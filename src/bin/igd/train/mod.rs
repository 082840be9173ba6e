//! `igd train`

mod dense;
mod paper;
mod video;

use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use gstigd::data::TrainingSet;
use gstigd::train::{Event, Outcome};
use serde_json::json;

use crate::progress::Progress;
use crate::selection::Selected;

#[derive(Args)]
pub struct Arguments {
    /// Pictures of good parts: a folder of them, one with `train/good`, `good` or `normal`, or MNIST's or CIFAR-10's files
    #[arg(long, value_name = "DIR", required_unless_present = "video")]
    data: Option<PathBuf>,
    #[command(flatten)]
    video: video::Arguments,
    #[command(flatten)]
    selection: Selected,
    /// Share of the pictures that are trained on, drawn by lot: how few are enough?
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample_rate: Option<f64>,
    /// Share of anomalous pictures among those that are trained on, from `train` or the other classes: how clean must they be?
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "video")]
    contamination: Option<f64>,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// The model file to write
    #[arg(long, value_name = "M.safetensors")]
    out: PathBuf,
    /// The family of the model
    #[arg(long, value_enum, default_value_t = Profile::Paper)]
    profile: Profile,
    /// Share of the pictures that is kept for calibration
    #[arg(long, default_value_t = 0.15, value_parser = share)]
    hold_out: f64,
    /// Share of normal pictures that may be flagged
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    false_positive_rate: f64,
    /// Seconds between two checkpoints
    #[arg(long, default_value_t = 30.0)]
    checkpoint_seconds: f64,
    /// Go on where a training of the same model was stopped; with what --keep has kept, add pictures to a dense model
    #[arg(long)]
    resume: bool,
    #[command(flatten, next_help_heading = "Profile paper")]
    paper: paper::Arguments,
    #[command(flatten, next_help_heading = "Profile dense")]
    dense: dense::Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// The two networks of the paper: hours of training, a second a picture at full size
    Paper,
    /// A Gaussian a place on the features of a frozen backbone (PaDiM-like, judged by IGD's criterion): seconds to fit, real
    /// time on two cores
    Dense,
}

/// A number of 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 up to, but not, 1".to_owned()),
    }
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let (profile, stray) = match arguments.profile {
        Profile::Paper => ("dense", arguments.dense.given()),
        Profile::Dense => ("paper", arguments.paper.given()),
    };
    if let Some(stray) = stray {
        let text = format!("{stray} is for --profile {profile} only\n");
        clap::Error::raw(ErrorKind::ArgumentConflict, text).exit();
    }
    let mut progress = Progress::new();
    let data = data(arguments, &mut progress)?;
    let tell = |event: Event| tell(&mut progress, event);
    let outcome = match arguments.profile {
        Profile::Paper => paper::run(arguments, data, tell),
        Profile::Dense => dense::run(arguments, data, tell),
    };
    progress.finish();
    Ok(print(arguments, &outcome?, json)?)
}

/// The pictures to train on.
fn data(arguments: &Arguments, progress: &mut Progress) -> anyhow::Result<TrainingSet> {
    let selection = arguments.selection.selection();
    let mut data = match (&arguments.data, &arguments.video.video) {
        (Some(folder), _) => TrainingSet::open(folder, &selection)?,
        (None, Some(video)) => {
            let size = match arguments.profile {
                Profile::Paper => arguments.paper.picture(),
                Profile::Dense => arguments.dense.picture()?,
            };
            arguments.video.frames(video, size, progress)?
        }
        (None, None) => unreachable!("one of them is required"),
    };
    if let Some(share) = arguments.sample_rate {
        data.thin(share, selection.seed);
    }
    if let (Some(share), Some(folder)) = (arguments.contamination, &arguments.data) {
        data.contaminate(share, folder, &selection)?;
    }
    Ok(data)
}

/// The first of the named arguments that was given.
fn first<const N: usize>(arguments: [(&'static str, bool); N]) -> Option<&'static str> {
    let mut given = arguments.into_iter().filter(|(_, given)| *given);
    given.next().map(|(name, _)| name)
}

/// Time between two checkpoints.
fn checkpoint_interval(arguments: &Arguments) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(arguments.checkpoint_seconds)?)
}

fn tell(progress: &mut Progress, event: Event) {
    match event {
        Event::Stage(stage) => progress.stage(stage),
        Event::Pictures(done, all) => {
            progress.at(done as f64 / all.max(1) as f64, || {
                format!("{done} of {all} pictures")
            });
        }
        Event::Skipped(error) => progress.note(&format!("left out: {error}")),
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
}

fn print(arguments: &Arguments, outcome: &Outcome, json: bool) -> io::Result<()> {
    if json {
        let line = json!({
            "model": arguments.out,
            "pictures": outcome.pictures,
            "skipped": outcome.skipped,
            "epochs": outcome.epochs,
            "calibration": outcome.calibration,
        });
        writeln!(stdout(), "{line}")?;
        return Ok(());
    }
    let out = arguments.out.display();
    match arguments.profile {
        Profile::Paper => writeln!(
            stdout(),
            "{out}: trained on {} pictures, {} epochs",
            outcome.pictures,
            outcome.epochs
        )?,
        Profile::Dense => writeln!(stdout(), "{out}: fitted to {} pictures", outcome.pictures)?,
    }
    if outcome.skipped > 0 {
        writeln!(
            stdout(),
            "left out {} pictures that cannot be used",
            outcome.skipped
        )?;
    }
    match outcome.calibration {
        Some(calibration) => writeln!(
            stdout(),
            "threshold {:.4} (median {:.4}) from {} held-out pictures at a false-positive rate of {} %",
            calibration.threshold,
            calibration.median,
            calibration.pictures,
            calibration.false_positive_rate * 100.0
        )?,
        None => writeln!(
            stdout(),
            "not calibrated, since no picture was held out: see igd calibrate"
        )?,
    }
    Ok(())
}
