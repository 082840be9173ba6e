//! The model of an element, or of all elements with the same `model-instance-id`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Batching, Engine};
use crate::igdfilter::refusal::Refusal;

/// Holds the model that its elements run. Another one may be put in between two frames.
#[derive(Debug, Default)]
pub struct Instance {
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    engine: Option<Arc<Engine>>,
    /// The current model's file; `None` where it was learned.
    path: Option<PathBuf>,
    /// The files of the models so far. An element that comes later may name any of them.
    paths: Vec<PathBuf>,
    /// The files of models that are being opened to replace the current one. An element that is started meanwhile may
    /// name them too: most likely it is the one that asked for it.
    expected: Vec<PathBuf>,
}

/// The place of an instance under its name. Weak: the instance goes with the last element that has it. Locked while its
/// model is opened, so that others with the name wait for that one.
type Registered = Arc<Mutex<Weak<Instance>>>;

static INSTANCES: Mutex<Option<HashMap<String, Registered>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    /// For one element alone.
    pub fn new(engine: Engine, path: PathBuf) -> Self {
        let instance = Self::default();
        instance.replace(engine, Some(path));
        instance
    }

    /// The instance that other elements have under this name, or a new one. `path` is the model that this element
    /// names, if it does: others have to run it too.
    pub fn share(
        id: &str,
        path: Option<&Path>,
        batching: Batching,
        open: impl FnOnce() -> Result<Self, Refusal>,
    ) -> Result<Arc<Self>, Refusal> {
        let shared = {
            let mut instances = lock(&INSTANCES);
            let instances = instances.get_or_insert_default();
            // Names that no element has or is about to have.
            instances.retain(|_, shared| {
                Arc::strong_count(shared) > 1 || lock(shared).strong_count() > 0
            });
            instances.entry(id.to_owned()).or_default().clone()
        };
        let mut shared = lock(&shared);
        if let Some(instance) = shared.upgrade() {
            let current = lock(&instance.current);
            if let Some(path) = path
                && !current.paths.contains(&whole(path))
                && !current.expected.contains(&whole(path))
            {
                let running = current.paths.last().cloned().unwrap_or_default();
                return Err(Refusal::new(
                    gst::ResourceError::Settings,
                    format_args!(
                        "elements with model-instance-id={id} share {}, this one has model={}: give it another \
                        model-instance-id",
                        running.display(),
                        path.display()
                    ),
                ));
            }
            if let Some(engine) = &current.engine {
                engine.also_batch(batching);
            }
            drop(current);
            return Ok(instance);
        }
        let instance = Arc::new(open()?);
        *shared = Arc::downgrade(&instance);
        Ok(instance)
    }

    /// The current model, if there is one yet.
    pub fn engine(&self) -> Option<Arc<Engine>> {
        lock(&self.current).engine.clone()
    }

    /// The current model's file; `None` where it was learned from frames.
    pub fn path(&self) -> Option<PathBuf> {
        lock(&self.current).path.clone()
    }

    /// A model is being opened to replace the current one. Returns what [`no_longer_expect`](Self::no_longer_expect)
    /// takes.
    pub fn expect(&self, path: &Path) -> PathBuf {
        let expected = whole(path);
        lock(&self.current).expected.push(expected.clone());
        expected
    }

    /// It has replaced the current one, or was refused.
    pub fn no_longer_expect(&self, expected: &Path) {
        let known = &mut lock(&self.current).expected;
        if let Some(index) = known.iter().position(|known| known == expected) {
            known.swap_remove(index);
        }
    }

    /// Puts another model in its place, for the next frame of each stream. `path` is where it comes from.
    pub fn replace(&self, engine: Engine, path: Option<PathBuf>) {
        let mut current = lock(&self.current);
        current.path.clone_from(&path);
        let path = path.map(|path| whole(&path));
        let is_new = |path: &PathBuf| !current.paths.contains(path);
        let path = path.filter(is_new);
        current.paths.extend(path);
        if let Some(before) = &current.engine {
            engine.also_batch(before.batching());
        }
        current.engine = Some(Arc::new(engine));
    }
}

/// The same for all names of a file.
fn whole(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
