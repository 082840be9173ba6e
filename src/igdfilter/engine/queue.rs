//! The frames that wait for a model.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use super::pool::Lent;

/// How pictures of several frames are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Pictures to wait for.
    pub size: usize,
    /// How long they are waited for after the first one.
    pub timeout: Duration,
}

/// The pictures of a frame.
#[derive(Debug)]
pub struct Job {
    pub pictures: Lent,
    /// Of the mailbox.
    pub ticket: u64,
    pub mailbox: Arc<Mailbox>,
    pub since: Instant,
}

/// Between the streams that hand frames in, one of each at most, and the thread that infers them.
#[derive(Debug)]
pub struct Queue {
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
    pub fn new(batching: Batching) -> Self {
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

    pub fn push(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_all();
    }

    /// What the streams so far have wished.
    pub fn batching(&self) -> Batching {
        self.lock().batching
    }

    /// Another stream has its own wishes: the larger batch and the shorter time hold. Returns what holds now.
    pub fn also_batch(&self, batching: Batching) -> Batching {
        let held = &mut self.lock().batching;
        held.size = held.size.max(batching.size);
        held.timeout = held.timeout.min(batching.timeout);
        *held
    }

    /// Nobody hands in any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// The thread is through.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for the thread where it is to end, until `deadline` at most.
    pub fn wait_for_end(&self, deadline: Instant) {
        let mut line = self.lock();
        while line.closed && !line.ended {
            let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                return;
            };
            line = self.wait(line, rest);
        }
    }

    /// Waits for frames that are still wanted and fills `batch` with them; false when there will be no more.
    pub fn next(&self, batch: &mut Vec<Job>) -> bool {
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
