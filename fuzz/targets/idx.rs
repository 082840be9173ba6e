//! MNIST's files of any bytes: of pictures, and of labels.
#![no_main]

use igd::data::packed::{Packed, idx_labels};
use igd_fuzz::Input;
use libfuzzer_sys::fuzz_target;

thread_local!(static INPUT: Input = Input::new("pictures"));

fuzz_target!(|bytes: &[u8]| {
    INPUT.with(|input| {
        let path = input.of(bytes);
        if let Ok(packed) = Packed::idx(path) {
            for index in [0, packed.len().saturating_sub(1)] {
                let picture = packed.picture(index);
                assert!(picture.is_ok() || packed.is_empty(), "{picture:?}");
            }
        }
        let _ = idx_labels(path);
    });
});
