//! A camera: its source is opened, and opened again when it breaks; its frames are judged, and parts are decided.

mod filter;
mod keeper;
mod pictures;
mod pipeline;
mod rate;
mod shared;
mod source;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

pub use self::filter::Judging;
use self::keeper::Keeper;
use self::shared::Shared;
pub use self::source::source;
use crate::command::Refused;
use crate::config::{CameraConfig, TriggerBy};
use crate::judged::Judged;
use crate::lock::lock;
use crate::part::{Decider, Decision};
use crate::record::Record;
use crate::store::Counts;

/// A camera answers by then, or hangs.
const ANSWER: Duration = Duration::from_secs(30);
/// A camera that is to end has so long for it.
const FAREWELL: Duration = Duration::from_secs(5);

/// How a camera fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CameraState {
    /// It has given no frame yet.
    #[default]
    Connecting,
    /// Frames come and are judged.
    Running,
    /// It gives no frames and is tried again.
    Lost,
    /// A user has asked for it.
    Paused,
}

/// A camera, as the API tells of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CameraStatus {
    /// Of the configuration.
    pub name: String,
    /// The recipe that it is judged by.
    pub recipe: String,
    /// The version of the recipe's model; 0 where there is none yet.
    pub version: u32,
    /// Whether frames come.
    pub state: CameraState,
    /// What went wrong last, while it is not mended.
    pub error: Option<String>,
    /// Width and height of its frames; 0 before the first.
    pub size: [u32; 2],
    /// Frames judged a second, over the last seconds.
    pub fps: f64,
    /// Frames that came, since the start.
    pub frames: u64,
    /// Of those, frames that were judged; the others came while one was.
    pub judged: u64,
    /// Times that the source was opened again.
    pub reconnects: u64,
    /// Parts since the start.
    pub counts: Counts,
    /// Milliseconds that the last inference took.
    pub inference_ms: f64,
    /// Of late frames, of the limit: above 1 light, focus or place have changed.
    pub drift: Option<f32>,
    /// With `by = "presence"`: the mean difference of a pixel of the last frame from the empty place, 0 to 255.
    pub difference: Option<f32>,
    /// The last part.
    pub last: Option<Record>,
}

/// What a camera tells of itself.
#[derive(Clone, Debug)]
pub enum Told {
    /// No frames come any more.
    Lost(String),
    /// They come again.
    Back,
    /// The last frames no longer look like those that the model knows, or do so again.
    Drift(bool),
}

/// What a camera is asked for.
enum Order {
    Judge(Judging, Sender<Result<(), String>>),
    Threshold(Option<f32>),
    Pause(bool, Sender<()>),
    Stop,
}

/// What a camera hands on: parts that were decided, and what happened to it.
pub struct Handlers {
    /// From the stream's threads: must not wait.
    pub decided: Box<dyn Fn(Decision) + Send + Sync>,
    /// From the camera's thread.
    pub told: Box<dyn Fn(Told) + Send + Sync>,
}

