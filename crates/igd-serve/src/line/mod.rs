//! A line at work: its cameras, its store, its outputs, and what can be asked of it. The API and the page know nothing
//! else.

mod lessons;
mod recipes;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};

use crate::archive::{Archive, Inbox};
use crate::camera::{Camera, Handlers, Told};
use crate::command::{Command, Refused};
use crate::config::{LineConfig, Name};
use crate::judged::Judged;
use crate::lessons::Lessons;
use crate::lock::lock;
use crate::models::Models;
use crate::outputs::{OutputStatus, Outputs};
use crate::record::Record;
use crate::store::{Part, Store};

pub use crate::camera::{CameraState, CameraStatus};
pub use crate::config::Shape;
pub use crate::lessons::{By, Collecting, Doubt, Fit, Lesson, LessonPicture, Stage, Taught};
pub use crate::models::{Change, Refit, Scores};

pub use self::recipes::{Inspected, RecipeStatus};
use self::views::Views;

/// How often what is too old is looked for.
const RETIRING: Duration = Duration::from_secs(3600);
/// Parts that a listener may be behind.
const BEHIND: usize = 1024;
/// Of views, 1 to 100.
const JPEG_QUALITY: u8 = 80;

/// Running until it is stopped.
pub struct Line {
    config: LineConfig,
    store: Store,
    models: Arc<Models>,
    lessons: Arc<Lessons>,
    outputs: Arc<Outputs>,
    cameras: BTreeMap<Name, Camera>,
    archive: Mutex<Archive>,
    /// Each part that has been stored.
    parts: broadcast::Sender<Arc<Part>>,
    views: Views,
    /// One change of recipes, versions and thresholds at a time.
    changing: Mutex<()>,
    /// By camera, the recipe that an output asked for last.
    wanted: Mutex<HashMap<String, String>>,
    runtime: Handle,
}

impl Line {
    /// Opens the store, the outputs and all cameras. Cameras that are not there are waited for. `runtime` is for
    /// deadlines and outputs, with timers and network.
    pub fn start(config: LineConfig, runtime: &Handle) -> Result<Arc<Self>, Refused> {
        let text = |error: &dyn std::fmt::Display| Refused::Failed(error.to_string());
        gst::init().map_err(|error| text(&error))?;
        gstigd::plugin_register_static().map_err(|error| text(&error))?;
        let store = Store::open(&config.folder, &config.keep)?;
        let models = Models::open(store.clone(), config.folder.clone(), config.recipes.clone())?;
        let lessons = Lessons::open(&config.folder, config.keep.teach_mb);
        // Commands come from the outputs, and the line that obeys them has outputs.
        let obeying = Arc::new(OnceLock::<Weak<Self>>::new());
        let commands = {
            let obeying = obeying.clone();
            Arc::new(move |command| match obeying.get().and_then(Weak::upgrade) {
                Some(line) => line.obey(command),
                None => Err(Refused::Unfit(
                    "the line is being started or stopped".into(),
                )),
            })
        };
        let outputs = Outputs::start(&config, store.clone(), commands, runtime);
        let outputs = Arc::new(outputs.map_err(Refused::Failed)?);
        let parts = broadcast::Sender::new(BEHIND);
        let (archive, inbox) = Archive::start(store.clone(), outputs.clone(), parts.clone())
            .map_err(|error| text(&error))?;
        let mut cameras = BTreeMap::new();
        // The outputs' numbers of recipes are those of the configuration, whatever is made at the page.
        let known = LineConfig {
            recipes: models.recipes(),
            ..config.clone()
        };
        for (name, camera) in &config.cameras {
            let recipe = store.recipe_of(&known, name)?;
            outputs.recipe(name, &recipe);
            let judging = models.judging(&recipe)?;
            let handlers = handlers(name, inbox.clone(), store.clone());
            let runtime = runtime.clone();
            let camera = Camera::start(name, camera.clone(), judging, handlers, runtime)
                .map_err(Refused::Failed)?;
            cameras.insert(name.clone(), camera);
        }
        let line = Arc::new(Self {
            models: Arc::new(models),
            lessons: Arc::new(lessons),
            archive: Mutex::new(archive),
            views: Views::start().map_err(|error| text(&error))?,
            changing: Mutex::default(),
            wanted: Mutex::default(),
            config,
            store,
            outputs,
            cameras,
            parts,
            runtime: runtime.clone(),
        });
        let _ = obeying.set(Arc::downgrade(&line));
        line.retire();
        Ok(line)
    }

    /// Removes what is too old, every hour.
    fn retire(self: &Arc<Self>) {
        let line = Arc::downgrade(self);
        self.runtime.spawn(async move {
            let mut hours = tokio::time::interval(RETIRING);
            loop {
                hours.tick().await;
                let Some(store) = line.upgrade().map(|line| line.store.clone()) else {
                    return;
                };
                let retired = tokio::task::spawn_blocking(move || store.retire(Timestamp::now()));
                if let Ok(Err(error)) = retired.await {
                    tracing::error!("what is too old stays: {error}");
                }
            }
        });
    }

