//! `igd data synthetic`

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use igd::data::synthetic::{DefectKind, Options, Source, write};
use serde_json::json;

use super::Target;
use crate::output::stdout;
use crate::selection::Selected;

#[derive(Args)]
pub struct Arguments {
    /// The data set with the good pictures: those for testing where there are such, else all. Train on this one
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    selection: Selected,
    #[command(flatten)]
    target: Target,
    /// What to draw [default: all of them]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    kinds: Vec<DefectKind>,
    /// Pictures of each kind
    #[arg(long, value_name = "N", default_value_t = 50)]
    count: usize,
    /// Other numbers draw other defects
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn kinds() -> impl TypedValueParser<Value = DefectKind> {
    PossibleValuesParser::new(DefectKind::ALL.map(DefectKind::name)).try_map(|name| {
        let kind = DefectKind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or("no such kind")
    })
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let options = Options {
        kinds: match arguments.kinds.is_empty() {
            true => DefectKind::ALL.to_vec(),
            false => arguments.kinds.clone(),
        },
        count: arguments.count,
        seed: arguments.seed,
    };
    let (from, out) = (&arguments.from, &arguments.target.out);
    let counts = write(from, &arguments.selection.selection(), out, &options)?;
    if json {
        writeln!(stdout(), "{}", json!({ "out": out, "counts": counts }))?;
        return Ok(());
    }
    let source = match counts.source {
        Source::Testing => "its good pictures for testing, which are not trained on",
        Source::All => "all its good pictures, since none are set apart for testing",
    };
    writeln!(
        stdout(),
        "{}: {} good pictures and {} with a defect, with masks; made from {source}, of {}",
        out.display(),
        counts.good,
        counts.defective,
        from.display()
    )?;
    Ok(())
}
