//! Tests that need a process of their own: they count what the whole process does, or end it. The test program starts
//! itself again with that one test.

use std::env;
use std::process::Command;

/// Set in such a process.
const VARIABLE: &str = "IGD_TEST_ALONE";

/// Whether this is a process that [`again`] has started.
pub fn is_alone() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// The test `name`, such as `memory::inference_reuses_its_memory`, in a process of its own.
pub fn again(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([name, "--exact", "--nocapture", "--include-ignored"])
        .env(VARIABLE, "1");
    command
}

/// Runs the body in a process of its own: here if this is it, else by starting the test `name` again, which must pass.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    if is_alone() {
        return body();
    }
    let output = again(name).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    // None runs where the name is wrong.
    assert!(said.contains("1 passed"), "no test {name}: {said}");
    print!("{said}");
}
