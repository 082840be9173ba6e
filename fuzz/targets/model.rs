//! A model file of any bytes.
#![no_main]

use igd_fuzz::{Input, open_model};
use libfuzzer_sys::fuzz_target;

thread_local!(static INPUT: Input = Input::new("model.safetensors"));

fuzz_target!(|bytes: &[u8]| INPUT.with(|input| open_model(input, bytes)));
