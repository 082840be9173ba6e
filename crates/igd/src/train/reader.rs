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

/// A picture as it was read.
pub struct Read {
    pub rgb: Vec<f32>,
    /// How much wider than high its pixels are now.
    pub stretch: f32,
}

impl Reading {
    /// Reads a picture.
    pub fn read(&self, sample: &Sample) -> Result<Read, PictureError> {
        let picture = sample.open_as(self.significant_bits)?;
        Ok(Read {
            rgb: picture.resized(self.size),
            stretch: stretch(picture.size(), self.size),
        })
    }
}

/// How much wider than high pixels are of a picture (width, height) that is brought to a size.
fn stretch((width, height): (u32, u32), size: (usize, usize)) -> f32 {
    (width as f32 / size.0 as f32) / (height as f32 / size.1 as f32)
}

/// Reads pictures in their order and hands each one, or why there is none, to `work`, whose first error ends it.
pub fn for_each<E>(
    samples: &[Sample],
    reading: Reading,
    mut work: impl FnMut(usize, Result<Read, PictureError>) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        // Each thread has every so many-th picture and a channel of its own, which keeps the order.
        let read = |first: usize| {
            let (sender, receiver) = sync_channel(AHEAD.div_ceil(threads));
            scope.spawn(move || {
                for sample in samples.iter().skip(first).step_by(threads) {
                    // Nobody listens any more after an error.
                    if sender.send(reading.read(sample)).is_err() {
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
