//! Progress of long work: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::note;

/// Lines where there is no terminal come at most this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// The bar counts to this.
const WHOLE: u64 = 10_000;

/// Shows how far a stage of work is.
pub struct Progress {
    bar: Option<ProgressBar>,
    stage: String,
    line: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(WHOLE).with_style(style)
        });
        Self {
            bar,
            stage: String::new(),
            line: Instant::now(),
        }
    }

    /// Another stage begins.
    pub fn stage(&mut self, stage: &str) {
        self.stage = stage.to_owned();
        self.line = Instant::now();
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(self.stage.clone());
                bar.set_message("");
                bar.set_position(0);
            }
            None => note(stage),
        }
    }

    /// The stage is at `share` of 0 to 1; `text` is made only if it is shown.
    pub fn at(&mut self, share: f64, text: impl FnOnce() -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text());
                bar.set_position((share * WHOLE as f64) as u64);
            }
            None if self.line.elapsed() >= LINE_INTERVAL => {
                self.line = Instant::now();
                let text = text();
                note(format_args!(
                    "{}: {:.0} % {text}",
                    self.stage,
                    share * 100.0
                ));
            }
            None => {}
        }
    }

    /// A line for people that stays.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => note(text),
        }
    }

    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
