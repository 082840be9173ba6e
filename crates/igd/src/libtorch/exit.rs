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
/// How often it looks whether there still is some.
const LOOK: Duration = Duration::from_millis(2);

/// Locked for reading by all who work, and for writing by the end, which thereby knows that nobody does.
static WORK: RwLock<()> = RwLock::new(());
/// Whether the process has begun to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// While this lives, its thread may use libtorch: the end of the process waits for it, three seconds at most. For
/// threads that the program does not join before it ends.
#[derive(Debug)]
pub struct Work(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>);

impl Work {
    /// Begins a piece of work; a thread begins one at a time. `None` once the process has begun to end: libtorch is
    /// not to be used any more then, be it only to free a tensor, and the thread should end or leave it at that.
    pub fn begin() -> Option<Self> {
        static FIRST: Once = Once::new();
        FIRST.call_once(wait_at_exit);
        let work = WORK.read().unwrap_or_else(PoisonError::into_inner);
        // The end says so before it asks for the lock: either this sees it, or the end sees this.
        (!ENDING.load(Ordering::Relaxed)).then(|| Self(work))
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

/// Has the process end without destroying anything. To destroy libtorch's globals takes a tenth of a second, which a
/// program that is called for each picture or in each script would have to wait for. Call it first of all: what is
/// registered later to be called at the end still is.
pub fn end_without_destroying() {
    // Where the C library has no room for one more function, the end takes longer.
    // SAFETY: as below.
    unsafe { on_exit(end, ptr::null_mut()) };
}

/// Has the end of the process wait for work, before anything is destroyed that is there by now: what was registered
/// last is called first.
fn wait_at_exit() {
    // Where the C library has no room for one more function, the end comes as it would have without.
    // SAFETY: the function stays where it is, since plugins are never unloaded, and does not panic.
    unsafe { on_exit(wait, ptr::null_mut()) };
}

extern "C" fn wait(status: c_int, _: *mut c_void) {
    ENDING.store(true, Ordering::Relaxed);
    let patience_ends = Instant::now() + PATIENCE;
    while WORK.try_write().is_err() {
        if Instant::now() >= patience_ends {
            end(status, ptr::null_mut());
        }
        thread::sleep(LOOK);
    }
}

/// Without destroying anything.
extern "C" fn end(status: c_int, _: *mut c_void) {
    // SAFETY: writes out what the C library still holds, and ends the process.
    unsafe {
        libc::fflush(ptr::null_mut());
        libc::_exit(status);
    }
}
