//! Threads for inference on the CPU.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread;

use libloading::os::unix::{Library, RTLD_LAZY};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Has this thread, and those that it starts, leave most of a busy machine to others: a tenth of what each of those gets
/// stays for it.
pub fn give_way() {
    set_niceness(10);
}

/// Has this thread, and those that it starts, compute when others of the machine do not.
pub fn take_what_is_left() {
    set_niceness(19);
}

fn set_niceness(niceness: i32) {
    // SAFETY: numbers alone are handed over. Linux takes it for the calling thread; where it refuses, all is as before.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, niceness) };
}

/// Threads that compute with libtorch for others. A thread that calls libtorch by itself has libtorch start as many
/// threads beside it as there are cores. Where several threads of a program do so there are more threads than cores,
/// and all of them become slow.
#[derive(Debug)]
pub struct Workers(ThreadPool);

impl Workers {
    /// As many threads as libtorch would use, each of which computes its operations alone: for work that can be shared,
    /// such as the patches of a picture.
    ///
    /// libtorch's own way is to split each operation among all threads. They meet hundreds of times a picture then, and
    /// all wait, without sleeping, for the one whose core the system has given to somebody else: on a machine that also
    /// encodes video that is slower than one thread alone. Here the threads meet once a picture, and who waits sleeps.
    ///
    /// Fails when the system gives no threads.
    pub fn sharing() -> Result<Self, ThreadPoolBuildError> {
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
        Self::builder(threads)
            .start_handler(|_| compute_alone())
            .build()
            .map(Self)
    }

    /// One thread whose operations libtorch splits among threads of its own: for work that cannot be shared.
    pub fn libtorch_threaded() -> Result<Self, ThreadPoolBuildError> {
        Self::builder(1).build().map(Self)
    }

    /// One thread that computes its operations alone: for work that is too small to be shared.
    pub fn single_threaded() -> Result<Self, ThreadPoolBuildError> {
        Self::builder(1)
            .start_handler(|_| compute_alone())
            .build()
            .map(Self)
    }

    fn builder(threads: usize) -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("igd-{index}"))
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs the work on one of the threads, and waits for it. Within it rayon's functions use all of the threads.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

/// Runs the work on a thread of its own, which computes its operations alone and ends with it; waits for it.
pub fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        compute_alone();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Has this thread compute libtorch's operations alone. Those of other threads are split as before.
fn compute_alone() {
    // When it is first asked, libtorch sets up how many threads this one uses, which would undo what follows.
    tch::get_num_threads();
    static LIMITS: OnceLock<Vec<unsafe extern "C" fn(i32)>> = OnceLock::new();
    let limits = LIMITS.get_or_init(|| {
        // libtorch's own function for it is for all threads. These, of the libraries that it splits operations with,
        // are for the thread that calls them.
        // SAFETY: opens what is loaded already.
        let Ok(libtorch) = (unsafe { Library::open(Some("libtorch_cpu.so"), RTLD_LAZY) }) else {
            return Vec::new();
        };
        let limits = [c"omp_set_num_threads", c"MKL_Set_Num_Threads_Local"];
        let limits = limits
            .iter()
            // SAFETY: both take an int; MKL's returns one, which may be left alone.
            .filter_map(|name| unsafe { libtorch.get(name.to_bytes_with_nul()) }.ok())
            .map(|function| *function)
            .collect();
        // Not closed: the functions are needed as long as there are threads.
        std::mem::forget(libtorch);
        limits
    });
    for limit in limits {
        // SAFETY: changes this thread's own setting.
        unsafe { limit(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_compute_alone() {
        let outside = tch::get_num_threads();
        let workers = Workers::sharing().unwrap();
        assert_eq!(workers.count(), outside as usize);
        assert_eq!(workers.run(tch::get_num_threads), 1);
        assert_eq!(alone(tch::get_num_threads), 1);
        assert_eq!(
            Workers::libtorch_threaded()
                .unwrap()
                .run(tch::get_num_threads),
            outside
        );
        assert_eq!(tch::get_num_threads(), outside);
    }
}
