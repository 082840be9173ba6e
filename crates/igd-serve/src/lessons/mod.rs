//! Pictures of good parts that recipes learn from: collected from cameras or uploaded, looked at, and fitted to.
//!
//! They lie in `lessons/RECIPE` in the line's folder, as they came, and stay when the line is started again. What is
//! doubtful of them is worked out beside the work, each time that they change.

mod collect;
mod fit;
mod look;
mod mean;
mod set;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use igd::train::{FEWEST_LEFT_OUT, FEWEST_PICTURES};
use serde::Serialize;
use uuid::Uuid;

use self::collect::Collector;
pub use self::collect::{By, Collecting, Watch};
use self::fit::State;
pub use self::fit::{Fit, Stage, Taught};
use self::set::Set;
use crate::command::Refused;
use crate::lock::lock;

/// Fewer are not learned from: those that a fit needs, and one that sets the threshold.
const FEWEST: usize = FEWEST_PICTURES + 1;
/// Pictures of a recipe.
const MOST: usize = 2000;

/// Of all recipes of a line.
pub struct Lessons {
    folder: PathBuf,
    /// That all pictures may take.
    bytes: u64,
    sets: Mutex<BTreeMap<String, Set>>,
    /// One picture is decoded at a time, whoever sends them.
    decoding: Mutex<()>,
    collectors: Mutex<HashMap<String, Collector>>,
    fits: Mutex<HashMap<String, State>>,
    stopping: AtomicBool,
}

/// The pictures of a recipe, and what becomes of them.
#[derive(Clone, Debug, Serialize)]
pub struct Lesson {
    /// In the order in which they came.
    pub pictures: Vec<LessonPicture>,
    /// Of those, pictures that were looked at for what is doubtful.
    pub looked_at: usize,
    /// That they take on the disk.
    pub bytes: u64,
    /// Fewer are not learned from.
    pub fewest: usize,
    /// Of fewer some are not learned from, and set the threshold.
    pub advised: usize,
    /// No more are taken.
    pub most: usize,
    /// From a camera; `None` where nothing was begun since the line has started.
    pub collecting: Option<Collecting>,
    /// What becomes of the last fit.
    pub fit: Fit,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct LessonPicture {
    /// Sorts by time.
    pub id: Uuid,
    /// Width and height in pixels; `None` before it was looked at.
    pub size: Option<[u32; 2]>,
    /// Of its file.
    pub bytes: u64,
    /// Why it may be no good one to learn from.
    pub doubts: Vec<Doubt>,
}

/// Why a picture may be no good one to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Doubt {
    /// It shows what an earlier one shows.
    Double {
        /// That one.
        of: Uuid,
    },
    /// Far less sharp than most.
    Blurred,
    /// Far darker than most.
    Dark,
    /// Far brighter than most.
    Bright,
    /// It does not look like most.
    Odd,
    /// Its sides have another ratio than those of most.
    Shape,
    /// It has another size than most.
    Size,
}

impl Lessons {
    /// Finds what the line has collected before. `mb`: what all pictures may take.
    pub fn open(line: &Path, mb: u64) -> Self {
        let folder = line.join("lessons");
        fit::tidy(&folder);
        Self {
            sets: Mutex::new(set::found(&folder)),
            folder,
            bytes: mb.saturating_mul(1_000_000),
            decoding: Mutex::default(),
            collectors: Mutex::default(),
            fits: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Ends what collects and what fits, without waiting for it.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        lock(&self.collectors).values().for_each(Collector::stop);
        lock(&self.fits).values().for_each(State::stop);
    }

    /// How far a recipe's lesson is. `area`: what of the pictures is learned, left, upper edge, width and height in
    /// pixels; all unless told.
    pub fn status(self: &Arc<Self>, recipe: &str, area: Option<[u32; 4]>) -> Lesson {
        self.look_at(recipe, area);
        let fit = self.fit_state(recipe);
        let collecting = lock(&self.collectors).get(recipe).map(Collector::status);
        let sets = self.sets();
        let set = sets.get(recipe);
        Lesson {
            pictures: set.map(Set::shown).unwrap_or_default(),
            looked_at: set.map_or(0, Set::looked_at),
            bytes: set.map_or(0, Set::bytes),
            fewest: FEWEST,
            advised: FEWEST_LEFT_OUT,
            most: MOST,
            collecting,
            fit,
        }
    }

    /// How many pictures a recipe has.
    pub fn count(&self, recipe: &str) -> usize {
        self.sets().get(recipe).map_or(0, Set::len)
    }

    /// The small picture of one, a JPEG.
    pub fn preview(&self, recipe: &str, id: Uuid) -> Option<PathBuf> {
        Some(self.sets().get(recipe)?.preview(id))
    }

    /// Takes a picture away.
    pub fn remove(&self, recipe: &str, id: Uuid) -> Result<(), Refused> {
        let mut sets = self.sets();
        let set = sets.get_mut(recipe).filter(|set| set.has(id));
        let set = set.ok_or_else(|| {
            Refused::Unknown(format!("there is no picture {id} to learn {recipe} from"))
        })?;
        set.remove(id)
            .map_err(|error| Refused::Failed(error.to_string()))
    }

    /// Takes all pictures of a recipe away.
    pub fn clear(&self, recipe: &str) -> Result<(), Refused> {
        self.stop_collecting(recipe);
        let mut sets = self.sets();
        let cleared = sets.get_mut(recipe).map_or(Ok(()), Set::clear);
        cleared.map_err(|error| Refused::Failed(error.to_string()))
    }

    /// All of a recipe that is no more: pictures, and what was learned of them.
    pub fn forget(&self, recipe: &str) -> Result<(), Refused> {
        // Most often there is nothing to end or to throw away.
        let _ = self.cancel(recipe).or_else(|_| self.discard(recipe));
        self.clear(recipe)?;
        lock(&self.collectors).remove(recipe);
        Ok(())
    }

    fn sets(&self) -> MutexGuard<'_, BTreeMap<String, Set>> {
        lock(&self.sets)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether there is room for so many bytes, and for another picture of that recipe.
    fn room(&self, recipe: &str, bytes: u64) -> Result<(), Refused> {
        let sets = self.sets();
        if sets.get(recipe).map_or(0, Set::len) >= MOST {
            return Err(Refused::Unfit(format!(
                "{recipe} has {MOST} pictures, and no more are taken: remove some"
            )));
        }
        let taken: u64 = sets.values().map(Set::bytes).sum();
        if taken + bytes > self.bytes {
            return Err(Refused::Unfit(format!(
                "pictures to learn from take {} MB, and more would be above the limit: remove some, or raise teach-mb in \
                 [keep]",
                taken / 1_000_000
            )));
        }
        Ok(())
    }
}
