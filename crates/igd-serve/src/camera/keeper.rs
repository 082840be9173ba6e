//! The thread of a camera: opens its source, opens it again when it breaks, and does what the camera is asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use glib::object::Cast;

use super::pipeline::Pipeline;
use super::shared::Shared;
use super::source::{shown, source};
use super::{CameraState, Judging, Order, Told, filter};
use crate::config::CameraConfig;
use crate::lock::lock;
use crate::pauses::Pauses;

/// How long orders and messages wait for each other.
const TICK: Duration = Duration::from_millis(50);
/// A source that ends sooner is not begun anew at once.
const SHORT: Duration = Duration::from_secs(1);
/// Frames have drifted above the first and no longer do below the second, so that none in between is told.
const DRIFT: (f32, f32) = (1.0, 0.8);

/// The camera's thread.
pub(super) struct Keeper {
    config: CameraConfig,
    judging: Judging,
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    paused: bool,
    /// What has been told and not taken back.
    lost: bool,
    drifted: bool,
}

/// Why frames come no more.
enum End {
    Stopped,
    Paused,
    /// The source has come to its end, and is begun anew.
    Over,
    Broken(String),
}

/// What has come so far: frames, and judged ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Progress {
    arrived: u64,
    judged: u64,
}

impl Keeper {
    pub(super) const fn new(
        config: CameraConfig,
        judging: Judging,
        shared: Arc<Shared>,
        orders: Receiver<Order>,
    ) -> Self {
        Self {
            config,
            judging,
            shared,
            orders,
            paused: false,
            lost: false,
            drifted: false,
        }
    }

    /// Until it is told to stop.
    pub(super) fn run(mut self) {
        if catch_unwind(AssertUnwindSafe(|| self.keep())).is_err() {
            self.lose("a fault of igd itself: restart the line, and report it with the log".into());
        }
        self.shared.end_parts("the line has been stopped");
    }

    fn keep(&mut self) {
        let mut pauses = Pauses::new();
        loop {
            let (start, before) = (Instant::now(), self.progress());
            let end = match self.paused {
                true => End::Paused,
                false => self.play(),
            };
            let gave_frames = self.progress().judged != before.judged;
            if gave_frames {
                pauses = Pauses::new();
            }
            let patience = match end {
                End::Stopped => break,
                End::Paused => {
                    self.shared.end_parts("the camera has been paused");
                    Duration::MAX
                }
                End::Over if gave_frames && start.elapsed() > SHORT => Duration::ZERO,
                End::Over if gave_frames => pauses.next(),
                End::Over => {
                    self.lose("it ended without a frame".into());
                    pauses.next()
                }
                End::Broken(text) => {
                    self.lose(text);
                    pauses.next()
                }
            };
            let was_paused = self.paused;
            if self.wait(patience) {
                break;
            }
            if !was_paused && !self.paused {
                lock(&self.shared.status).reconnects += 1;
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            arrived: self.shared.arrived.load(Ordering::Relaxed),
            judged: *self.shared.judged.borrow(),
        }
    }

    fn lose(&mut self, text: String) {
        {
            let mut status = lock(&self.shared.status);
            status.error = Some(text.clone());
            status.state = CameraState::Lost;
        }
        let reason = format!("the camera is lost: {text}");
        self.shared.end_parts(&reason);
        if !std::mem::replace(&mut self.lost, true) {
            (self.shared.handlers.told)(Told::Lost(text));
        }
    }

    /// What is to be told of judged frames.
    fn tell(&mut self) {
        let drift = lock(&self.shared.status).drift;
        if std::mem::take(&mut self.lost) {
            (self.shared.handlers.told)(Told::Back);
        }
        // None says nothing: the last frames are too few.
        let drifted = match drift {
            Some(drift) if drift > DRIFT.0 => true,
            Some(drift) if drift < DRIFT.1 => false,
            _ => self.drifted,
        };
        if drifted != self.drifted {
            self.drifted = drifted;
            (self.shared.handlers.told)(Told::Drift(drifted));
        }
    }

    /// Waits without a pipeline, taking orders. True: it is to stop.
    fn wait(&mut self, patience: Duration) -> bool {
        let start = Instant::now();
        let was_paused = self.paused;
        while start.elapsed() < patience && was_paused == self.paused {
            match self.orders.recv_timeout(TICK) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Ok(order) => self.obey(order, None),
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
        false
    }

    /// Judges frames until they end.
    fn play(&mut self) -> End {
        let pipeline = match self.pipeline() {
            Ok(pipeline) => pipeline,
            Err(text) => return End::Broken(text),
        };
        pipeline.play();
        let stall = Duration::from_secs(self.config.stall_seconds);
        let now = Instant::now();
        let (mut before, mut arrived, mut judged) = (self.progress(), now, now);
        loop {
            while let Ok(order) = self.orders.try_recv() {
                if matches!(order, Order::Stop) {
                    return End::Stopped;
                }
                self.obey(order, Some(&pipeline));
                if self.paused {
                    return End::Paused;
                }
            }
            if let Some(message) = pipeline.next_message(TICK) {
                return match filter::text(&message) {
                    // The filter's own texts name the model.
                    Some(text) if message.src() == Some(pipeline.filter().upcast_ref()) => {
                        End::Broken(text)
                    }
                    Some(text) => End::Broken(shown(&self.config.source, &text)),
                    None => End::Over,
                };
            }
            let progress = self.progress();
            if progress.judged != before.judged {
                judged = Instant::now();
                self.tell();
            }
            if progress.arrived != before.arrived {
                arrived = Instant::now();
            }
            before = progress;
            if stall.is_zero() {
                continue;
            }
            if arrived.elapsed() > stall {
                return End::Broken(format!("no frame for {} s", stall.as_secs()));
            }
            if judged.elapsed() > stall.max(SHORT) + stall {
                return End::Broken("frames come, but none is judged".into());
            }
        }
    }

    fn pipeline(&self) -> Result<Pipeline, String> {
        let source = source(&self.config.source)?;
        let filter = self.judging.filter()?;
        let [arrived, judged] = [&self.shared, &self.shared].map(Arc::clone);
        let arrived = move || {
            arrived.arrived.fetch_add(1, Ordering::Relaxed);
        };
        let judged = move |frame| judged.judged(frame);
        Pipeline::new(&source, filter, arrived, judged).map_err(|error| error.to_string())
    }

    fn obey(&mut self, order: Order, pipeline: Option<&Pipeline>) {
        match order {
            Order::Judge(judging, told) => {
                let done = match pipeline {
                    Some(pipeline) => {
                        let opened = judging.opened();
                        opened.and_then(|filter| pipeline.exchange(filter))
                    }
                    None => judging.check(),
                };
                if done.is_ok() {
                    lock(&self.shared.decider).judge_by(&judging.recipe, judging.version);
                    let mut status = lock(&self.shared.status);
                    status.recipe.clone_from(&judging.recipe);
                    status.version = judging.version;
                    self.judging = judging;
                }
                // Whoever asked may have lost patience.
                let _ = told.send(done);
            }
            Order::Threshold(threshold) => {
                self.judging.threshold = threshold;
                if let Some(pipeline) = pipeline {
                    filter::set_threshold(&pipeline.filter(), threshold);
                }
            }
            Order::Pause(paused, told) => {
                if std::mem::replace(&mut self.paused, paused) != paused {
                    lock(&self.shared.status).state = match paused {
                        true => CameraState::Paused,
                        false => CameraState::Connecting,
                    };
                }
                let _ = told.send(());
            }
            Order::Stop => (),
        }
    }
}
