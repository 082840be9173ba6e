//! A checkpoint of PyTorch of any bytes: the archive or the older sequence of pickles.
#![no_main]

use igd::model::import;
use igd_fuzz::Input;
use libfuzzer_sys::fuzz_target;

thread_local!(static INPUT: Input = Input::new("checkpoint.pth"));

fuzz_target!(|bytes: &[u8]| {
    INPUT.with(|input| {
        let _ = import(None, Some(input.of(bytes)));
    });
});
