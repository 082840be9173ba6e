//! Where a stream waits for what becomes of its pictures.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pool::Lent;
use igd::model::DetectError;

/// What comes back.
#[derive(Debug)]
pub struct Reply {
    /// Those that were handed in, with their raw numbers.
    pub pictures: Lent,
    pub inferred: Result<(), DetectError>,
    /// How long the inference took.
    pub inference: Duration,
}

/// Of one stream, which has one letter under way at most.
#[derive(Debug, Default)]
pub struct Mailbox {
    post: Mutex<Post>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Post {
    /// The letter that an answer is expected to; all others are too late.
    ticket: u64,
    reply: Option<Reply>,
    interrupted: bool,
}

impl Mailbox {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on only the answer to the letter with the returned number counts.
    pub fn expect(&self) -> u64 {
        let mut post = self.post();
        post.ticket += 1;
        post.reply = None;
        post.ticket
    }

    /// Whether somebody is still interested in an answer.
    pub fn expects(&self, ticket: u64) -> bool {
        self.post().ticket == ticket
    }

    /// Delivers an answer, unless it is too late.
    pub fn deliver(&self, ticket: u64, reply: Reply) {
        let mut post = self.post();
        if post.ticket == ticket {
            post.reply = Some(reply);
            self.arrived.notify_all();
        }
    }

    /// The answer, if it is there.
    pub fn take(&self) -> Option<Reply> {
        self.post().reply.take()
    }

    /// Waits for the answer; `None` when interrupted.
    pub fn wait(&self) -> Option<Reply> {
        let mut post = self.post();
        loop {
            if post.interrupted {
                return None;
            }
            if let Some(reply) = post.reply.take() {
                return Some(reply);
            }
            post = self
                .arrived
                .wait(post)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`wait`](Self::wait), for so long at most.
    pub fn wait_for(&self, patience: Duration) -> Option<Reply> {
        let end = Instant::now() + patience;
        let mut post = self.post();
        while post.reply.is_none() && !post.interrupted {
            let rest = end.checked_duration_since(Instant::now())?;
            post = self
                .arrived
                .wait_timeout(post, rest)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        post.reply.take()
    }

    /// Sends whoever waits away, and lets nobody wait until [`resume`](Self::resume).
    pub fn interrupt(&self) {
        self.post().interrupted = true;
        self.arrived.notify_all();
    }

    /// Whether nobody should wait.
    pub fn is_interrupted(&self) -> bool {
        self.post().interrupted
    }

    pub fn resume(&self) {
        self.post().interrupted = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::super::pool::Pool;
    use super::*;

    fn reply() -> Reply {
        let pool = Arc::new(Pool::new(1));
        Reply {
            pictures: pool.lend(1, || false).unwrap(),
            inferred: Ok(()),
            inference: Duration::ZERO,
        }
    }

    #[test]
    fn only_the_last_letter_is_answered() {
        let mailbox = Mailbox::default();
        let first = mailbox.expect();
        let second = mailbox.expect();
        mailbox.deliver(first, reply());
        assert!(mailbox.take().is_none());
        assert!(!mailbox.expects(first) && mailbox.expects(second));
        mailbox.deliver(second, reply());
        assert!(mailbox.wait().is_some());
        mailbox.deliver(second, reply());
        mailbox.expect();
        assert!(mailbox.take().is_none());
    }

    #[test]
    fn who_waits_can_be_sent_away() {
        let mailbox = Arc::new(Mailbox::default());
        mailbox.expect();
        let waiting = {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.wait().is_none())
        };
        thread::sleep(Duration::from_millis(20));
        mailbox.interrupt();
        assert!(waiting.join().unwrap());
        assert!(mailbox.wait().is_none());
        mailbox.resume();
        assert!(mailbox.wait_for(Duration::from_millis(1)).is_none());
        let ticket = mailbox.expect();
        mailbox.deliver(ticket, reply());
        assert!(mailbox.wait_for(Duration::from_secs(60)).is_some());
    }
}
