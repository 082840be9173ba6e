//! The end of the process, and who still wants to work then.

use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::alone::{again, is_alone};
use igd::libtorch::Work;

/// Longer than a program needs to start and to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The status of a program whose destructor was refused its work, and of one where it began.
const REFUSED: i32 = 7;
const BEGUN: i32 = 8;

/// Joins a thread that begins a piece of work, as the end of a pipeline does.
extern "C" fn destructor() {
    let begun = thread::spawn(|| Work::begin().is_some()).join();
    let status = match begun {
        Ok(false) => REFUSED,
        _ => BEGUN,
    };
    // SAFETY: ends the process; all that was said is written.
    unsafe { libc::_exit(status) };
}

/// A program with a static destructor, which is called after the end has waited for all work. Never returns.
fn program() {
    // What is registered last is called first, and the first work registers what waits for it.
    // SAFETY: the function stays where it is, and does not unwind.
    assert_eq!(unsafe { libc::atexit(destructor) }, 0);
    drop(Work::begin().expect("the process does not end yet"));
    process::exit(0);
}

#[test]
fn a_destructor_is_refused_its_work() {
    if is_alone() {
        program();
    }
    let mut child = again("exit::a_destructor_is_refused_its_work")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("the destructor hangs");
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(REFUSED), "{status}");
}
