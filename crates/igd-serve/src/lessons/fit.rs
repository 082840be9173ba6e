//! A model of a recipe's pictures is fitted beside the work, and waits for a word.

use std::collections::hash_map::Entry;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use igd::data::{Sample, TrainingSet};
use igd::model::Promise;
use igd::train::{self, Options, TrainError, TrainingEvent};
use serde::Serialize;
use uuid::Uuid;

use super::{FEWEST, Lessons};
use crate::command::Refused;
use crate::lock::lock;

/// Pictures that are named as those that fit the others least.
const MOST_ODD: usize = 12;
/// Where models lie until somebody takes them.
const FOLDER: &str = ".fits";

/// What becomes of "learn from these pictures".
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Fit {
    /// Nothing is under way.
    #[default]
    None,
    /// It goes on.
    Running {
        /// What is being done.
        stage: Stage,
        /// Of the pictures of this stage.
        done: usize,
        /// All of them.
        all: usize,
    },
    /// A model, which waits for a word.
    Proposed(Taught),
    /// It failed.
    Refused {
        /// Why.
        text: String,
    },
}

/// What a fit is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It looks for what pictures have in common.
    #[default]
    Fitting,
    /// Each is judged, for the threshold.
    Calibrating,
}

/// What a fit has come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Taught {
    /// Pictures that the model was fitted to.
    pub pictures: usize,
    /// Its threshold.
    pub threshold: f32,
    /// What that promises of new good parts.
    pub promise: Promise,
    /// Pictures of those that set the threshold, of 16 or so, that show what others show: where it is half of them the
    /// threshold is too low.
    pub doubles: usize,
    /// Good pictures that it would call bad, the worst first: their ids, and their scores of the threshold.
    pub odd: Vec<(Uuid, f32)>,
}

/// What [`Fit`] tells, with what is needed for it.
pub(super) enum State {
    Running { fit: Fit, stop: Arc<AtomicBool> },
    Proposed { file: PathBuf, taught: Taught },
    Refused(String),
}

