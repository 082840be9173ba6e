//! Where a stream waits for what becomes of its pictures.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pool::{Lent, Pool};
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
///
/// A reply holds memory that a pool has lent. So no reply stays in a mailbox that nobody looks into, and none is
/// dropped while the mailbox is locked: that locks the pool, which asks mailboxes while it is locked itself.
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
    /// Nobody waits, and no answer is taken in.
    interrupted: bool,
    /// Where the stream waits for memory.
    lender: Option<Arc<Pool>>,
}

impl Mailbox {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on only the answer to the letter with the returned number counts.
    pub fn expect(&self) -> u64 {
        let mut post = self.post();
        post.ticket += 1;
        let ticket = post.ticket;
        let late = post.reply.take();
        drop(post);
        drop(late);
        ticket
    }

    /// No letter is to be answered any more.
    pub fn forget(&self) {
        self.expect();
    }

    /// Whether somebody is still interested in an answer.
    pub fn expects(&self, ticket: u64) -> bool {
        self.post().is_expected(ticket)
    }

    /// Delivers an answer, unless it is too late.
    pub fn deliver(&self, ticket: u64, reply: Reply) {
        let mut post = self.post();
        if post.is_expected(ticket) {
            post.reply = Some(reply);
            self.arrived.notify_all();
        }
    }

    /// Waits for `count` pictures of a pool; `None` when interrupted.
    pub fn borrow(&self, pool: &Arc<Pool>, count: usize) -> Option<Lent> {
        self.post().lender = Some(pool.clone());
        let lent = pool.lend(count, || self.is_interrupted());
        self.post().lender = None;
        lent
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

    /// Sends whoever waits away, and lets nobody wait and no answer in until [`resume`](Self::resume).
    pub fn interrupt(&self) {
        let mut post = self.post();
        post.interrupted = true;
        let late = post.reply.take();
        let lender = post.lender.clone();
        drop(post);
        drop(late);
        self.arrived.notify_all();
        if let Some(lender) = lender {
            lender.wake();
        }
    }

    fn is_interrupted(&self) -> bool {
        self.post().interrupted
    }

    pub fn resume(&self) {
        self.post().interrupted = false;
    }
}

impl Post {
    fn is_expected(&self, ticket: u64) -> bool {
        self.ticket == ticket && !self.interrupted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn reply() -> Reply {
        reply_of(&Arc::new(Pool::new(1)))
    }

    fn reply_of(pool: &Arc<Pool>) -> Reply {
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
    #[test]
    fn an_interrupted_stream_keeps_no_memory() {
        let pool = Arc::new(Pool::new(2));
        let [arrived, late] = [(); 2].map(|()| {
            let mailbox = Mailbox::default();
            let ticket = mailbox.expect();
            (mailbox, ticket)
        });
        arrived.0.deliver(arrived.1, reply_of(&pool));
        arrived.0.interrupt();
        late.0.interrupt();
        assert!(!late.0.expects(late.1));
        late.0.deliver(late.1, reply_of(&pool));
        // Nobody has any of it.
        let (sender, lent) = mpsc::channel();
        thread::spawn(move || sender.send(pool.lend(2, || false).is_some()));
        assert_eq!(lent.recv_timeout(Duration::from_secs(60)), Ok(true));
    }

    #[test]
    fn who_waits_for_memory_can_be_sent_away() {
        let pool = Arc::new(Pool::new(1));
        let _lent = pool.lend(1, || false);
        let mailbox = Arc::new(Mailbox::default());
        let (sender, lent) = mpsc::channel();
        {
            let (pool, mailbox) = (pool.clone(), mailbox.clone());
            thread::spawn(move || sender.send(mailbox.borrow(&pool, 1).is_some()));
        }
        thread::sleep(Duration::from_millis(20));
        mailbox.interrupt();
        assert_eq!(lent.recv_timeout(Duration::from_secs(60)), Ok(false));
    }
}
