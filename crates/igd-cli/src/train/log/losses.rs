//! The table of losses: a line of comma-separated values for each row, with a header.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use igd::train::paper::{LOSS_OF_A_CONSTANT, Report, StepLosses};

use super::{named, write};

/// `epoch` and `step` count what is done; `seconds` are spent in training, over interruptions. The losses are means
/// over the steps since the row before, and so is `correlation`, of the shares of mixtures with what the critic found.
/// `critic_of_a_constant` is the loss of a critic that says the same of all.
const HEADER: &str = "scale,epoch,step,seconds,learning_rate,reconstruction,gaussian,interpolation,critic,correlation,\
    total,critic_of_a_constant";

/// `losses.csv`.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    file: File,
}

impl Table {
    /// Opens the file, to add to it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            write(path, format!("{HEADER}\n").as_bytes())?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: append(path)?,
        })
    }

    /// Keeps of a network's rows those up to a step.
    pub fn cut(&mut self, scale: &str, step: usize) -> io::Result<()> {
        let text = fs::read_to_string(&self.path).map_err(|error| named(&self.path, error))?;
        let is_kept = |line: &&str| {
            let mut fields = line.split(',');
            let (of, _, at) = (fields.next(), fields.next(), fields.next());
            let at = at.and_then(|at| at.parse::<usize>().ok());
            // The last row may have been cut short in the middle.
            line.ends_with('\n')
                && fields.count() == HEADER.split(',').count() - 3
                && at.is_some_and(|at| of != Some(scale) || at <= step)
        };
        let rows: String = text.split_inclusive('\n').skip(1).filter(is_kept).collect();
        write(&self.path, format!("{HEADER}\n{rows}").as_bytes())?;
        self.file = append(&self.path)?;
        Ok(())
    }

    pub fn add(&mut self, report: &Report, losses: &StepLosses) -> io::Result<()> {
        let mut row = format!(
            "{},{},{},{:.3},{:.6e}",
            report.scale,
            report.epoch,
            report.step,
            report.elapsed.as_secs_f64(),
            report.learning_rate
        );
        for (_, value) in losses.terms() {
            row += &format!(",{value:.6}");
        }
        row += &format!(",{LOSS_OF_A_CONSTANT:.6}\n");
        self.file
            .write_all(row.as_bytes())
            .map_err(|error| named(&self.path, error))
    }
}

fn append(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(path);
    file.map_err(|error| named(path, error))
}

/// Means of losses over steps.
#[derive(Debug, Default)]
pub struct Means {
    sum: StepLosses,
    steps: usize,
}

impl Means {
    pub fn add(&mut self, losses: StepLosses) {
        self.sum = self.sum.combine(&losses, |sum, value| sum + value);
        self.steps += 1;
    }

    /// The means since the last time.
    pub fn take(&mut self) -> StepLosses {
        let Self { sum, steps } = std::mem::take(self);
        sum.combine(&sum, |sum, _| sum / steps.max(1) as f64)
    }
}