impl State {
    pub fn stop(&self) {
        if let Self::Running { stop, .. } = self {
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn told(&self) -> Fit {
        match self {
            Self::Running { fit, .. } => fit.clone(),
            Self::Proposed { taught, .. } => Fit::Proposed(taught.clone()),
            Self::Refused(text) => Fit::Refused { text: text.clone() },
        }
    }
}

impl Lessons {
    pub(super) fn fit_state(&self, recipe: &str) -> Fit {
        let fits = lock(&self.fits);
        fits.get(recipe).map(State::told).unwrap_or_default()
    }

    /// Whether a model is being fitted, of whichever recipe.
    pub fn is_fitting(&self) -> bool {
        let is_running = |state: &State| matches!(state, State::Running { .. });
        lock(&self.fits).values().any(is_running)
    }

    /// Fits a model to a recipe's pictures, in a thread of its own: one at a time. `area`: what of the pictures is
    /// learned. Where the line is stopped meanwhile, nothing comes of it.
    pub fn fit(self: &Arc<Self>, recipe: &str, area: Option<[u32; 4]>) -> Result<(), Refused> {
        let samples = self.sets().get(recipe).map(|set| set.samples(area));
        let samples = samples.unwrap_or_default();
        if samples.len() < FEWEST {
            return Err(Refused::Unfit(format!(
                "{recipe} has {} pictures to learn from, and {FEWEST} are needed at least",
                samples.len()
            )));
        }
        let stop = Arc::<AtomicBool>::default();
        {
            let mut fits = lock(&self.fits);
            let running = fits
                .iter()
                .find(|(_, state)| matches!(state, State::Running { .. }));
            if let Some((name, _)) = running {
                return Err(Refused::Unfit(format!(
                    "{name} is being learned, one at a time: wait for it, or cancel it"
                )));
            }
            if matches!(fits.get(recipe), Some(State::Proposed { .. })) {
                return Err(Refused::Unfit(format!(
                    "{recipe} has a model that waits for a word: accept or discard it"
                )));
            }
            let fit = Fit::Running {
                stage: Stage::default(),
                done: 0,
                all: samples.len(),
            };
            let stop = stop.clone();
            fits.insert(recipe.to_owned(), State::Running { fit, stop });
        }
        let file = self
            .folder
            .join(FOLDER)
            .join(format!("{}.safetensors", Uuid::now_v7()));
        let (lessons, name) = (Arc::downgrade(self), recipe.to_owned());
        let progress = {
            let (lessons, name) = (lessons.clone(), name.clone());
            move |fit| {
                if let Some(lessons) = lessons.upgrade()
                    && let Some(State::Running { fit: now, .. }) =
                        lock(&lessons.fits).get_mut(&name)
                {
                    *now = fit;
                }
            }
        };
        let thread = thread::Builder::new().name("fit".into());
        let started = thread.spawn(move || {
            igd::libtorch::give_way();
            let fitted = catch_unwind(AssertUnwindSafe(|| {
                fitted(&name, samples, &file, &stop, &progress)
            }));
            let state = match fitted {
                Ok(Ok(taught)) => Some(State::Proposed {
                    file: file.clone(),
                    taught,
                }),
                Ok(Err(TrainError::Stopped)) => None,
                Ok(Err(error)) => Some(State::Refused(error.to_string())),
                Err(_) => Some(State::Refused(
                    "this is igd's own fault: the log tells more, and a report of it helps".into(),
                )),
            };
            let is_proposed = matches!(state, Some(State::Proposed { .. }));
            let lessons = lessons.upgrade();
            if lessons.is_none() || !is_proposed {
                // It need not have been written.
                let _ = fs::remove_file(&file);
            }
            if let Some(lessons) = lessons {
                let mut fits = lock(&lessons.fits);
                match state {
                    Some(state) => fits.insert(name, state),
                    None => fits.remove(&name),
                };
            }
        });
        if let Err(error) = started {
            lock(&self.fits).remove(recipe);
            return Err(Refused::Failed(error.to_string()));
        }
        Ok(())
    }

    /// Ends a fit that is under way; it is over some moments later.
    pub fn cancel(&self, recipe: &str) -> Result<(), Refused> {
        match lock(&self.fits).get(recipe) {
            Some(state @ State::Running { .. }) => {
                state.stop();
                Ok(())
            }
            _ => Err(Refused::Unfit(format!("{recipe} is not being learned"))),
        }
    }

    /// Throws a model that waits away, or forgets that there was none.
    pub fn discard(&self, recipe: &str) -> Result<(), Refused> {
        match lock(&self.fits).entry(recipe.to_owned()) {
            Entry::Occupied(entry) if !matches!(entry.get(), State::Running { .. }) => {
                if let State::Proposed { file, .. } = entry.remove() {
                    // What stays goes at the next start.
                    let _ = fs::remove_file(file);
                }
                Ok(())
            }
            _ => Err(nothing_proposed(recipe)),
        }
    }

    /// Hands the model that waits to `take`, with how many pictures it was fitted to. It goes on waiting where that
    /// fails.
    pub fn accept<T>(
        &self,
        recipe: &str,
        take: impl FnOnce(&Path, usize) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        // Held meanwhile, so that nobody discards it.
        let mut fits = lock(&self.fits);
        let Some(State::Proposed { file, taught }) = fits.get(recipe) else {
            return Err(nothing_proposed(recipe));
        };
        let taken = take(file, taught.pictures)?;
        fits.remove(recipe);
        Ok(taken)
    }
}

fn nothing_proposed(recipe: &str) -> Refused {
    Refused::Unfit(format!("no model of {recipe} waits for a word"))
}

/// Removes models that wait for nobody any more.
pub(super) fn tidy(folder: &Path) {
    // There is none where nothing was ever fitted.
    let _ = fs::remove_dir_all(folder.join(FOLDER));
}

/// Writes a model there.
fn fitted(
    recipe: &str,
    samples: Vec<(Uuid, Sample)>,
    file: &Path,
    stop: &Arc<AtomicBool>,
    progress: &impl Fn(Fit),
) -> Result<Taught, TrainError> {
    let (ids, samples): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
    let options = Options {
        // What is cancelled is not gone on with.
        checkpoint_interval: Duration::MAX,
        stop: stop.clone(),
        ..Options::new(TrainingSet::of(recipe.to_owned(), samples), file.to_owned())
    };
    let (mut stage, mut scores) = (Stage::Fitting, Vec::new());
    let trained = train::train(&options, |event| match event {
        TrainingEvent::Stage("calibrating") => stage = Stage::Calibrating,
        TrainingEvent::Pictures(done, all) => progress(Fit::Running { stage, done, all }),
        TrainingEvent::Judged(judged, _) => scores = judged.iter().map(|one| one.score).collect(),
        _ => {}
    });
    options.forget();
    let outcome = trained?;
    let calibration = outcome.calibration.ok_or_else(|| TrainError::TooFew {
        data: recipe.to_owned(),
        found: ids.len(),
    })?;
    let mut odd: Vec<_> = match scores.len() == ids.len() {
        true => ids.into_iter().zip(scores).collect(),
        // Some could not be read.
        false => Vec::new(),
    };
    odd.retain(|(_, score)| *score > calibration.threshold);
    odd.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    odd.truncate(MOST_ODD);
    odd.iter_mut()
        .for_each(|(_, score)| *score /= calibration.threshold);
    Ok(Taught {
        pictures: outcome.pictures,
        threshold: calibration.threshold,
        promise: calibration.promise(),
        doubles: outcome.doubles.map_or(0, |doubles| doubles.doubles),
        odd,
    })
}
