//! What a training leaves to look at, in a folder: `losses.csv`, `reconstructions/`, `trimmed/` and `scores.svg`.
//!
//! A training that goes on from a checkpoint goes on with its log: what was logged after the checkpoint is cut off,
//! since those steps are done again.

mod losses;
mod scores;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use igd::data::Picture;
use igd::files::{advised, write_atomically, write_png};
use igd::model::{Calibration, Measurement};
use igd::train::paper::{Begin, Report};
use igd::train::{TrainingEvent, Trimmed};

use self::losses::{Means, Table};

/// A network's training has at most so many rows in `losses.csv`; each is the mean over the steps since the one before.
const ROWS: f64 = 2000.0;
/// Reconstructions are drawn at the start and so many times until the end.
const DRAWINGS: f64 = 8.0;
/// The folder of dropped pictures.
const TRIMMED: &str = "trimmed";

/// Writes the log of a run, whose every [`TrainingEvent`] it is to be told.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    table: Table,
    /// The network in training.
    network: Option<Network>,
}

/// What is logged of one network.
#[derive(Debug)]
struct Network {
    means: Means,
    rows: Pace,
    drawings: Pace,
}

impl Log {
    /// Makes the folder. What an earlier training has logged there is removed, or gone on with, as
    /// [`TrainingEvent::Begin`] then says.
    pub fn open(folder: &Path, resume: bool) -> io::Result<Self> {
        let drawings = folder.join("reconstructions");
        fs::create_dir_all(&drawings).map_err(|error| named(folder, error))?;
        if !resume {
            remove_earlier(folder)?;
        }
        Ok(Self {
            table: Table::open(&folder.join("losses.csv"))?,
            folder: folder.to_owned(),
            network: None,
        })
    }

    /// Logs what there is to log of an event. After an error the log is not to be used any more.
    pub fn take(&mut self, event: &TrainingEvent) -> io::Result<()> {
        match event {
            TrainingEvent::Begin(begin) => self.begin(begin),
            TrainingEvent::Step(report) => self.step(report),
            TrainingEvent::Judged(measurements, calibration) => {
                self.scores(measurements, *calibration)
            }
            TrainingEvent::Trimmed(trimmed) => self.trimmed(trimmed),
            _ => Ok(()),
        }
    }

    /// A dropped picture, named by its score: the oddest come last in a list of the folder.
    fn trimmed(&self, trimmed: &Trimmed) -> io::Result<()> {
        let folder = self.folder.join(TRIMMED);
        fs::create_dir_all(&folder).map_err(|error| named(&folder, error))?;
        let name = trimmed.sample.name();
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        // Pictures of several folders may have one name.
        let mut path = folder.join(format!("{:07.3}-{name}.png", trimmed.score));
        if path.exists() {
            path = folder.join(format!(
                "{:07.3}-{}-{name}.png",
                trimmed.score,
                fs::read_dir(&folder)?.count()
            ));
        }
        let picture = Picture::of_planes(trimmed.rgb, trimmed.size).into_rgb();
        write_png(&path, &picture.into()).map_err(|error| named(&path, error))
    }

    fn begin(&mut self, begin: &Begin) -> io::Result<()> {
        self.table.cut(begin.scale, begin.step)?;
        let is_later = |one: &Drawing| one.scale == begin.scale && one.epoch > begin.epoch;
        for drawing in drawings(&self.folder)?.into_iter().filter(is_later) {
            remove(&drawing.path)?;
        }
        self.network = Some(Network {
            means: Means::default(),
            rows: Pace::new(ROWS, begin.progress),
            drawings: match begin.step {
                0 => Pace::at_once(DRAWINGS),
                _ => Pace::new(DRAWINGS, begin.progress),
            },
        });
        Ok(())
    }