/// Runs until it is dropped.
pub struct Camera {
    shared: Arc<Shared>,
    by: TriggerBy,
    orders: Mutex<Sender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Camera {
    /// Opens the source beside the caller. A source that is not there is waited for. The error says what the trigger
    /// lacks, or that the system gives no thread.
    pub fn start(
        name: &str,
        config: CameraConfig,
        judging: Judging,
        handlers: Handlers,
        runtime: Handle,
    ) -> Result<Self, String> {
        let mut decider = Decider::new(name.to_owned(), config.trigger.clone())
            .map_err(|error| format!("[cameras.{name}.trigger] empty: {error}"))?;
        decider.judge_by(&judging.recipe, judging.version);
        let by = config.trigger.by;
        let status = CameraStatus {
            name: name.to_owned(),
            recipe: judging.recipe.clone(),
            version: judging.version,
            ..CameraStatus::default()
        };
        let shared = Arc::new(Shared::new(handlers, runtime, decider, status));
        let (orders, received) = channel();
        let keeper = Keeper::new(config, judging, shared.clone(), received);
        let thread = thread::Builder::new().name(format!("camera-{name}"));
        let thread = thread.spawn(move || keeper.run());
        let thread = thread.map_err(|error| format!("no thread for the camera {name}: {error}"))?;
        Ok(Self {
            shared,
            by,
            orders: Mutex::new(orders),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// How it fares.
    pub fn status(&self) -> CameraStatus {
        let difference = lock(&self.shared.decider).difference();
        let mut status = lock(&self.shared.status).clone();
        status.difference = difference;
        status.frames = self.shared.arrived.load(Ordering::Relaxed);
        status.judged = *self.shared.judged.borrow();
        status.fps = lock(&self.shared.rate).a_second();
        status
    }

    /// The newest judged frame.
    pub fn newest(&self) -> Option<Arc<Judged>> {
        lock(&self.shared.newest).clone()
    }

    /// Counts judged frames, for whoever waits for the next.
    pub fn frames(&self) -> watch::Receiver<u64> {
        self.shared.judged.subscribe()
    }

    /// A part is there. Its record comes by the deadline.
    pub fn trigger(&self) -> Result<oneshot::Receiver<Record>, Refused> {
        let (answer, record) = oneshot::channel();
        let status = lock(&self.shared.status).clone();
        if self.by == TriggerBy::Frame {
            return Err(Refused::Unfit(format!(
                "{}: each frame is a part here; with by = \"request\" in [cameras.{}.trigger] parts are triggered",
                status.name, status.name
            )));
        }
        if status.state == CameraState::Paused {
            return Err(Refused::Unfit(format!("{} is paused", status.name)));
        }
        lock(&self.shared.decider).open(Instant::now(), Timestamp::now(), Some(answer))?;
        match (status.state, status.error) {
            // Nobody has to wait for the deadline.
            (CameraState::Lost, Some(error)) => {
                self.shared
                    .end_parts(&format!("the camera is lost: {error}"));
            }
            _ if status.version == 0 => {
                let reason = "there is no model yet: teach one at the page";
                self.shared.end_parts(reason);
            }
            _ => self.shared.expire(),
        }
        Ok(record)
    }

    /// Judges by another recipe, or another version of its model, between two frames. Returns when that is done; the
    /// one before goes on where it cannot be.
    pub fn judge_by(&self, judging: Judging) -> Result<(), Refused> {
        let (told, done) = channel();
        self.order(Order::Judge(judging, told));
        match done.recv_timeout(ANSWER) {
            Ok(done) => done.map_err(Refused::Failed),
            Err(RecvTimeoutError::Timeout) => Err(Refused::Failed(format!(
                "{} does not answer: its source hangs",
                lock(&self.shared.status).name
            ))),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Refused::Unfit("the line is being stopped".into()))
            }
        }
    }

    /// Sets the threshold, of the next frame on; `None` for the model's own.
    pub fn set_threshold(&self, threshold: Option<f32>) {
        self.order(Order::Threshold(threshold));
    }

    /// A paused camera gives no frames. Returns when its state is that.
    pub fn pause(&self, paused: bool) {
        let (told, done) = channel();
        self.order(Order::Pause(paused, told));
        // One that has ended is as good as paused.
        let _ = done.recv_timeout(ANSWER);
    }

    fn order(&self, order: Order) {
        // The thread has ended only when the camera is stopped.
        let _ = lock(&self.orders).send(order);
    }

    /// Asks it to end, without waiting for that.
    pub fn end(&self) {
        self.order(Order::Stop);
    }

    /// Ends it, and waits for that: some seconds at most, as a source may hang.
    pub fn stop(&self) {
        self.end();
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        let until = Instant::now() + FAREWELL;
        while !thread.is_finished() {
            if Instant::now() > until {
                let name = &lock(&self.shared.status).name;
                tracing::error!("{name} does not end: its source hangs, and is left to itself");
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = thread.join();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.stop();
    }
}
