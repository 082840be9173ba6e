//! `igd train`

mod choice;
mod dense;
mod log;
mod paper;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use igd::data::{Selection, TrainingSet};
use igd::eval::Rate;
use igd::libtorch::choose_device;
use igd::model::FALSE_POSITIVE_RATE;
use igd::train::{self, Doubles, Options, Outcome, TrainError, TrainingEvent};
use serde_json::json;

use self::choice::Chosen;
use self::log::Log;
use self::paper::with_seed;
use crate::frames;
use crate::left_out::LeftOut;
use crate::numbers::share;
use crate::output::stdout;
use crate::progress::Progress;
use crate::selection::Selected;
use crate::signals::Signals;

#[derive(Args)]
#[command(mut_arg("video", |video| {
    video.conflicts_with_all(["normal", "abnormal", "class", "test_share"])
}))]
pub struct Arguments {
    /// Pictures of good parts: a folder of them, one with `train/good`, `good` or `normal`, or MNIST's or CIFAR-10's
    /// files
    #[arg(long, value_name = "DIR", required_unless_present = "video")]
    data: Option<PathBuf>,
    #[command(flatten)]
    video: frames::Arguments,
    #[command(flatten)]
    selection: Selected,
    /// Share of the pictures that are trained on, drawn by lot: how few are enough?
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample_rate: Option<f64>,
    /// Share of anomalous pictures among those that are trained on, from `train` or the other classes: how clean must
    /// they be?
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "video")]
    contamination: Option<f64>,
    /// Share of the pictures of --rare-class among all that are trained on
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.05)]
    rare_share: f64,
    /// Where the networks compute: cpu, cuda, cuda:N, or auto (a GPU where one is usable)
    #[arg(long, value_name = "D", default_value = "cpu")]
    device: String,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// The model file to write
    #[arg(long, value_name = "M.safetensors")]
    out: PathBuf,
    /// The family of the model [default: dense]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Pictures of a few known defects. They choose the size of the picture and tiles, unless these are given, and the
    /// profile, where arguments of the paper's are given and no --profile; and the share of them that is found is told.
    /// Neither fit nor threshold sees them. May be given several times
    #[arg(long, value_name = "DIR", conflicts_with = "seeds")]
    bad: Vec<PathBuf>,
    /// Share of the pictures that is kept for calibration [default: 0.15; none in dense fits, where each picture is
    /// left out in turn]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    hold_out: Option<f64>,
    /// Share of normal pictures that may be flagged
    #[arg(long, default_value_t = FALSE_POSITIVE_RATE, value_parser = share)]
    false_positive_rate: f64,
    /// Seconds between two checkpoints. An epoch ends with one too, as long as all together take at most 5 % of the
    /// time
    #[arg(long, default_value_t = 30.0)]
    checkpoint_seconds: f64,
    /// Go on where a training of the same model was stopped; with what --keep has kept, add pictures to a dense model.
    /// Where the earlier one had another --out, or its checkpoint has another name by now: the one or the other
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[allow(clippy::option_option)]
    resume: Option<Option<PathBuf>>,
    /// Write losses (CSV), pictures with their reconstructions, and a histogram of the scores that calibrate to a
    /// folder
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

impl Arguments {
    fn profile(&self) -> Profile {
        self.profile.unwrap_or(Profile::Dense)
    }
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let (profile, stray) = match arguments.profile {
        Some(Profile::Paper) => ("dense", arguments.dense.given()),
        // It is tried as well.
        None if !arguments.bad.is_empty() => ("paper", None),
        _ => ("paper", arguments.paper.given()),
    };
    if let Some(stray) = stray {
        let why = match stray {
            "--seed" | "--seeds" => ": a dense fit has no random start",
            _ => "",
        };
        let text = format!("{stray} is for --profile {profile} only{why}\n");
        clap::Error::raw(ErrorKind::ArgumentConflict, text).exit();
    }
    if arguments.profile() == Profile::Dense
        && let Some(fault) = arguments.dense.fault()
    {
        clap::Error::raw(ErrorKind::ValueValidation, fault + "\n").exit();
    }
    let signals = Signals::watch()?;
    train_all(arguments, &signals, json).map_err(|error| match error.downcast_ref() {
        Some(TrainError::Stopped) => {
            let from = arguments.resume.as_ref().and_then(Option::as_deref);
            signals.interrupted("--resume", from).into()
        }
        _ => error,
    })
}

/// A training, and where it is logged.
struct Training {
    options: Options,
    log: Option<PathBuf>,
}

