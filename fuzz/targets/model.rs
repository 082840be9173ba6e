//! A model file of any bytes; one that opens judges a picture.
#![no_main]

use igd_fuzz::{Input, judge};
use libfuzzer_sys::fuzz_target;

thread_local!(static INPUT: Input = Input::new("model.safetensors"));

fuzz_target!(|bytes: &[u8]| INPUT.with(|input| judge(input.of(bytes))));
