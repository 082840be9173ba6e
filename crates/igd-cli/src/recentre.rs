//! `igd recentre`

use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use igd::data::{PictureError, Sample, pictures_below};
use igd::files::check_writable;
use igd::model::{Detector, Model, Precision};
use igd::train::{TrainError, dense, measure};
use serde::Serialize;
use serde_json::json;
use tch::Device;

use crate::frames;
use crate::left_out::LeftOut;
use crate::output::stdout;
use crate::progress::Progress;

#[derive(Args)]
pub struct Arguments {
    /// The model file; it stays as it is
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Pictures of today, unmarked: 50 of as many parts, few of them defective
    #[arg(long, value_name = "DIR", required_unless_present = "video")]
    data: Option<PathBuf>,
    #[command(flatten)]
    video: frames::Arguments,
    /// The model file to write, which must not be there yet
    #[arg(long, value_name = "N.safetensors")]
    out: PathBuf,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
}

/// What a model says of the pictures.
#[derive(Serialize)]
struct Judged {
    /// So many of them are anomalous; `None` where it has no threshold.
    flagged: Option<usize>,
    /// How far the last of them are from what it was calibrated with, of the limit; `None` where it does not tell.
    drift: Option<f32>,
}

/// Pictures, with those that cannot be used.
struct Pictures {
    samples: Vec<Sample>,
    progress: Progress,
    strict: bool,
    skipped: usize,
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let Arguments { model, out, .. } = arguments;
    ensure!(
        !out.exists(),
        "{} is there already: name a new file, so that no earlier model is lost",
        out.display()
    );
    check_writable(out)?;
    let mut detector = Detector::open(model, Device::Cpu, Precision::Auto)?;
    let mut progress = Progress::new();
    let mut pictures = Pictures {
        samples: samples(arguments, detector.input_size(), &mut progress)?,
        progress,
        strict: arguments.strict,
        skipped: 0,
    };
    let before = pictures.judge("judging", &mut detector)?;
    let old = Model::open(model, Device::Cpu)?;
    let of = model.display().to_string();
    let new = pictures.look("recentring", |samples, done| {
        dense::recentre(old, &of, samples, done)
    })?;
    new.save(out, new.config.storage())?;
    let mut detector = Detector::open(out, Device::Cpu, Precision::Auto)?;
    let after = pictures.judge("judging again", &mut detector)?;
    let Pictures {
        samples,
        progress,
        skipped,
        ..
    } = pictures;
    progress.finish();
    let used = samples.len() - skipped;
    if json {
        let line = json!({
            "model": out,
            "pictures": used,
            "skipped": skipped,
            "before": before,
            "after": after,
        });
        writeln!(stdout(), "{line}")?;
    } else {
        print(arguments, used, &before, &after)?;
    }
    Ok(LeftOut::pictures(skipped).check()?)
}

fn samples(
    arguments: &Arguments,
    size: (usize, usize),
    progress: &mut Progress,
) -> anyhow::Result<Vec<Sample>> {
    match (&arguments.data, &arguments.video.video) {
        (Some(folder), _) => Ok(pictures_below(folder)?
            .into_iter()
            .map(Sample::File)
            .collect()),
        (None, Some(video)) => Ok(arguments.video.frames(video, size, progress)?.samples),
        (None, None) => unreachable!("one of them is required"),
    }
}

impl Pictures {
    /// What `work` makes of them, which tells how many are done and of those that cannot be used.
    fn look<T>(
        &mut self,
        stage: &str,
        work: impl FnOnce(
            &[Sample],
            &mut dyn FnMut(Result<usize, PictureError>) -> Result<(), TrainError>,
        ) -> Result<T, TrainError>,
    ) -> Result<T, TrainError> {
        let Self {
            samples,
            progress,
            strict,
            skipped,
        } = self;
        // They are looked at several times, and told of once.
        let is_told = mem::take(skipped) > 0;
        progress.stage(stage);
        work(samples, &mut |done| {
            match done {
                Ok(done) => progress.at(done as f64 / samples.len() as f64, || {
                    format!("{done} of {} pictures", samples.len())
                }),
                Err(error) if *strict => return Err(error.into()),
                Err(error) => {
                    *skipped += 1;
                    if !is_told {
                        progress.note(&format!("left out: {error}"));
                    }
                }
            }
            Ok(())
        })
    }

    fn judge(&mut self, stage: &str, detector: &mut Detector) -> Result<Judged, TrainError> {
        let measurements = self.look(stage, |samples, done| measure(detector, samples, done))?;
        let calibration = detector.calibration();
        let mut drift = detector.drift();
        let drift = drift.as_mut().and_then(|drift| {
            let pooled = measurements.iter().map(|one| &one.pooled);
            let last = pooled.fold(None, |_, pooled| drift.push(pooled));
            Some(last? / drift.limit())
        });
        let is_anomalous = |threshold: f32| {
            let scores = measurements.iter().map(|one| one.score);
            scores.filter(|&score| score > threshold).count()
        };
        Ok(Judged {
            flagged: calibration.map(|calibration| is_anomalous(calibration.threshold)),
            drift,
        })
    }
}

fn print(arguments: &Arguments, used: usize, before: &Judged, after: &Judged) -> io::Result<()> {
    let Arguments { model, out, .. } = arguments;
    writeln!(
        stdout(),
        "{}: made of {}, its centres moved towards {used} pictures",
        out.display(),
        model.display()
    )?;
    if let (Some(before), Some(after)) = (before.flagged, after.flagged) {
        writeln!(stdout(), "  flagged: {after} of {used}, were {before}")?;
    }
    if let (Some(before), Some(after)) = (before.drift, after.drift) {
        writeln!(
            stdout(),
            "  drift: {after:.2} of the limit, was {before:.2}"
        )?;
        if after > 1.0 {
            writeln!(
                stdout(),
                "  they still look different on the whole: where parts lie elsewhere or something else has changed, \
                train with pictures of today"
            )?;
        }
    }
    Ok(())
}
