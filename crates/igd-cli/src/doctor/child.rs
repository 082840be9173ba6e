//! Questions that a child process answers, so that a plugin that crashes does not end the doctor.

use std::env;
use std::io::{Write, stdout};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{library, registry};

#[derive(Args)]
#[group(multiple = false)]
pub struct Question {
    /// What does GStreamer know?
    #[arg(long, hide = true)]
    ask_registry: bool,
    /// What does the plugin in this file say of itself?
    #[arg(long, hide = true, value_name = "FILE")]
    ask_library: Option<PathBuf>,
}

impl Question {
    /// Whether this process is such a child; the answer has been printed then.
    pub fn answer(&self) -> anyhow::Result<bool> {
        if self.ask_registry {
            print(&registry::know()?)?;
        } else if let Some(file) = &self.ask_library {
            print(&library::describe(file)?)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn print(answer: &impl Serialize) -> anyhow::Result<()> {
    Ok(writeln!(stdout(), "{}", serde_json::to_string(answer)?)?)
}

/// What GStreamer knows, or why that cannot be told.
pub fn ask_registry() -> Result<registry::Known, String> {
    ask(|child| child.arg("--ask-registry"))
}

/// What a plugin says of itself, or why it does not.
pub fn ask_library(file: &Path) -> Result<library::Description, String> {
    ask(|child| child.arg("--ask-library").arg(file))
}

fn ask<T: DeserializeOwned>(
    question: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<T, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = question(Command::new(program).arg("doctor"))
        .output()
        .map_err(|error| error.to_string())?;
    if let Some(signal) = output.status.signal() {
        return Err(format!("it crashes (signal {signal})"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // A plugin may print anything of its own before.
    let answer = String::from_utf8_lossy(&output.stdout);
    let answer = answer.lines().last().unwrap_or_default();
    if output.status.success() {
        serde_json::from_str(answer).map_err(|error| error.to_string())
    } else {
        let reason = said.lines().last().unwrap_or_default();
        Err(reason.trim_start_matches("igd: ").to_owned())
    }
}
