//! Threads for inference on the CPU.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread;

use libloading::os::unix::{Library, RTLD_LAZY};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads that compute with libtorch, apart from those of whoever asks: each thread that uses libtorch's own way gets
/// threads for it beside it, and as soon as there are more of them than cores, all become slow.
#[derive(Debug)]
pub struct Workers(ThreadPool);

impl Workers {
    /// As many threads as libtorch would use, each of which computes by itself; for work that can be shared.
    ///
    /// libtorch's own way, all threads at each operation, makes everyone wait hundreds of times a picture for the one
    /// that the system has taken off its core, and spin meanwhile: beside an encoder it is slower than one thread
    /// alone. Here threads share patches and meet once a picture, and whoever waits sleeps.
    ///
    /// Fails when the system gives no threads.
    pub fn sharing() -> Result<Self, ThreadPoolBuildError> {
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
        Self::builder(threads)
            .start_handler(|_| compute_alone())
            .build()
            .map(Self)
    }

    /// One thread that computes in libtorch's own way; for work that cannot be shared.
    pub fn libtorch_threaded() -> Result<Self, ThreadPoolBuildError> {
        Self::builder(1).build().map(Self)
    }

    /// One thread that computes by itself; for work that is too small to be shared.
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

    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs the work on one of the threads, from where rayon's functions reach all of them, and waits for it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

/// Runs the work on a thread of its own, which computes by itself and ends with it.
pub fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        compute_alone();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Makes libtorch's operations on this thread use no others; on other threads they go on as they were.
fn compute_alone() {
    // libtorch sets the thread up at its first question; what follows is to last.
    tch::get_num_threads();
    static LIMITS: OnceLock<Vec<unsafe extern "C" fn(i32)>> = OnceLock::new();
    let limits = LIMITS.get_or_init(|| {
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
        // The functions are needed as long as there are threads.
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
