//! Memory for pictures that a model lends to its streams, so that many of them need little more than one.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use igd::model::InputPicture;

/// Lends no more than its capacity, first come, first served.
#[derive(Debug)]
pub struct Pool {
    shelf: Mutex<Shelf>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Shelf {
    /// The most pictures that may be lent at a time, but for those of [`Pool::lend_now`].
    capacity: usize,
    /// Those that are not lent, for the next frames.
    pictures: Vec<InputPicture>,
    demand: Demand,
    /// How many of the capacity are lent.
    lent: usize,
    /// The numbers of the streams that wait, the one that is served next in front.
    waiting: VecDeque<u64>,
    /// The number of the next stream that waits.
    next: u64,
}

/// The pictures of a frame. When it is dropped they go back to the pool.
#[derive(Debug)]
pub struct Lent {
    pictures: Vec<InputPicture>,
    /// How many of the capacity they take: all, or none where they were lent beside it.
    counted: usize,
    pool: Arc<Pool>,
}

impl Pool {
    pub fn new(capacity: usize) -> Self {
        let shelf = Shelf {
            capacity,
            ..Shelf::default()
        };
        Self {
            shelf: Mutex::new(shelf),
            changed: Condvar::new(),
        }
    }

    /// From now on at least so many.
    pub fn grow(&self, capacity: usize) {
        let mut shelf = self.shelf();
        shelf.capacity = shelf.capacity.max(capacity);
        self.changed.notify_all();
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `count` pictures; for all there are where a frame needs more, and then there are more for a while.
    /// `None` where `gives_up` says so, which is asked again after a [`wake`](Self::wake).
    pub fn lend(self: &Arc<Self>, count: usize, gives_up: impl Fn() -> bool) -> Option<Lent> {
        let mut shelf = self.shelf();
        let place = shelf.next;
        shelf.next += 1;
        shelf.waiting.push_back(place);
        loop {
            if gives_up() {
                shelf.waiting.retain(|waiting| *waiting != place);
                self.changed.notify_all();
                return None;
            }
            if shelf.waiting.front() == Some(&place) && shelf.has(count) {
                shelf.waiting.pop_front();
                self.changed.notify_all();
                shelf.lent += count;
                return Some(self.take(&mut shelf, count, count));
            }
            shelf = self
                .changed
                .wait(shelf)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Who waits looks whether it still should.
    pub fn wake(&self) {
        // Whoever has just looked holds the lock until it waits.
        drop(self.shelf());
        self.changed.notify_all();
    }

    /// Pictures beside the others, for a stream that must not wait: one that had to find some free would never get any
    /// beside streams that wait, and those would have to wait for its next frame to give them back.
    pub fn lend_now(self: &Arc<Self>, count: usize) -> Lent {
        self.take(&mut self.shelf(), count, 0)
    }

    fn take(self: &Arc<Self>, shelf: &mut Shelf, count: usize, counted: usize) -> Lent {
        shelf.demand.note(count);
        let kept = shelf.pictures.len().saturating_sub(count);
        let mut pictures = shelf.pictures.split_off(kept);
        pictures.resize_with(count, InputPicture::default);
        Lent {
            pictures,
            counted,
            pool: self.clone(),
        }
    }
}

/// How many pictures one frame needs, of late.
#[derive(Debug, Default)]
struct Demand {
    /// The most among the present frames, and among those before.
    most: [usize; 2],
    /// How many the present frames are.
    frames: usize,
}

impl Demand {
    /// So many frames after the last one that needed much, what it needed is let go at the latest.
    const FRAMES: usize = 200;

    fn note(&mut self, count: usize) {
        if self.frames == Self::FRAMES / 2 {
            self.most = [0, self.most[0]];
            self.frames = 0;
        }
        self.frames += 1;
        self.most[0] = self.most[0].max(count);
    }

    fn most(&self) -> usize {
        self.most[0].max(self.most[1])
    }
}

impl Shelf {
    fn has(&self, count: usize) -> bool {
        self.lent == 0 || self.lent + count <= self.capacity
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let pool = &self.pool;
        let mut shelf = pool.shelf();
        let shelf = &mut *shelf;
        shelf.lent -= self.counted;
        shelf.pictures.append(&mut self.pictures);
        shelf
            .pictures
            .truncate(shelf.demand.most().max(shelf.capacity));
        pool.changed.notify_all();
    }
}

impl Deref for Lent {
    type Target = [InputPicture];

    fn deref(&self) -> &[InputPicture] {
        &self.pictures
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut [InputPicture] {
        &mut self.pictures
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn pictures_are_lent_in_the_order_of_asking() {
        let pool = Arc::new(Pool::new(2));
        let (first, second) = (pool.lend(1, || false), pool.lend(1, || false));
        let (sender, order) = mpsc::channel();
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let (own, sender) = (pool.clone(), sender.clone());
                let waiter = thread::spawn(move || {
                    let lent = own.lend(1, || false);
                    sender.send(number).unwrap();
                    drop(lent);
                });
                while pool.shelf().waiting.len() <= number {
                    thread::yield_now();
                }
                waiter
            })
            .collect();
        assert!(order.try_recv().is_err());
        drop(first);
        let served: Vec<usize> = order.iter().take(3).collect();
        assert_eq!(served, [0, 1, 2]);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        drop(second);
        assert_eq!(pool.shelf().lent, 0);
    }

    #[test]
    fn who_gives_up_holds_nobody() {
        let pool = Arc::new(Pool::new(1));
        let lent = pool.lend(1, || false);
        let gone = Arc::new(AtomicBool::new(false));
        let waiter = {
            let (pool, gone) = (pool.clone(), gone.clone());
            thread::spawn(move || pool.lend(1, || gone.load(Ordering::Relaxed)).is_none())
        };
        gone.store(true, Ordering::Relaxed);
        pool.wake();
        assert!(waiter.join().unwrap());
        drop(lent);
        assert!(pool.lend(1, || false).is_some());
    }

    #[test]
    fn who_must_not_wait_takes_nothing_from_the_others() {
        let pool = Arc::new(Pool::new(1));
        let beside = [pool.lend_now(1), pool.lend_now(1)];
        let lent = pool.lend(1, || false);
        assert!(lent.is_some());
        assert_eq!(pool.lend_now(2).len(), 2);
        drop((beside, lent));
        let shelf = pool.shelf();
        // Two for a frame that needs as many.
        assert_eq!((shelf.lent, shelf.pictures.len()), (0, 2));
    }

    #[test]
    fn a_pool_that_grows_lends_more() {
        let pool = Arc::new(Pool::new(1));
        let _lent = pool.lend(1, || false);
        pool.grow(2);
        assert!(pool.lend(1, || false).is_some());
    }

    #[test]
    fn a_frame_that_needs_more_gets_it_when_all_are_back() {
        let pool = Arc::new(Pool::new(2));
        let lent = pool.lend(5, || false).unwrap();
        assert_eq!(lent.len(), 5);
        assert!(pool.shelf().waiting.is_empty());
        drop(lent);
        // The next one finds them, as long as there are such frames.
        assert_eq!(pool.shelf().pictures.len(), 5);
        for _ in 0..Demand::FRAMES {
            pool.lend(1, || false);
        }
        assert_eq!(pool.shelf().pictures.len(), 2);
    }
}