fn train_all(arguments: &Arguments, signals: &Signals, json: bool) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let data = data(arguments, &mut progress);
    progress.finish();
    let mut trainings = trainings(arguments, &data?, signals)?;
    let (mut skipped, mut all) = (0, 0);
    for training in &mut trainings {
        let chosen = match arguments.bad.is_empty() {
            true => None,
            false => Some(Chosen::new(arguments, &mut training.options)?),
        };
        if let Some(chosen) = chosen.as_ref().filter(|_| !json) {
            chosen.print()?;
        }
        let outcome = train_one(training, chosen.as_ref(), json)?;
        skipped = skipped.max(outcome.skipped + chosen.map_or(0, |chosen| chosen.skipped()));
        all = training.options.data.samples.len();
    }
    // Until here a series that is resumed does not train again what it has trained.
    if arguments.paper.series().is_some() {
        for training in &trainings {
            training.options.forget();
        }
    }
    Ok(LeftOut::of_training(skipped, all).check()?)
}

/// The one training, or those of a series.
fn trainings(
    arguments: &Arguments,
    data: &TrainingSet,
    signals: &Signals,
) -> anyhow::Result<Vec<Training>> {
    let Arguments {
        out,
        log,
        paper,
        dense,
        ..
    } = arguments;
    let from = arguments.resume.as_ref().and_then(Option::as_ref);
    let device = choose_device(&arguments.device)?.device;
    let options = |seed: i64, out: PathBuf, from: Option<PathBuf>| -> anyhow::Result<Options> {
        Ok(Options {
            profile: match arguments.profile() {
                Profile::Paper => {
                    train::Profile::Paper(paper.options(seed, arguments.sample_rate)?)
                }
                Profile::Dense => train::Profile::Dense(dense.options()),
            },
            device,
            strict: arguments.strict,
            hold_out: arguments.hold_out,
            false_positive_rate: arguments.false_positive_rate,
            checkpoint_interval: Duration::try_from_secs_f64(arguments.checkpoint_seconds)?,
            keep: dense.keep || paper.series().is_some(),
            resume: arguments.resume.is_some(),
            resume_from: from,
            stop: signals.stop(),
            ..Options::new(data.clone(), out)
        })
    };
    let Some(series) = paper.series() else {
        return Ok(vec![Training {
            options: options(paper.seed(), out.clone(), from.cloned())?,
            log: log.clone(),
        }]);
    };
    series
        .map(|seed| {
            Ok(Training {
                options: options(
                    seed,
                    with_seed(out, seed),
                    from.map(|from| with_seed(from, seed)),
                )?,
                log: log.as_ref().map(|log| log.join(format!("seed{seed}"))),
            })
        })
        .collect()
}

/// A dense model of a folder of good pictures, with all that is usual.
pub fn fit(good: &Path, out: &Path) -> anyhow::Result<()> {
    let data = TrainingSet::open(good, &Selection::default())?;
    let training = Training {
        options: Options::new(data, out.to_owned()),
        log: None,
    };
    train_one(&training, None, false)?;
    Ok(())
}

/// Trains one model and prints what it came to.
fn train_one(training: &Training, chosen: Option<&Chosen>, json: bool) -> anyhow::Result<Outcome> {
    let Training { options, log } = training;
    let mut log = log
        .as_ref()
        .map(|folder| Log::open(folder, options.resume))
        .transpose()?;
    let mut progress = Progress::new();
    let outcome = train::train(options, |event| {
        if let Some(Err(error)) = log.as_mut().map(|log| log.take(&event)) {
            progress.note(&format!(
                "{error}: the log ends here, and the training goes on without it"
            ));
            log = None;
        }
        tell(&mut progress, event);
    });
    progress.finish();
    let outcome = outcome?;
    let found = chosen.map(|chosen| Ok::<_, anyhow::Error>((chosen, chosen.found(options)?)));
    print(options, &outcome, found.transpose()?, json)?;
    Ok(outcome)
}

