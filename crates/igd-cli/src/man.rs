//! `igd man`: the pages that packages install.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use igd::files::advised;

#[derive(Args)]
pub struct Arguments {
    /// The folder to write a page for each command to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let out = &arguments.out;
    fs::create_dir_all(out)
        .and_then(|()| clap_mangen::generate_to(crate::Arguments::command(), out))
        .map_err(advised)
        .with_context(|| out.display().to_string())
}
