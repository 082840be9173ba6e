//! `igd completions`

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::output::stdout;

#[derive(Args)]
pub struct Arguments {
    /// The shell to complete for
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    // By way of memory, since `generate` panics where it cannot write.
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut crate::Arguments::command(),
        env!("CARGO_BIN_NAME"),
        &mut script,
    );
    Ok(stdout().write_all(&script)?)
}
