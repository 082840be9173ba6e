//! A model at work in a thread of its own, for one element or for all that share it.

mod instance;
mod mailbox;
mod pool;
mod queue;
mod worker;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tch::{Device, Kind};

pub use self::instance::Instance;
pub use self::mailbox::{Mailbox, Reply};
use self::pool::{Lent, Pool};
pub use self::queue::Batching;
use self::queue::{Job, Queue};
use super::refusal::Refusal;
use igd::criterion::Drift;
use igd::model::{
    Calibration, DenseConfig, Detector, ModelConfig, ModelError, Postprocessor, Precision,
};

/// What networks run on.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub device: Device,
    /// What they compute in.
    pub kind: Kind,
}

/// Its thread ends when it is dropped, but is not waited for: it may be in the middle of an inference.
#[derive(Debug)]
pub struct Engine {
    name: String,
    config: ModelConfig,
    calibration: Option<Calibration>,
    significant_bits: Option<u32>,
    drift: Option<Drift>,
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
            significant_bits: detector.significant_bits(),
            drift: detector.drift(),
            target: Target { device, kind },
            queue: queue.clone(),
            pool: Arc::new(Pool::new(pictures(batching))),
        };
        worker::start(detector, queue)?;
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

    /// Of samples of 16 bits, those that the pictures used that the model was trained on; `None` for all.
    pub fn significant_bits(&self) -> Option<u32> {
        self.significant_bits
    }

    /// For the drift of one of the streams; `None` where the model does not tell it.
    pub fn drift(&self) -> Option<Drift> {
        self.drift.clone()
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
        self.queue.push(job);
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
        let held = self.queue.also_batch(batching);
        self.pool.grow(pictures(held));
    }

    /// What the streams so far have wished.
    pub fn batching(&self) -> Batching {
        self.queue.batching()
    }

    /// For waiting until its thread has ended, once nobody has the engine any more.
    pub fn end(&self) -> End {
        End(self.queue.clone())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// As many are read as are inferred meanwhile.
const fn pictures(batching: Batching) -> usize {
    2 * batching.size
}

/// Where the end of an engine's thread shows.
#[derive(Debug)]
pub struct End(Arc<Queue>);

impl End {
    /// Waits for it, until `deadline` at most; not at all while somebody has the engine.
    pub fn wait(&self, deadline: Instant) {
        self.0.wait_for_end(deadline);
    }
}

/// The system gives no more threads.
pub fn no_thread(err: &io::Error) -> Refusal {
    Refusal::new(
        gst::ResourceError::NoSpaceLeft,
        format_args!("cannot start a thread for the model: {err}"),
    )
}
