//! Shared by the integration tests; each uses some of it.
#![allow(dead_code)]

pub mod formula;
pub mod golden;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use gstigd::model::{Calibration, Model, ModelConfig, Networks, Provenance};
use gstigd::nn::{Builder, LocalConfig};
use tch::Device;

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A model with a local network alone, of width 1 and drawn weights.
pub fn small_model() -> Model {
    local_model(1, 2)
}

/// The same of that width and latent.
pub fn local_model(width: i64, latent: i64) -> Model {
    // One random state serves all threads of tests.
    static DRAWING: Mutex<()> = Mutex::new(());
    let _drawing = DRAWING.lock();
    tch::manual_seed(1);
    let config = ModelConfig::paper(
        None,
        Some(LocalConfig {
            frozen_encoder: false,
            encoder_width: width,
            width,
            latent,
        }),
    );
    let builder = Builder::for_training(HashMap::new(), Device::Cpu);
    Model {
        networks: Networks::new(builder, &config).unwrap(),
        config,
        calibration: Some(Calibration {
            threshold: 0.5,
            median: 0.25,
            false_positive_rate: 0.01,
            pixel_threshold: 0.75,
            pixel_median: 0.125,
            pictures: 3,
        }),
        provenance: Provenance::now(),
    }
}