    fn step(&mut self, report: &Report) -> io::Result<()> {
        let Some(network) = &mut self.network else {
            return Ok(());
        };
        network.means.add(report.losses);
        if network.rows.is_due(report.progress) {
            self.table.add(report, &network.means.take())?;
        }
        if network.drawings.is_due(report.progress) {
            let name = drawing_name(report.epoch, report.scale);
            let path = self.folder.join("reconstructions").join(name);
            write_png(&path, &(report.look)().into()).map_err(|error| named(&path, error))?;
        }
        Ok(())
    }

    fn scores(
        &self,
        measurements: &[Measurement],
        calibration: Option<Calibration>,
    ) -> io::Result<()> {
        let scores: Vec<f64> = measurements
            .iter()
            .map(|one| f64::from(one.score))
            .collect();
        if scores.is_empty() {
            return Ok(());
        }
        let svg = scores::svg(&scores, calibration.as_ref());
        write(&self.folder.join("scores.svg"), svg.as_bytes())
    }
}

/// Removes what was logged in a folder, and nothing else that lies there.
fn remove_earlier(folder: &Path) -> io::Result<()> {
    let files = ["losses.csv", "scores.svg"].map(|name| folder.join(name));
    let drawings = drawings(folder)?.into_iter().map(|drawing| drawing.path);
    let trimmed = fs::read_dir(folder.join(TRIMMED)).into_iter().flatten();
    let trimmed = trimmed.filter_map(Result::ok).map(|entry| entry.path());
    let all = files.into_iter().chain(drawings).chain(trimmed);
    all.filter(|path| path.exists())
        .try_for_each(|path| remove(&path))
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).map_err(|error| named(path, error))
}

/// Writes a file of the log, as a whole.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically(path, bytes).map_err(|error| named(path, error))
}

/// The same error, with the file that it is of and what to do.
fn named(path: &Path, error: io::Error) -> io::Error {
    let error = advised(error);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A picture of reconstructions.
struct Drawing {
    path: PathBuf,
    epoch: usize,
    scale: String,
}

/// Those in a log's folder.
fn drawings(folder: &Path) -> io::Result<Vec<Drawing>> {
    let mut drawings = Vec::new();
    let folder = folder.join("reconstructions");
    for entry in fs::read_dir(&folder).map_err(|error| named(&folder, error))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let parts = stem.and_then(|stem| stem.strip_prefix("epoch-")?.split_once('-'));
        if let Some((epoch, scale)) = parts
            && let Ok(epoch) = epoch.parse()
        {
            let scale = scale.to_owned();
            drawings.push(Drawing { path, epoch, scale });
        }
    }
    Ok(drawings)
}

fn drawing_name(epoch: usize, scale: &str) -> String {
    format!("epoch-{epoch:03}-{scale}.png")
}

/// Something that is due at equal shares of a training.
#[derive(Debug)]
struct Pace {
    /// In a whole training.
    times: f64,
    /// The last of them.
    last: Option<u64>,
}

impl Pace {
    /// For a training that is at `progress` (0 to 1).
    fn new(times: f64, progress: f64) -> Self {
        Self {
            times,
            last: Some((progress * times) as u64),
        }
    }

    /// Is due the first time it is asked.
    fn at_once(times: f64) -> Self {
        Self { times, last: None }
    }

    fn is_due(&mut self, progress: f64) -> bool {
        let now = Some((progress * self.times) as u64);
        let is_due = now > self.last;
        self.last = self.last.max(now);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_often_as_it_should_be() {
        let steps = |mut pace: Pace, range: std::ops::RangeInclusive<u32>| {
            range
                .filter(|&step| pace.is_due(f64::from(step) / 10.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(steps(Pace::new(2.0, 0.0), 1..=10), [5, 10]);
        assert_eq!(steps(Pace::at_once(2.0), 1..=10), [1, 5, 10]);
        // Gone on with from a checkpoint at the sixth.
        assert_eq!(steps(Pace::new(2.0, 0.6), 7..=10), [10]);
        // More often than there are steps.
        assert_eq!(steps(Pace::new(100.0, 0.0), 1..=4), [1, 2, 3, 4]);
    }
}
