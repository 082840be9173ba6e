//! `igd feedback`

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use igd::data::{Sample, pictures_below};
use igd::feedback::{FeedbackError, FeedbackEvent, Options, Outcome, feedback, lines, rates};
use serde_json::json;

use crate::left_out::LeftOut;
use crate::output::stdout;
use crate::progress::Progress;

#[derive(Args)]
pub struct Arguments {
    /// The model file; it stays as it is
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Pictures of defects, all that were marked so far, such as igdfilter's in `M.marks/bad`; may be given several
    /// times
    #[arg(long, value_name = "DIR", required_unless_present = "good")]
    bad: Vec<PathBuf>,
    /// Pictures of good parts that were taken for defects, all that were marked so far, such as igdfilter's in
    /// `M.marks/good`; may be given several times
    #[arg(long, value_name = "DIR")]
    good: Vec<PathBuf>,
    /// The model file to write, which must not be there yet
    #[arg(long, value_name = "N.safetensors")]
    out: PathBuf,
    /// Share of good pictures that may be flagged [default: what the model was calibrated for]
    #[arg(long, value_name = "SHARE", value_parser = crate::numbers::share)]
    false_positive_rate: Option<f64>,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let pictures = |folders: &[PathBuf]| -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for folder in folders {
            samples.extend(pictures_below(folder)?.into_iter().map(Sample::File));
        }
        Ok(samples)
    };
    let options = Options {
        model: arguments.model.clone(),
        bad: pictures(&arguments.bad)?,
        good: pictures(&arguments.good)?,
        out: arguments.out.clone(),
        false_positive_rate: arguments.false_positive_rate,
        strict: arguments.strict,
    };
    let mut progress = Progress::new();
    progress.stage("learning");
    let learned = feedback(&options, |event| match event {
        FeedbackEvent::Pictures(done, all) => progress.at(done as f64 / all.max(1) as f64, || {
            format!("{done} of {all} pictures")
        }),
        FeedbackEvent::Skipped(error) => progress.note(&format!("left out: {error}")),
    });
    progress.finish();
    let (outcome, refused) = match learned {
        Ok(outcome) => (outcome, None),
        Err(FeedbackError::NotBetter(outcome)) => {
            ((*outcome).clone(), Some(FeedbackError::NotBetter(outcome)))
        }
        Err(error) => return Err(error.into()),
    };
    print(&options, &outcome, refused.is_some(), json)?;
    if let Some(refused) = refused {
        return Err(NotBetter(refused.to_string()).into());
    }
    Ok(LeftOut::pictures(outcome.skipped).check()?)
}

fn print(options: &Options, outcome: &Outcome, refused: bool, json: bool) -> io::Result<()> {
    let revision = &outcome.revision;
    if json {
        let line = json!({
            "model": (!refused).then_some(&options.out),
            "revision": revision,
            "rates": rates(revision).map(|(name, before, after)| {
                json!({ "of": name, "before": before, "after": after })
            }).collect::<Vec<_>>(),
            "calibration": outcome.calibration,
            "skipped": outcome.skipped,
        });
        return writeln!(stdout(), "{line}");
    }
    let made = match refused {
        true => "not written".to_owned(),
        false => format!("made of {}", options.model.display()),
    };
    writeln!(
        stdout(),
        "{}: {made}, {} marked defects and {} marked good pictures",
        options.out.display(),
        revision.bad,
        revision.good
    )?;
    writeln!(
        stdout(),
        "each picture judged by what the others have taught:"
    )?;
    for line in lines(revision) {
        writeln!(stdout(), "  {line}")?;
    }
    writeln!(
        stdout(),
        "  threshold: {:.4}, was {:.4}, for a false-positive rate of {} %",
        outcome.calibration.threshold,
        outcome.threshold_before,
        100.0 * outcome.calibration.false_positive_rate
    )
}

/// The marks make no better model.
#[derive(Debug)]
pub struct NotBetter(String);

impl NotBetter {
    /// Of the program: nothing has failed, and there is no new model.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(4)
    }
}

impl std::error::Error for NotBetter {}

impl Display for NotBetter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
