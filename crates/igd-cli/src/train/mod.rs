//! `igd train`

mod dense;
mod paper;
mod video;

use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use igd::data::TrainingSet;
use igd::model::FALSE_POSITIVE_RATE;
use igd::train::paper::forget;
use igd::train::{Event, HOLD_OUT, Log, Outcome, TrainError};
use serde_json::json;

use crate::numbers::share;
use crate::progress::Progress;
use crate::selection::Selected;
use crate::signals::Signals;

#[derive(Args)]
pub struct Arguments {
    /// Pictures of good parts: a folder of them, one with `train/good`, `good` or `normal`, or MNIST's or CIFAR-10's
    /// files
    #[arg(long, value_name = "DIR", required_unless_present = "video")]
    data: Option<PathBuf>,
    #[command(flatten)]
    video: video::Arguments,
    #[command(flatten)]
    selection: Selected,
    /// Share of the pictures that are trained on, drawn by lot: how few are enough?
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample_rate: Option<f64>,
    /// Share of anomalous pictures among those that are trained on, from `train` or the other classes: how clean must
    /// they be?
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "video")]
    contamination: Option<f64>,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// The model file to write
    #[arg(long, value_name = "M.safetensors")]
    out: PathBuf,
    /// The family of the model
    #[arg(long, value_enum, default_value_t = Profile::Dense)]
    profile: Profile,
    /// Share of the pictures that is kept for calibration
    #[arg(long, default_value_t = HOLD_OUT, value_parser = share)]
    hold_out: f64,
    /// Share of normal pictures that may be flagged
    #[arg(long, default_value_t = FALSE_POSITIVE_RATE, value_parser = share)]
    false_positive_rate: f64,
    /// Seconds between two checkpoints. An epoch ends with one too, as long as all together take at most 5 % of the
    /// time
    #[arg(long, default_value_t = 30.0)]
    checkpoint_seconds: f64,
    /// Go on where a training of the same model was stopped; with what --keep has kept, add pictures to a dense model
    #[arg(long)]
    resume: bool,
    /// Write losses (CSV), TensorBoard's event files, pictures with their reconstructions, and a histogram of the
    /// held-out pictures' scores to a folder
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Profile paper")]
    paper: paper::Arguments,
    #[command(flatten, next_help_heading = "Profile dense")]
    dense: dense::Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// A Gaussian a place on the features of a frozen backbone (PaDiM-like, judged by IGD's criterion): seconds to fit,
    /// real time on two cores
    Dense,
    /// The two networks of the paper: minutes to hours of training, half a second a picture at full size
    Paper,
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let (profile, stray) = match arguments.profile {
        Profile::Paper => ("dense", arguments.dense.given()),
        Profile::Dense => ("paper", arguments.paper.given()),
    };
    if let Some(stray) = stray {
        let why = match stray {
            "--seed" | "--seeds" => ": a dense fit has no random start",
            _ => "",
        };
        let text = format!("{stray} is for --profile {profile} only{why}\n");
        clap::Error::raw(ErrorKind::ArgumentConflict, text).exit();
    }
    let signals = Signals::watch()?;
    train(arguments, &signals, json).map_err(|error| match error.downcast_ref() {
        Some(TrainError::Stopped) => signals.interrupted("--resume").into(),
        _ => error,
    })
}

fn train(arguments: &Arguments, signals: &Signals, json: bool) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let data = data(arguments, &mut progress);
    progress.finish();
    let data = data?;
    let Arguments { out, log, .. } = arguments;
    let Some(series) = arguments.paper.series(out) else {
        let start = (arguments.paper.seed(), out.clone());
        return train_one(arguments, start, data, log.clone(), signals, json);
    };
    for (seed, out) in &series {
        let log = log.as_ref().map(|log| log.join(format!("seed{seed}")));
        let start = (*seed, out.clone());
        train_one(arguments, start, data.clone(), log, signals, json)?;
    }
    // Until here a series that is resumed does not train again what it has trained.
    for (_, out) in &series {
        forget(out);
    }
    Ok(())
}

/// Trains one model and prints what it came to.
fn train_one(
    arguments: &Arguments,
    start: (i64, PathBuf),
    data: TrainingSet,
    log: Option<PathBuf>,
    signals: &Signals,
    json: bool,
) -> anyhow::Result<()> {
    let mut log = log
        .map(|folder| {
            Log::open(&folder, arguments.resume).with_context(|| folder.display().to_string())
        })
        .transpose()?;
    let mut progress = Progress::new();
    let tell = |event: Event| {
        if let Some(Err(error)) = log.as_mut().map(|log| log.take(&event)) {
            progress.note(&format!("the log ends here: {error}"));
            log = None;
        }
        tell(&mut progress, event);
    };
    let (stop, out) = (signals.stop(), start.1.clone());
    let outcome = match arguments.profile {
        Profile::Paper => paper::run(arguments, start, data, stop, tell),
        Profile::Dense => dense::run(arguments, data, stop, tell),
    };
    progress.finish();
    Ok(print(arguments.profile, &out, &outcome?, json)?)
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
        Event::NotSaved(error) => progress.note(&format!(
            "no checkpoint could be written: {error}; the training goes on, and the last checkpoint stays"
        )),
        Event::Begin(_) | Event::Judged(..) => {}
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

fn print(profile: Profile, out: &Path, outcome: &Outcome, json: bool) -> io::Result<()> {
    if json {
        let line = json!({
            "model": out,
            "pictures": outcome.pictures,
            "skipped": outcome.skipped,
            "epochs": outcome.epochs,
            "calibration": outcome.calibration,
        });
        writeln!(stdout(), "{line}")?;
        return Ok(());
    }
    let out = out.display();
    match profile {
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
