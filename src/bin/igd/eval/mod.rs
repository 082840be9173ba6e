//! `igd eval`

mod lines;
mod pictures;

use std::io::{self, Write, stdout};
use std::path::PathBuf;

use clap::Args;
use gstigd::eval::{Evaluation, Kind, Scored};
use serde::Serialize;

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
    /// A folder with `test/good` and a folder in `test` for each kind of defect
    #[arg(long, value_name = "DIR", requires = "model")]
    data: Option<PathBuf>,
    #[command(flatten)]
    selection: Selected,
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
    #[command(flatten)]
    target: Target,
}

/// What there is to evaluate.
struct Judged {
    scored: Vec<Scored>,
    threshold: f32,
    /// Pictures that could not be used.
    skipped: usize,
}

/// What is said with `--json`.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    evaluation: Evaluation,
    skipped: usize,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let Judged {
        scored,
        threshold,
        skipped,
    } = match (
        &arguments.model,
        &arguments.data,
        &arguments.lines,
        &arguments.labels,
    ) {
        (Some(model), Some(data), _, _) => pictures::judge(model, data, &arguments)?,
        (_, _, Some(lines), Some(labels)) => lines::read(lines, labels)?,
        _ => unreachable!("the arguments require each other"),
    };
    let evaluation = Evaluation::new(&scored, threshold);
    if json {
        let line = Line {
            evaluation,
            skipped,
        };
        writeln!(stdout(), "{}", serde_json::to_string(&line)?)?;
        return Ok(());
    }
    print(&evaluation)?;
    if skipped > 0 {
        writeln!(stdout(), "left out {skipped} pictures that cannot be used")?;
    }
    Ok(())
}

fn print(evaluation: &Evaluation) -> io::Result<()> {
    let area = |area: &Option<f64>| match area {
        Some(area) => format!("{area:.4}"),
        None => "unknown (good and defective pictures are needed)".to_owned(),
    };
    writeln!(stdout(), "image AUROC {}", area(&evaluation.image_auroc))?;
    for (group, auroc) in &evaluation.groups {
        writeln!(stdout(), "  {group} {}", area(auroc))?;
    }
    writeln!(stdout(), "threshold {:.4}", evaluation.threshold)?;
    for (kind, Kind { pictures, flagged }) in &evaluation.kinds {
        writeln!(stdout(), "  {kind}: {flagged} of {pictures} flagged")?;
    }
    Ok(())
}