    /// Ends cameras and outputs; what was judged is stored.
    pub fn stop(&self) {
        self.lessons.stop();
        self.cameras.values().for_each(Camera::end);
        self.cameras.values().for_each(Camera::stop);
        lock(&self.archive).finish();
        self.outputs.stop();
    }

    /// What it was started with.
    pub const fn config(&self) -> &LineConfig {
        &self.config
    }

    /// What it remembers.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// In the order of their names.
    pub fn cameras(&self) -> Vec<CameraStatus> {
        self.cameras.values().map(Camera::status).collect()
    }

    /// One of them.
    pub fn camera_status(&self, name: &str) -> Result<CameraStatus, Refused> {
        Ok(self.camera(name)?.status())
    }

    /// Of each output.
    pub fn outputs(&self) -> Vec<OutputStatus> {
        self.outputs.status()
    }

    /// Each part from now on, when it has been stored. Who falls behind misses the oldest, and is told how many.
    pub fn parts(&self) -> broadcast::Receiver<Arc<Part>> {
        self.parts.subscribe()
    }

    /// Parts whose pictures were left out as the disk is too slow, and records that were lost as it took none for long.
    pub fn left_out(&self) -> (u64, u64) {
        lock(&self.archive).left_out()
    }

    /// Whether each camera that is not paused gives frames and the store takes parts.
    pub fn is_ready(&self) -> bool {
        let fares = |camera: &Camera| {
            matches!(
                camera.status().state,
                CameraState::Running | CameraState::Paused
            )
        };
        self.cameras.values().all(fares) && lock(&self.archive).works()
    }

    fn camera(&self, name: &str) -> Result<&Camera, Refused> {
        let camera = self.cameras.get(name);
        camera.ok_or_else(|| {
            let known: Vec<_> = self.cameras.keys().map(Name::as_str).collect();
            Refused::Unknown(format!(
                "there is no camera {name}, only {}",
                known.join(", ")
            ))
        })
    }

    /// Counts the frames of a camera that were judged, for whoever waits for the next.
    pub fn frames(&self, camera: &str) -> Result<watch::Receiver<u64>, Refused> {
        Ok(self.camera(camera)?.frames())
    }

    /// The newest judged frame, if there is one yet.
    pub(crate) fn newest(&self, camera: &str) -> Result<Option<Arc<Judged>>, Refused> {
        Ok(self.camera(camera)?.newest())
    }

    /// The newest judged frame as a JPEG at most so wide, with heatmap, boxes and badge drawn or as it came. `None`
    /// before the first. Takes milliseconds: not for an asynchronous thread.
    pub fn view(
        &self,
        camera: &str,
        width: u32,
        drawn: bool,
    ) -> Result<Option<Arc<[u8]>>, Refused> {
        let of = self.camera(camera)?;
        let number = *of.frames().borrow();
        let Some(newest) = of.newest() else {
            return Ok(None);
        };
        let view = (camera.to_owned(), width, drawn);
        self.views.jpeg(view, number, newest).map(Some)
    }

    /// A part is there. Its record comes by the deadline.
    pub async fn trigger(&self, camera: &str) -> Result<Record, Refused> {
        let record = self.camera(camera)?.trigger()?.await;
        record.map_err(|_| Refused::Unfit("the line is being stopped".into()))
    }

    /// A paused camera gives no frames.
    pub fn pause(&self, camera: &str, paused: bool, by: &str) -> Result<(), Refused> {
        self.camera(camera)?.pause(paused);
        let (kind, text) = match paused {
            true => ("camera-paused", "paused"),
            false => ("camera-resumed", "goes on"),
        };
        self.store.note(kind, camera, format!("{text} ({by})"));
        Ok(())
    }

    /// What the outputs are told. What takes its time goes on beside the caller, and an event says so where it fails.
    fn obey(self: &Arc<Self>, command: Command) -> Result<(), Refused> {
        match command {
            Command::Trigger { camera } => {
                // Its record goes out as all do.
                let record = self.camera(&camera)?.trigger()?;
                drop(record);
            }
            Command::Recipe { camera, recipe } => {
                self.camera(&camera)?;
                self.models.versions(&recipe)?;
                lock(&self.wanted).insert(camera.clone(), recipe);
                let line = self.clone();
                self.runtime
                    .spawn_blocking(move || line.switch_to_wanted(&camera));
            }
        }
        Ok(())
    }
}

fn handlers(camera: &str, inbox: Inbox, store: Store) -> Handlers {
    let camera = camera.to_owned();
    Handlers {
        decided: Box::new(move |decision| inbox.put(decision)),
        told: Box::new(move |told| {
            let (kind, text) = match told {
                Told::Lost(text) => ("camera-lost", text),
                Told::Back => ("camera-back", "frames come again".to_owned()),
                Told::Drift(true) => (
                    "drift",
                    "the last frames do not look like those that the model knows: look at light, focus and the \
                     camera's place"
                        .to_owned(),
                ),
                Told::Drift(false) => ("drift-over", "frames look as they should again".to_owned()),
            };
            store.note(kind, &camera, text);
        }),
    }
}
