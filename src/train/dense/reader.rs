//! Pictures decoded beside the work on the ones before.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::data::{Picture, PictureError};

/// Pictures that wait to be worked on.
const AHEAD: usize = 8;

/// Reads the files in their order at `size` (width, height) and hands each one's planar R, G, B values of 0..=255 to `work`. Stops
/// at the first error of either.
pub fn for_each<E: From<PictureError>>(
    paths: &[PathBuf],
    size: (usize, usize),
    mut work: impl FnMut(usize, Vec<f32>) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for path in paths {
                let picture = Picture::open(path).map(|picture| picture.resized(size));
                // Nobody listens any more after an error.
                if sender.send(picture).is_err() {
                    return;
                }
            }
        });
        for (index, picture) in receiver.into_iter().enumerate() {
            work(index, picture?)?;
        }
        Ok(())
    })
}
