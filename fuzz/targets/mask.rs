//! A picture of any bytes: as one to learn from or to judge, as the mask of an element, and as the mask of a test set.
#![no_main]

use igd::data::{GroundTruth, Picture};
use igd::model::{Mask, read_mask};
use igd_fuzz::Input;
use libfuzzer_sys::fuzz_target;

thread_local!(static INPUT: Input = Input::new("picture.png"));

fuzz_target!(|bytes: &[u8]| {
    INPUT.with(|input| {
        let path = input.of(bytes);
        if let Ok(mask) = read_mask(path) {
            let _ = Mask::new(&mask, (32, 32));
        }
        if let Ok(picture) = Picture::open(path) {
            let size = picture.size();
            let _ = picture.resized((32, 32));
            let _ = GroundTruth::open(path, size);
        }
    });
});
