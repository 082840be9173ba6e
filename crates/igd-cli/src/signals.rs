//! Ctrl-C and SIGTERM: the first lets the work end where it can go on from, the second ends it at once.

use std::env;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What has been asked for so far.
pub struct Signals {
    stop: Arc<AtomicBool>,
    /// The last signal's number.
    number: Arc<AtomicUsize>,
}

impl Signals {
    /// From here on signals are noted. Fails where the system does not let them be.
    pub fn watch() -> io::Result<Self> {
        let signals = Self {
            stop: Arc::default(),
            number: Arc::default(),
        };
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds that nothing has been asked for yet.
            flag::register_conditional_shutdown(signal, status(signal), signals.stop())?;
            flag::register_usize(signal, signals.number.clone(), signal as usize)?;
            flag::register(signal, signals.stop())?;
        }
        Ok(signals)
    }

    /// Becomes true when the work is to end.
    pub fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// For work that has ended so. The program called again in the same way, and with `resume`, goes on with it.
    pub fn interrupted(&self, resume: &str) -> Interrupted {
        let mut words: Vec<Vec<u8>> = env::args_os().map(OsStringExt::into_vec).collect();
        if !words.iter().any(|word| word == resume.as_bytes()) {
            words.push(resume.into());
        }
        let quoted = shlex::bytes::try_join(words.iter().map(Vec::as_slice)).unwrap_or_default();
        Interrupted {
            signal: self.number.load(Ordering::Relaxed) as i32,
            command: String::from_utf8_lossy(&quoted).into_owned(),
        }
    }
}

/// Work that was ended by a signal.
#[derive(Debug, thiserror::Error)]
#[error("stopped; go on with: {command}")]
pub struct Interrupted {
    signal: i32,
    command: String,
}

impl Interrupted {
    /// The status of a program that a signal has ended, as shells have it.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(status(self.signal) as u8)
    }
}

fn status(signal: i32) -> i32 {
    128 + signal
}
