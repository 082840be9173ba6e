//! What marks make of a model: it is learned beside the work, and waits for a word.

use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igd::data::Sample;
use igd::feedback::{FeedbackError, FeedbackEvent, Options, feedback, lines};
use igd::files::write_atomically;
use igd::model::Revision;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::scores::{Taught, judge, open};
use super::{Marked, Models, failed, folder};
use crate::command::Refused;
use crate::lock::lock;
use crate::record::Mark;
use crate::store::Version;

/// What becomes of "refit with these marks".
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Refit {
    /// Nothing is under way.
    #[default]
    None,
    /// So many of so many pictures have been looked at.
    Running {
        /// Looked at.
        done: usize,
        /// Marked.
        all: usize,
    },
    /// A better model, which waits for a word.
    Proposed {
        /// What has changed, for people.
        lines: Vec<String>,
        /// The marked parts whose verdict changes.
        changes: Vec<Change>,
    },
    /// It made no better model, or failed.
    Refused {
        /// Why.
        text: String,
        /// What would have changed.
        lines: Vec<String>,
    },
}

/// A marked part whose verdict is another one with the new model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The part.
    pub id: Uuid,
    /// Its score over the threshold, before: above 1 is anomalous.
    pub before: f32,
    /// The same afterwards.
    pub after: f32,
}

/// What [`Refit`] tells, with the model that waits.
pub(super) enum State {
    Running { done: usize, all: usize },
    Proposed(Box<Proposal>),
    Refused { text: String, lines: Vec<String> },
}

pub(super) struct Proposal {
    file: PathBuf,
    revision: Revision,
    changes: Vec<Change>,
}

impl From<&State> for Refit {
    fn from(state: &State) -> Self {
        match state {
            State::Running { done, all } => Self::Running {
                done: *done,
                all: *all,
            },
            State::Proposed(proposal) => Self::Proposed {
                lines: lines(&proposal.revision),
                changes: proposal.changes.clone(),
            },
            State::Refused { text, lines } => Self::Refused {
                text: text.clone(),
                lines: lines.clone(),
            },
        }
    }
}

impl State {
    fn refused(why: &Refused) -> Self {
        Self::Refused {
            text: why.to_string(),
            lines: Vec::new(),
        }
    }
}

impl Models {
    /// What becomes of the last refit.
    pub fn refit_state(&self, recipe: &str) -> Refit {
        let refits = lock(&self.refits);
        refits.get(recipe).map(Refit::from).unwrap_or_default()
    }

    /// Learns from all marks of a recipe, in a thread of its own. Where the line is stopped meanwhile, nothing comes of
    /// it.
    pub fn refit(self: &Arc<Self>, recipe: &str) -> Result<(), Refused> {
        let (base, marked) = (self.judges(recipe)?, self.marked(recipe)?);
        {
            let mut refits = lock(&self.refits);
            let why = match refits.get(recipe) {
                Some(State::Running { .. }) => "is being refitted already",
                Some(State::Proposed(_)) => {
                    "has a refit that waits for a word: accept or discard it"
                }
                _ => "",
            };
            if !why.is_empty() {
                return Err(Refused::Unfit(format!("{recipe} {why}")));
            }
            refits.insert(recipe.to_owned(), State::Running { done: 0, all: 0 });
        }
        let file = folder::of_refit(&self.folder, recipe);
        // The store of a line that is stopped is let go of: the next one opens it.
        let (models, name) = (Arc::downgrade(self), recipe.to_owned());
        let tell = move |state| match models.upgrade() {
            Some(models) => {
                lock(&models.refits).insert(name.clone(), state);
                true
            }
            None => false,
        };
        let thread = std::thread::Builder::new().name("refit".into());
        let started = thread.spawn(move || {
            let progress = |done, all| {
                tell(State::Running { done, all });
            };
            let learned = catch_unwind(AssertUnwindSafe(|| learn(&base, &marked, &file, progress)));
            let state = match learned {
                Ok(Ok(state)) => state,
                Ok(Err(refused)) => State::refused(&refused),
                Err(_) => State::refused(&Refused::Failed(
                    "this is igd's own fault: the log tells more, and a report of it helps".into(),
                )),
            };
            let is_proposed = matches!(state, State::Proposed(_));
            if !(tell(state) && is_proposed) {
                folder::remove(&file);
            }
        });
        if let Err(error) = started {
            lock(&self.refits).remove(recipe);
            return Err(failed(error));
        }
        Ok(())
    }

