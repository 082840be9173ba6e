//! A model at work in a thread of its own, for one element or for all that share it.

mod instance;
mod mailbox;
mod pool;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tch::{Device, Kind};

pub use self::instance::Instance;
pub use self::mailbox::{Mailbox, Reply};
use self::pool::{Lent, Pool};
use super::refusal::Refusal;
use igd::libtorch::{Work, guarded};
use igd::model::{
    Calibration, DenseConfig, DetectError, Detector, ModelConfig, ModelError, Postprocessor,
    Precision,
};

/// How long the end of the thread is waited for; it may be in the middle of an inference.
const PATIENCE: Duration = Duration::from_millis(500);

/// Pictures that are read while others are inferred.
const READ_AHEAD: usize = 1;

/// How pictures of several frames are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Pictures to wait for.
    pub size: usize,
    /// How long they are waited for after the first one.
    pub timeout: Duration,
}

/// What networks run on.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub device: Device,
    /// What they compute in.
    pub kind: Kind,
}

/// Frames wait in a queue, one of each stream at most.
#[derive(Debug)]
pub struct Engine {
    name: String,
    config: ModelConfig,
    calibration: Option<Calibration>,
    target: Target,
    queue: Arc<Queue>,
    pool: Arc<Pool>,
}

impl Engine {
    /// With a model from a file.
    pub fn open(
        path: &Path,
        device: Device,
        precision: Precision,
        batching: Batching,
    ) -> Result<Self, Refusal> {
        let detector = Detector::open(path, device, precision).map_err(|err| match err {
            ModelError::Precision(err) => Refusal::new(gst::ResourceError::Settings, err),
            err => Refusal::new(
                gst::ResourceError::OpenRead,
                format_args!("cannot use the model: {err}"),
            ),
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::new(detector, name.into_owned(), batching).map_err(|err| no_thread(&err))
    }

    /// `name` is the model's in results.
    pub fn new(detector: Detector, name: String, batching: Batching) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(batching));
        let (device, kind) = detector.target();
        let engine = Self {
            name,
            config: detector.config().clone(),
            calibration: detector.calibration().copied(),
            target: Target { device, kind },
            queue: queue.clone(),
            pool: Arc::new(Pool::new(batching.size + READ_AHEAD)),
        };
        thread::Builder::new()
            .name("igd-infer".to_owned())
            .spawn(move || {
                work(detector, &queue);
                queue.lock().ended = true;
                queue.changed.notify_all();
            })?;
        Ok(engine)
    }

    /// The model's name in results.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn target(&self) -> Target {
        self.target
    }

    /// Width and height in pixels of the pictures to hand in.
    pub fn input_size(&self) -> (usize, usize) {
        self.config.input().into()
    }

    /// What a dense model consists of; `None` for other models.
    pub fn dense_config(&self) -> Option<&DenseConfig> {
        self.config.dense()
    }

    pub fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    /// For one of the streams.
    pub fn postprocessor(&self) -> Postprocessor {
        Postprocessor::new(self.config.clone(), self.calibration)
    }

    /// Memory for so many pictures of a frame, as soon as there is some; `None` when the mailbox is interrupted.
    pub fn lend(&self, count: usize, mailbox: &Mailbox) -> Option<Lent> {
        mailbox.borrow(&self.pool, count)
    }

    /// As [`lend`](Self::lend), without waiting: beside what the others share.
    pub fn lend_now(&self, count: usize) -> Lent {
        self.pool.lend_now(count)
    }

    /// Hands pictures of a frame in; the answer comes to the mailbox.
    pub fn submit(&self, pictures: Lent, mailbox: &Arc<Mailbox>) {
        let job = Job {
            pictures,
            ticket: mailbox.expect(),
            mailbox: mailbox.clone(),
            since: Instant::now(),
        };
        self.queue.lock().jobs.push_back(job);
        self.queue.changed.notify_all();
    }

    /// How long a picture takes that shows nothing; `None` when it is not through after `patience`.
    pub fn measure(&self, patience: Duration) -> Option<Duration> {
        let (width, height) = self.input_size();
        let mailbox = Arc::new(Mailbox::default());
        let mut pictures = self.pool.lend_now(1);
        pictures[0].rgb.resize(3 * width * height, 0.0);
        self.submit(pictures, &mailbox);
        mailbox.wait_for(patience).map(|reply| reply.inference)
    }

    /// Another stream has its own wishes: the larger batch and the shorter time hold.
    pub fn also_batch(&self, batching: Batching) {
        let mut line = self.queue.lock();
        line.batching.size = line.batching.size.max(batching.size);
        line.batching.timeout = line.batching.timeout.min(batching.timeout);
        self.pool.grow(line.batching.size + READ_AHEAD);
    }

    /// What the streams so far have wished.
    pub fn batching(&self) -> Batching {
        self.queue.lock().batching
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        line.closed = true;
        self.queue.changed.notify_all();
        let end = Instant::now() + PATIENCE;
        // An inference that hangs must not hang who stops it; its thread ends with it.
        while !line.ended {
            let Some(rest) = end.checked_duration_since(Instant::now()) else {
                return;
            };
            line = self.queue.wait(line, rest);
        }
    }
}

