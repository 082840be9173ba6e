//! What the threads of a camera's stream, the camera's own and whoever asks share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::rate::Rate;
use super::{CameraState, CameraStatus, Handlers};
use crate::judged::Judged;
use crate::lock::lock;
use crate::part::{Decider, Decision};

/// Locks are taken in this order: decider, status. Handlers are called with the decider locked.
pub(super) struct Shared {
    pub(super) handlers: Handlers,
    runtime: Handle,
    pub(super) decider: Mutex<Decider>,
    pub(super) status: Mutex<CameraStatus>,
    pub(super) rate: Mutex<Rate>,
    pub(super) newest: Mutex<Option<Arc<Judged>>>,
    /// Frames that came.
    pub(super) arrived: AtomicU64,
    /// Of those, frames that were judged.
    pub(super) judged: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(
        handlers: Handlers,
        runtime: Handle,
        decider: Decider,
        status: CameraStatus,
    ) -> Self {
        Self {
            handlers,
            runtime,
            decider: Mutex::new(decider),
            status: Mutex::new(status),
            rate: Mutex::default(),
            newest: Mutex::default(),
            arrived: AtomicU64::new(0),
            judged: watch::Sender::new(0),
        }
    }

    /// A frame has been judged. In the stream's thread: nothing here waits for the disk.
    pub(super) fn judged(self: &Arc<Self>, frame: Arc<Judged>) {
        {
            let mut status = lock(&self.status);
            if status.state != CameraState::Paused {
                status.state = CameraState::Running;
            }
            status.error = None;
            status.size = frame.size();
            status.inference_ms = frame.meta.inference_ms;
            status.drift = frame.meta.drift;
        }
        lock(&self.rate).count(Instant::now());
        let decide = |frame| lock(&self.decider).frame(frame, |decision| self.decided(decision));
        if frame.is_judged() && decide(&frame) {
            self.expire();
        }
        *lock(&self.newest) = Some(frame);
        self.judged.send_modify(|count| *count += 1);
    }

    fn decided(&self, decision: Decision) {
        {
            let mut status = lock(&self.status);
            status.counts.add(decision.record.verdict, 1);
            status.last = Some(decision.record.clone());
        }
        (self.handlers.decided)(decision);
    }

    /// Ends what has been opened just now, when its time has come, if the camera is there until then.
    pub(super) fn expire(self: &Arc<Self>) {
        let deadline = lock(&self.decider).deadline() + Duration::from_millis(1);
        let shared = Arc::downgrade(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(deadline).await;
            if let Some(shared) = shared.upgrade() {
                lock(&shared.decider).expire(|decision| shared.decided(decision));
            }
        });
    }

    pub(super) fn end_parts(&self, reason: &str) {
        lock(&self.decider).end(reason, |decision| self.decided(decision));
    }
}