    /// The proposed model as a version that is not active yet. It stays proposed where it cannot be stored.
    pub fn accept(&self, recipe: &str) -> Result<Version, Refused> {
        self.recipe(recipe)?;
        // Held meanwhile, so that nobody discards it.
        let mut refits = lock(&self.refits);
        let Some(State::Proposed(proposal)) = refits.get(recipe) else {
            return Err(nothing_proposed(recipe));
        };
        let mut version = Version {
            recipe: recipe.to_owned(),
            number: 0,
            file: proposal.file.clone(),
            created: Timestamp::now(),
            revision: Some(proposal.revision.clone()),
            taught: None,
            threshold: None,
            active: false,
        };
        version.number = self.store.add_version(&version)?;
        refits.remove(recipe);
        Ok(version)
    }

    /// Throws the proposed model away, or forgets that there was none.
    pub fn discard(&self, recipe: &str) -> Result<(), Refused> {
        self.recipe(recipe)?;
        match lock(&self.refits).entry(recipe.to_owned()) {
            Entry::Occupied(entry) if !matches!(entry.get(), State::Running { .. }) => {
                if let State::Proposed(proposal) = entry.remove() {
                    folder::remove(&proposal.file);
                }
                Ok(())
            }
            _ => Err(nothing_proposed(recipe)),
        }
    }
}

fn nothing_proposed(recipe: &str) -> Refused {
    Refused::Unfit(format!("no refit of {recipe} waits for a word"))
}

/// Writes a better model there, or finds none.
fn learn(
    base: &Version,
    marked: &[Marked],
    file: &Path,
    progress: impl Fn(usize, usize),
) -> Result<State, Refused> {
    let samples = |mark| {
        let ones = marked.iter().filter(move |one| one.mark == mark);
        ones.map(|one| Sample::File(one.seen.clone())).collect()
    };
    let options = Options {
        model: base.file.clone(),
        bad: samples(Mark::Bad),
        good: samples(Mark::Good),
        out: file.to_owned(),
        false_positive_rate: None,
        strict: true,
    };
    let learned = feedback(&options, |event| {
        if let FeedbackEvent::Pictures(done, all) = event {
            progress(done, all);
        }
    });
    let outcome = match learned {
        Ok(outcome) => outcome,
        Err(FeedbackError::NotBetter(outcome)) => {
            return Ok(State::Refused {
                text: "these marks make no better model: the one before goes on".into(),
                lines: lines(&outcome.revision),
            });
        }
        Err(error) => return Err(Refused::Unfit(error.to_string())),
    };
    let taught = serde_json::to_vec(&Taught::of(&outcome, marked)).map_err(failed)?;
    write_atomically(&folder::taught_beside(file), &taught).map_err(failed)?;
    Ok(State::Proposed(Box::new(Proposal {
        changes: changes(base, file, marked)?,
        file: file.to_owned(),
        revision: outcome.revision,
    })))
}

fn changes(base: &Version, next: &Path, marked: &[Marked]) -> Result<Vec<Change>, Refused> {
    let [mut before, mut after] = [open(&base.file)?, open(next)?];
    let thresholds = [
        base.threshold.unwrap_or(before.threshold()),
        after.threshold(),
    ];
    let mut changes = Vec::new();
    for one in marked {
        let change = Change {
            id: one.id,
            before: judge(&mut before, &one.seen)? / thresholds[0],
            after: judge(&mut after, &one.seen)? / thresholds[1],
        };
        if (change.before > 1.0) != (change.after > 1.0) {
            changes.push(change);
        }
    }
    Ok(changes)
}
