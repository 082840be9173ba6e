//! `igd eval`

mod lines;
mod metrics;
mod pictures;
mod report;
mod results;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use igd::eval::{Evaluation, KindCounts};
use igd::files::{check_writable, is_same};
use igd::model::PaperScale;
use serde::Serialize;

use crate::left_out::LeftOut;
use crate::output::{note, stdout};
use crate::selection::Selected;
use crate::target::Target;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(
        long,
        value_name = "M.safetensors",
        requires = "data",
        required_unless_present = "lines"
    )]
    model: Option<PathBuf>,
    /// A folder with `test/good` and a folder in `test` for each kind of defect; masks in `ground_truth/<kind>` measure
    /// the maps too
    #[arg(long, value_name = "DIR", requires = "model")]
    data: Option<PathBuf>,
    #[command(flatten)]
    selection: Selected,
    /// Judge with one of the paper profile's two networks alone; the threshold is of both, and not looked at
    #[arg(long, value_enum, requires = "model")]
    scale: Option<Scale>,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// Instead: what `igd predict` said of a video
    #[arg(
        long,
        value_name = "L.jsonl",
        requires = "labels",
        conflicts_with = "model"
    )]
    lines: Option<PathBuf>,
    /// What the video's frames show: a line each from the first frame on, `good` or the kind of defect
    #[arg(long, value_name = "FILE", requires = "lines")]
    labels: Option<PathBuf>,
    /// Write a page with curves, a table of all pictures, and the worst and best of them: one file that needs no
    /// network
    #[arg(long, value_name = "R.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scale {
    Global,
    Local,
}

impl From<Scale> for PaperScale {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Global => Self::Global,
            Scale::Local => Self::Local,
        }
    }
}

/// What is said with `--json`.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// Pictures that could not be used.
    skipped: usize,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    if let Some(report) = &arguments.report {
        let inputs = [&arguments.model, &arguments.lines, &arguments.labels];
        if inputs
            .into_iter()
            .flatten()
            .any(|input| is_same(input, report))
        {
            bail!("{}: --report would overwrite it", report.display());
        }
        check_writable(report)?;
    }
    let mut results = match (
        &arguments.model,
        &arguments.data,
        &arguments.lines,
        &arguments.labels,
    ) {
        (Some(model), Some(data), _, _) => pictures::evaluate(model, data, &arguments)?,
        (_, _, Some(lines), Some(labels)) => lines::read(lines, labels)?,
        _ => unreachable!("the arguments require each other"),
    };
    let evaluation = Evaluation::new(&results.scored, results.threshold, results.pixels);
    for text in evaluation.notes(&results.scored) {
        note(text);
    }
    if let Some(path) = &arguments.report {
        report::write(path, &mut results, &evaluation)?;
    }
    let skipped = results.skipped;
    if json {
        let line = Summary {
            evaluation,
            skipped,
        };
        writeln!(stdout(), "{}", serde_json::to_string(&line)?)?;
    } else {
        print(&evaluation)?;
    }
    Ok(LeftOut::pictures(skipped).check()?)
}

fn print(evaluation: &Evaluation) -> io::Result<()> {
    for (name, value) in metrics::rows(evaluation) {
        writeln!(stdout(), "{name} {value}")?;
    }
    for (kind, KindCounts { pictures, flagged }) in &evaluation.kinds {
        writeln!(stdout(), "  {kind}: {flagged} of {pictures} flagged")?;
    }
    Ok(())
}
