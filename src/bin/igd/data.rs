//! `igd data`

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gstigd::data::elpv;
use serde_json::json;

#[derive(Args)]
pub struct Arguments {
    /// Which data set
    #[arg(value_enum)]
    set: Set,
    /// The folder to write it to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Set {
    /// Electroluminescence pictures of solar cells (90 MB)
    Elpv,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let counts = match arguments.set {
        Set::Elpv => elpv::write(&arguments.out)?,
    };
    if json {
        writeln!(
            stdout(),
            "{}",
            json!({ "out": arguments.out, "counts": counts, "licence": elpv::LICENCE })
        )?;
    } else {
        writeln!(
            stdout(),
            "{}: {} good pictures for training, {} good and {} defective ones for testing; licence {}",
            arguments.out.display(),
            counts.train_good,
            counts.test_good,
            counts.test_defective,
            elpv::LICENCE
        )?;
    }
    Ok(())
}
