//! Ctrl-C and SIGTERM: the first lets the work end where it can go on from, the second ends it at once.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
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

    /// For work that has ended so. The program called again in the same way, and with `resume`, goes on with it. What
    /// this one went on `from` has been gone beyond.
    pub fn interrupted(&self, resume: &str, from: Option<&Path>) -> Interrupted {
        let words = again(env::args_os().collect(), resume, from);
        let words: Vec<_> = words.into_iter().map(OsStringExt::into_vec).collect();
        let quoted = shlex::bytes::try_join(words.iter().map(Vec::as_slice)).unwrap_or_default();
        Interrupted {
            signal: self.number.load(Ordering::Relaxed) as i32,
            command: String::from_utf8_lossy(&quoted).into_owned(),
        }
    }
}

/// The same words, with `resume` alone.
fn again(mut words: Vec<OsString>, resume: &str, from: Option<&Path>) -> Vec<OsString> {
    if let Some(from) = from {
        let mut joined = OsString::from(resume);
        joined.push("=");
        joined.push(from);
        words.retain(|word| *word != joined);
        let is_both = |pair: &[OsString]| pair[0] == resume && pair[1] == from;
        if let Some(place) = words.windows(2).position(is_both) {
            words.drain(place..place + 2);
        }
    }
    if !words.iter().any(|word| word == OsStr::new(resume)) {
        words.push(resume.into());
    }
    words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_gone_on_from_is_not_gone_on_from_again() {
        let again = |line: &str, from: Option<&str>| {
            let words = line.split(' ').map(OsString::from).collect();
            let words = super::again(words, "--resume", from.map(Path::new));
            words.join(OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(again("igd train", None), "igd train --resume");
        assert_eq!(again("igd --resume train", None), "igd --resume train");
        for line in [
            "igd train --resume old --json",
            "igd train --resume=old --json",
        ] {
            assert_eq!(again(line, Some("old")), "igd train --json --resume");
        }
    }
}
