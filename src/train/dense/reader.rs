//! Pictures decoded beside the work on the ones before.

use std::sync::mpsc::sync_channel;
use std::thread;

use crate::data::{PictureError, Sample};

/// Pictures that wait to be worked on.
const AHEAD: usize = 8;

/// Reads pictures in their order at `size` (width, height) and hands each one's planar R, G, B values of 0..=255, or why there are
/// none, to `work`, whose first error ends it.
pub fn for_each<E>(
    samples: &[Sample],
    size: (usize, usize),
    mut work: impl FnMut(usize, Result<Vec<f32>, PictureError>) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for sample in samples {
                let picture = sample.open().map(|picture| picture.resized(size));
                // Nobody listens any more after an error.
                if sender.send(picture).is_err() {
                    return;
                }
            }
        });
        for (index, picture) in receiver.into_iter().enumerate() {
            work(index, picture)?;
        }
        Ok(())
    })
}
