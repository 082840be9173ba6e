//! Pictures decoded on all cores, beside the work on the ones before.

use std::sync::mpsc::sync_channel;
use std::thread;

use crate::data::{PictureError, Sample};

/// Pictures that wait to be worked on.
const AHEAD: usize = 8;

/// How pictures become planar R, G, B values of 0..=255.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Width and height that all are brought to.
    pub size: (usize, usize),
    /// Of those of 16 bits so many are used.
    pub significant_bits: Option<u32>,
}

/// Reads pictures in their order and hands each one's values, or why there are none, to `work`, whose first error ends
/// it.
pub fn for_each<E>(
    samples: &[Sample],
    reading: Reading,
    mut work: impl FnMut(usize, Result<Vec<f32>, PictureError>) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        // Each thread has every so many-th picture and a channel of its own, which keeps the order.
        let read = |first: usize| {
            let (sender, receiver) = sync_channel(AHEAD.div_ceil(threads));
            scope.spawn(move || {
                for sample in samples.iter().skip(first).step_by(threads) {
                    let picture = sample
                        .open_as(reading.significant_bits)
                        .map(|picture| picture.resized(reading.size));
                    // Nobody listens any more after an error.
                    if sender.send(picture).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers: Vec<_> = (0..threads).map(read).collect();
        for index in 0..samples.len() {
            let picture = receivers[index % threads].recv();
            work(index, picture.expect("a decoder's panic is an error"))?;
        }
        Ok(())
    })
}