/// The pictures to train on.
fn data(arguments: &Arguments, progress: &mut Progress) -> anyhow::Result<TrainingSet> {
    let selection = arguments.selection.selection();
    let mut data = match (&arguments.data, &arguments.video.video) {
        (Some(folder), _) => TrainingSet::open(folder, &selection)?,
        (None, Some(video)) => {
            let size = match arguments.profile() {
                Profile::Paper => arguments.paper.picture(),
                Profile::Dense => arguments.dense.picture(),
            };
            arguments.video.frames(video, size, progress)?
        }
        (None, None) => unreachable!("one of them is required"),
    };
    if let Some(share) = arguments.sample_rate {
        data.thin(share, selection.seed);
    }
    if let (Some(_), Some(folder)) = (selection.rare_class, &arguments.data) {
        data.add_rare(arguments.rare_share, folder, &selection)?;
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

fn tell(progress: &mut Progress, event: TrainingEvent) {
    match event {
        TrainingEvent::Stage(stage) => progress.stage(stage),
        TrainingEvent::Pictures(done, all) => {
            progress.at(done as f64 / all.max(1) as f64, || {
                format!("{done} of {all} pictures")
            });
        }
        TrainingEvent::Skipped(error) => progress.note(&format!("left out: {error}")),
        TrainingEvent::Trimmed(trimmed) => progress.note(&format!(
            "dropped, as it does not fit the others: {} (score {:.3})",
            trimmed.sample, trimmed.score
        )),
        TrainingEvent::Doubles(doubles) => progress.note(&format!("warning: {}", said(doubles))),
        TrainingEvent::Anew(out) => progress.note(&format!(
            "{}: there is no checkpoint of such a training beside it, so it starts anew (--resume FILE names one that \
            lies elsewhere)",
            out.display()
        )),
        TrainingEvent::NotSaved(error) => progress.note(&format!(
            "no checkpoint could be written: {error}; the training goes on, and the last checkpoint stays"
        )),
        TrainingEvent::Begin(_) | TrainingEvent::Judged(..) => {}
        TrainingEvent::Step(report) => progress.at(report.progress, || {
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

/// What doubles mean, and what to do.
fn said(doubles: &Doubles) -> String {
    let Doubles {
        looked_at,
        doubles,
        example: (one, other),
    } = doubles;
    format!(
        "the threshold is too low for new parts: of {looked_at} pictures that it was set with, {doubles} show nearly \
        what one that was trained on shows, such as {} and {} (windows of one picture, frames of one video close in \
        time, doubles): set it with pictures of other parts, by igd calibrate",
        one.display(),
        other.display()
    )
}

fn print(
    options: &Options,
    outcome: &Outcome,
    chosen: Option<(&Chosen, Rate)>,
    json: bool,
) -> io::Result<()> {
    if json {
        let mut line = json!({
            "model": options.out,
            "pictures": outcome.pictures,
            "skipped": outcome.skipped,
            "trimmed": outcome.trimmed,
            "epochs": outcome.epochs,
            "calibration": outcome.calibration,
            "augmented": outcome.augmented,
            "promise": outcome.calibration.map(|calibration| calibration.promise()),
            "doubles": outcome.doubles,
        });
        if let Some((chosen, found)) = chosen {
            line["choice"] = chosen.json(&found);
        }
        writeln!(stdout(), "{line}")?;
        return Ok(());
    }
    let out = options.out.display();
    match options.profile {
        train::Profile::Paper(_) => writeln!(
            stdout(),
            "{out}: trained on {} pictures, {} epochs",
            outcome.pictures,
            outcome.epochs
        )?,
        train::Profile::Dense(_) => {
            let dropped = match outcome.trimmed.len() {
                0 => String::new(),
                count => format!("; {count} dropped, as they do not fit the others"),
            };
            let pictures = outcome.pictures;
            writeln!(stdout(), "{out}: fitted to {pictures} pictures{dropped}")?;
        }
    }
    match outcome.calibration {
        Some(calibration) => writeln!(
            stdout(),
            "threshold {:.4} (median {:.4}) from {}, at a false-positive rate of {} %\n{}",
            calibration.threshold,
            calibration.median,
            calibration.origin(),
            calibration.false_positive_rate * 100.0,
            calibration.promise()
        )?,
        None => writeln!(
            stdout(),
            "not calibrated, since there was no picture to calibrate with: see igd calibrate"
        )?,
    }
    if let (Some(augmented), Some(calibration)) = (outcome.augmented, outcome.calibration) {
        writeln!(
            stdout(),
            "{} copies of each picture, in which the part lies elsewhere, are fitted to and calibrate too; the threshold \
            for the pictures as they are would be {:.4}: what scores between the two passes",
            augmented.copies,
            augmented.threshold_of_still.min(calibration.threshold)
        )?;
    }
    if let Some(doubles) = &outcome.doubles {
        writeln!(stdout(), "{}", said(doubles))?;
    }
    if let Some((chosen, found)) = chosen {
        writeln!(stdout(), "{}", chosen.said(&found))?;
    }
    Ok(())
}
