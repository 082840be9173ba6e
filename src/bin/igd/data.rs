//! `igd data`

mod synthetic;

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gstigd::data::elpv;
use serde_json::json;

#[derive(Subcommand)]
pub enum Arguments {
    /// Electroluminescence pictures of solar cells (90 MB)
    Elpv(Target),
    /// Draw defects on good pictures: a test set with masks, without a single defective part
    Synthetic(synthetic::Arguments),
}

#[derive(Args)]
pub struct Target {
    /// The folder to write it to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    match arguments {
        Arguments::Elpv(target) => elpv(&target, json),
        Arguments::Synthetic(arguments) => synthetic::run(&arguments, json),
    }
}

fn elpv(target: &Target, json: bool) -> anyhow::Result<()> {
    let counts = elpv::write(&target.out)?;
    if json {
        writeln!(
            stdout(),
            "{}",
            json!({ "out": target.out, "counts": counts, "licence": elpv::LICENCE })
        )?;
    } else {
        writeln!(
            stdout(),
            "{}: {} good pictures for training, {} good and {} defective ones for testing; licence {}",
            target.out.display(),
            counts.train_good,
            counts.test_good,
            counts.test_defective,
            elpv::LICENCE
        )?;
    }
    Ok(())
}
