//! Questions that a child process answers, so that a plugin that crashes does not end the doctor.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde::de::DeserializeOwned;

/// Asks a child of ours `igd doctor` with these arguments.
pub fn ask<T: DeserializeOwned>(
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<T, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .arg("doctor")
        .args(arguments)
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
