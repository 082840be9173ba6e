//! Parts on their way from the cameras to the store, and from there to the outputs and whoever listens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::judged::Judged;
use crate::outputs::Outputs;
use crate::part::Decision;
use crate::record::Record;
use crate::store::{Part, Store};

/// Records that wait for the disk: those of minutes.
const MOST_RECORDS: usize = 100_000;
/// Frames that wait for the disk; of parts that come meanwhile no picture is kept.
const MOST_FRAMES: usize = 16;
/// Parts that are stored at once.
const BATCH: usize = 64;
/// How soon it is seen that the line ends.
const TICK: Duration = Duration::from_millis(50);
/// Tries where the disk does not take parts and the line ends.
const LAST_TRIES: usize = 3;
/// Between tries where the disk does not take them.
const PAUSE: Duration = Duration::from_secs(1);

struct Waiting {
    record: Record,
    frame: Option<Judged>,
}

/// What cameras hand parts to. Never waits.
#[derive(Clone)]
pub struct Inbox {
    sender: SyncSender<Box<Waiting>>,
    store: Store,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    frames: AtomicUsize,
    frames_left_out: AtomicU64,
    lost: AtomicU64,
    fails: AtomicBool,
    stopping: AtomicBool,
}

/// The thread that stores.
pub struct Archive {
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Takes a part, with its worst frame if that is to be kept.
    pub fn put(&self, decision: Decision) {
        let Decision { record, worst } = decision;
        let frame = worst
            .filter(|_| self.store.wants(&record))
            .and_then(|worst| self.keep(&worst));
        let has_frame = frame.is_some();
        if self
            .sender
            .try_send(Box::new(Waiting { record, frame }))
            .is_err()
        {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            self.counters
                .frames
                .fetch_sub(has_frame.into(), Ordering::Relaxed);
        }
    }

    fn keep(&self, frame: &Judged) -> Option<Judged> {
        let counters = &self.counters;
        if counters.frames.fetch_add(1, Ordering::Relaxed) < MOST_FRAMES
            && let Some(frame) = frame.detached()
        {
            return Some(frame);
        }
        counters.frames.fetch_sub(1, Ordering::Relaxed);
        counters.frames_left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Archive {
    /// Works until it is finished.
    pub fn start(
        store: Store,
        outputs: Arc<Outputs>,
        listeners: broadcast::Sender<Arc<Part>>,
    ) -> io::Result<(Self, Inbox)> {
        let (sender, receiver) = sync_channel(MOST_RECORDS);
        let counters = Arc::<Counters>::default();
        let inbox = Inbox {
            sender,
            store: store.clone(),
            counters: counters.clone(),
        };
        let work = {
            let counters = counters.clone();
            move || run(&receiver, &store, &outputs, &listeners, &counters)
        };
        let thread = thread::Builder::new().name("archive".into()).spawn(work)?;
        let archive = Self {
            counters,
            thread: Some(thread),
        };
        Ok((archive, inbox))
    }

    /// Whether the disk takes what comes.
    pub fn works(&self) -> bool {
        let is_alive = self
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished());
        is_alive && !self.counters.fails.load(Ordering::Relaxed)
    }

    /// Parts whose pictures were left out as the disk is too slow, and records that were lost as it took none for long.
    pub fn left_out(&self) -> (u64, u64) {
        let counters = &self.counters;
        (
            counters.frames_left_out.load(Ordering::Relaxed),
            counters.lost.load(Ordering::Relaxed),
        )
    }

    /// Waits until all is stored that has come, or the disk has not taken it for some seconds. What comes later is
    /// lost.
    pub fn finish(&mut self) {
        self.counters.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn run(
    receiver: &Receiver<Box<Waiting>>,
    store: &Store,
    outputs: &Outputs,
    listeners: &broadcast::Sender<Arc<Part>>,
    counters: &Counters,
) {
    let is_stopping = || counters.stopping.load(Ordering::Relaxed);
    loop {
        let first = match receiver.recv_timeout(TICK) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) if !is_stopping() => continue,
            Err(_) => return,
        };
        let others = receiver.try_iter().take(BATCH - 1);
        let batch: Vec<_> = std::iter::once(first).chain(others).collect();
        let mut tries = 0;
        let parts = loop {
            let parts = batch.iter().map(|waiting| {
                let frame = waiting.frame.as_ref();
                let pictures = frame.and_then(Judged::pictures);
                (waiting.record.clone(), pictures)
            });
            match store.add(parts.collect()) {
                Ok(parts) => break parts,
                Err(error) if is_stopping() && tries >= LAST_TRIES => {
                    let ids: Vec<_> = batch.iter().map(|waiting| waiting.record.id).collect();
                    tracing::error!("not stored, as the line ends: {ids:?}: {error}");
                    break Vec::new();
                }
                Err(error) => {
                    tries += 1;
                    if !counters.fails.swap(true, Ordering::Relaxed) {
                        tracing::error!("parts wait for the disk: {error}");
                    }
                    thread::sleep(PAUSE);
                }
            }
        };
        counters.fails.store(false, Ordering::Relaxed);
        let frames = batch.iter().filter(|waiting| waiting.frame.is_some());
        counters.frames.fetch_sub(frames.count(), Ordering::Relaxed);
        outputs.notify(&parts);
        for part in parts {
            // Nobody may listen.
            let _ = listeners.send(Arc::new(part));
        }
    }
}
