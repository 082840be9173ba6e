//! A model file that is as it should be but for one text of its header. The first byte of the input says which, and of
//! which model.
#![no_main]

use std::sync::LazyLock;

use igd::model::{Model, Storage};
use igd_fuzz::models::{model_of_both, small_model};
use igd_fuzz::{Input, open_model};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const TEXTS: [&str; 3] = ["config", "calibration", "provenance"];

/// A file as its header and the numbers after it.
struct Parts {
    header: Value,
    numbers: Vec<u8>,
}

impl Parts {
    fn of(model: &Model) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let path = folder.path().join("model.safetensors");
        model.save(&path, Storage::F32).expect("room for a model");
        let bytes = std::fs::read(path).expect("a model");
        let (length, rest) = bytes.split_first_chunk().expect("a length");
        let (header, numbers) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self {
            header: serde_json::from_slice(header).expect("a header"),
            numbers: numbers.to_owned(),
        }
    }

    fn with(&self, name: &str, text: &str) -> Vec<u8> {
        let mut header = self.header.clone();
        header["__metadata__"][name] = text.into();
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&self.numbers);
        bytes
    }
}

static MODELS: LazyLock<[Parts; 2]> =
    LazyLock::new(|| [small_model(), model_of_both()].map(|model| Parts::of(&model)));
thread_local!(static INPUT: Input = Input::new("model.safetensors"));

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, text)) = bytes.split_first() else {
        return;
    };
    let name = TEXTS[usize::from(choice) % TEXTS.len()];
    let parts = &MODELS[usize::from(choice) / TEXTS.len() % MODELS.len()];
    let file = parts.with(name, &String::from_utf8_lossy(text));
    INPUT.with(|input| open_model(input, &file));
});
