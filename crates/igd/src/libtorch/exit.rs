//! The end of the process, which must not come in the middle of libtorch's work.
//!
//! A program that ends destroys libtorch's globals, and threads that still compute crash then: those of a pipeline that
//! was not stopped, and of one that was but whose inference takes longer than stopping waits for.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use std::{ptr, thread};

/// How long the end waits for work that is under way.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(2);

/// Read by those who work, written by the end.
static WORK: RwLock<()> = RwLock::new(());
static ENDING: AtomicBool = AtomicBool::new(false);

/// Something that libtorch does, which the end of the process waits for.
#[derive(Debug)]
pub struct Work(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>);

impl Work {
    /// For a thread that nobody waits for, or not for long. A thread begins one work at a time. Once the process ends
    /// this does not return.
    pub fn begin() -> Self {
        static FIRST: Once = Once::new();
        FIRST.call_once(wait_at_exit);
        loop {
            let work = WORK.read().unwrap_or_else(PoisonError::into_inner);
            if !ENDING.load(Ordering::Relaxed) {
                return Self(work);
            }
            drop(work);
            thread::park();
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What libtorch has made only now would be destroyed before the first call.
        static SECOND: Once = Once::new();
        SECOND.call_once(wait_at_exit);
    }
}

unsafe extern "C" {
    /// The C library's, as `atexit`, but `function` also gets the status that the process ends with, and `argument`.
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

/// Before all is destroyed that is there by now: the last one to register is called first.
fn wait_at_exit() {
    // Where there is no room for one more, the end comes as it would have without.
    // SAFETY: the function stays where it is, since plugins are never unloaded, and does not panic.
    unsafe { on_exit(wait, ptr::null_mut()) };
}

extern "C" fn wait(status: c_int, _: *mut c_void) {
    ENDING.store(true, Ordering::Relaxed);
    let end = Instant::now() + PATIENCE;
    while WORK.try_write().is_err() {
        if Instant::now() >= end {
            // Nothing is destroyed then.
            // SAFETY: writes out what the C library still holds, and ends the process.
            unsafe {
                libc::fflush(ptr::null_mut());
                libc::_exit(status);
            }
        }
        thread::sleep(LOOK);
    }
}
