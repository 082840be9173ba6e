//! `igd bench`

mod ceiling;
mod speed;

use clap::Subcommand;

#[derive(Subcommand)]
pub enum Arguments {
    /// Measure how fast a model judges frames, where the time goes, and how near the networks are to what the machine can do
    Speed(speed::Arguments),
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    match arguments {
        Arguments::Speed(arguments) => speed::run(arguments, json),
    }
}