/// The system gives no more threads.
pub fn no_thread(err: &io::Error) -> Refusal {
    Refusal::new(
        gst::ResourceError::NoSpaceLeft,
        format_args!("cannot start a thread for the model: {err}"),
    )
}

/// The pictures of a frame.
#[derive(Debug)]
struct Job {
    pictures: Lent,
    ticket: u64,
    mailbox: Arc<Mailbox>,
    since: Instant,
}

#[derive(Debug)]
struct Queue {
    line: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting {
    jobs: VecDeque<Job>,
    batching: Batching,
    /// Nobody hands in any more.
    closed: bool,
    /// The thread is through.
    ended: bool,
}

impl Queue {
    fn new(batching: Batching) -> Self {
        Self {
            line: Mutex::new(Waiting {
                jobs: VecDeque::new(),
                batching,
                closed: false,
                ended: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, line: MutexGuard<'a, Waiting>, time: Duration) -> MutexGuard<'a, Waiting> {
        let waited = self.changed.wait_timeout(line, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for frames that are still wanted and fills `batch` with them; false when there will be no more.
    fn next(&self, batch: &mut Vec<Job>) -> bool {
        let mut line = self.lock();
        loop {
            line.jobs.retain(|job| job.mailbox.expects(job.ticket));
            if line.closed {
                return false;
            }
            let Some(first) = line.jobs.front() else {
                line = self
                    .changed
                    .wait(line)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let rest = line.batching.timeout.checked_sub(first.since.elapsed());
            match rest {
                Some(rest) if line.pictures() < line.batching.size => line = self.wait(line, rest),
                _ => break,
            }
        }
        let mut pictures = 0;
        while let Some(job) = line.jobs.front() {
            pictures += job.pictures.len();
            if !batch.is_empty() && pictures > line.batching.size {
                break;
            }
            batch.extend(line.jobs.pop_front());
        }
        true
    }
}

impl Waiting {
    fn pictures(&self) -> usize {
        self.jobs.iter().map(|job| job.pictures.len()).sum()
    }
}

/// What the thread does.
fn work(mut detector: Detector, queue: &Queue) {
    let mut batch = Vec::new();
    while queue.next(&mut batch) {
        let _work = Work::begin();
        let start = Instant::now();
        let mut pictures: Vec<_> = batch
            .iter_mut()
            .flat_map(|job| job.pictures.iter_mut())
            .collect();
        // Whoever waits must hear of it, whatever happens.
        let inferred = guarded(|| detector.infer(&mut pictures))
            .unwrap_or_else(|text| Err(DetectError::Inference(text)));
        let failed = inferred.err().map(|err| match err {
            DetectError::Inference(text) => text,
            err => err.to_string(),
        });
        let inference = start.elapsed();
        for job in batch.drain(..) {
            let inferred = match &failed {
                Some(text) => Err(DetectError::Inference(text.clone())),
                // What one stream's picture comes to is not the others' fault.
                None => job
                    .pictures
                    .iter()
                    .try_for_each(|picture| picture.raw.check()),
            };
            let reply = Reply {
                pictures: job.pictures,
                inferred,
                inference,
            };
            job.mailbox.deliver(job.ticket, reply);
        }
    }
    let _work = Work::begin();
    drop(detector);
}
