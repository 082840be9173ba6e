//! Python, with packages of PyPI where they are to be had.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use igd::data::fetch::FetchError;

use super::network::fetched;

/// The folder of a package, to be put into `PYTHONPATH`; it is fetched once. None: the test is skipped.
#[track_caller]
pub fn package(name: &str, version: &str) -> Option<PathBuf> {
    fetched(name, fetch(&[&format!("{name}=={version}")], &[]))
}

/// The same of packages that need no others: of large ones that ask for more than is used of them.
#[track_caller]
pub fn packages_alone(packages: &[&str]) -> Option<PathBuf> {
    let quickly = ["--no-deps", "--no-compile"];
    fetched(packages[0], fetch(packages, &quickly))
}

fn fetch(packages: &[&str], options: &[&str]) -> Result<PathBuf, FetchError> {
    let Some(folder) = option_env!("CARGO_TARGET_TMPDIR") else {
        unreachable!("the fuzzers, which have none, need no package");
    };
    let package = packages.join("+");
    let folder = Path::new(folder).join(&package);
    if folder.exists() {
        return Ok(folder);
    }
    let failed = |reason: String| FetchError::Client {
        package: package.clone(),
        reason,
    };
    let parent = folder.parent().unwrap();
    let half = tempfile::tempdir_in(parent).map_err(|error| failed(error.to_string()))?;
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(half.path())
        .args(options)
        .args(packages)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    // Another test may have been quicker.
    if let Err(error) = fs::rename(half.path(), &folder)
        && !folder.exists()
    {
        return Err(failed(error.to_string()));
    }
    Ok(folder)
}
