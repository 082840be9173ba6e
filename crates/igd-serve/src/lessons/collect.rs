//! Frames of a camera are collected while it works.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Lessons;
use crate::command::Refused;
use crate::judged::Judged;
use crate::lock::lock;
use crate::part::Motion;

/// Between two frames that are taken one after the other.
const EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether something moves.
const LOOK: Duration = Duration::from_millis(40);

/// Which frames are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// One each half second.
    Time,
    /// Each part that has moved and comes to rest.
    Motion,
}

/// What becomes of collecting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Collecting {
    /// The camera's name.
    pub camera: String,
    /// Which of its frames.
    pub by: By,
    /// So many were taken.
    pub taken: usize,
    /// Whether it goes on.
    pub running: bool,
    /// Why it does not, where nobody has asked for that.
    pub error: Option<String>,
}

/// A camera to collect from.
pub struct Watch {
    /// Its name.
    pub camera: String,
    /// The mean change of a pixel, 0 to 255, above which something moves before it.
    pub motion: f32,
    /// Its newest frame; `None` when the line has ended.
    pub newest: Box<dyn Fn() -> Option<Option<Arc<Judged>>> + Send>,
}

/// One under way, or ended.
pub(super) struct Collector(Arc<Mutex<Collecting>>);

impl Collector {
    pub fn stop(&self) {
        lock(&self.0).running = false;
    }

    pub fn status(&self) -> Collecting {
        lock(&self.0).clone()
    }
}

impl Lessons {
    /// Collects frames of a camera until it is stopped, or there is no room.
    pub fn collect(self: &Arc<Self>, recipe: &str, watch: Watch, by: By) -> Result<(), Refused> {
        self.room(recipe, 0)?;
        let mut collectors = lock(&self.collectors);
        if let Some(collector) = collectors.get(recipe).filter(|one| one.status().running) {
            let camera = collector.status().camera;
            return Err(Refused::Unfit(format!(
                "pictures for {recipe} are being collected from {camera} already"
            )));
        }
        let state = Arc::new(Mutex::new(Collecting {
            camera: watch.camera.clone(),
            by,
            taken: 0,
            running: true,
            error: None,
        }));
        let collector = Collector(state.clone());
        let (lessons, name) = (Arc::downgrade(self), recipe.to_owned());
        let thread = thread::Builder::new().name("collect".into());
        let started = thread.spawn(move || {
            let mut frames = Frames::new(watch, by);
            while lock(&state).running {
                let Some(next) = frames.next() else {
                    return;
                };
                let Some(frame) = next.and_then(|frame| frame.whole()) else {
                    continue;
                };
                let Some(lessons) = lessons.upgrade() else {
                    return;
                };
                // Nobody has to see a frame that came after he has said stop.
                if !lock(&state).running {
                    return;
                }
                match lessons.take(&name, frame) {
                    Ok(_) => lock(&state).taken += 1,
                    Err(refused) => {
                        let mut state = lock(&state);
                        (state.running, state.error) = (false, Some(refused.to_string()));
                        return;
                    }
                }
            }
        });
        started.map_err(|error| Refused::Failed(error.to_string()))?;
        collectors.insert(recipe.to_owned(), collector);
        Ok(())
    }

    /// Collects no more; what was collected stays.
    pub fn stop_collecting(&self, recipe: &str) {
        if let Some(collector) = lock(&self.collectors).get(recipe) {
            collector.stop();
        }
    }
}

/// The frames that are to be taken, as they come.
struct Frames {
    watch: Watch,
    motion: Option<Motion>,
    /// When the last one came that was looked at.
    seen: Option<Instant>,
}

impl Frames {
    fn new(watch: Watch, by: By) -> Self {
        Self {
            motion: (by == By::Motion).then(|| Motion::new(watch.motion)),
            watch,
            seen: None,
        }
    }

    /// The next one, or none yet; `None` when the line has ended.
    fn next(&mut self) -> Option<Option<Arc<Judged>>> {
        if self.motion.is_none() && self.seen.is_some() {
            thread::sleep(EVERY);
        }
        let frame = (self.watch.newest)()?;
        let is_new = |frame: &Arc<Judged>| self.seen != Some(frame.arrived);
        let Some(frame) = frame.filter(is_new) else {
            thread::sleep(LOOK);
            return Some(None);
        };
        self.seen = Some(frame.arrived);
        match &mut self.motion {
            Some(motion) => {
                let rests = frame.thumbnail().is_some_and(|small| motion.rests(small));
                if !rests {
                    thread::sleep(LOOK);
                }
                Some(rests.then_some(frame))
            }
            None => Some(Some(frame)),
        }
    }
}
