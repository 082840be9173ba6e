//! A small model with drawn weights.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use igd::model::{Calibration, Model, ModelConfig, Networks, Provenance, Storage};
use igd::nn::{Builder, EncoderKind, GlobalConfig};
use tch::{Device, Tensor};

/// Made on first use.
pub fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        tch::set_num_threads(1);
        tch::manual_seed(7);
        let global = GlobalConfig {
            encoder: EncoderKind::Scratch,
            width: 4,
            latent: 8,
        };
        let config = ModelConfig::paper(Some(global), None);
        let given = HashMap::from([("global.sigma".to_owned(), Tensor::from(40f32))]);
        let builder = Builder::for_training(given, Device::Cpu);
        let model = Model {
            networks: Networks::new(builder, &config).unwrap(),
            calibration: Some(Calibration {
                threshold: 0.9,
                median: 0.1,
                false_positive_rate: 0.01,
                pixel_threshold: 0.9,
                pixel_median: 0.1,
                pictures: 1,
                method: Default::default(),
            }),
            provenance: Provenance::default(),
            history: Vec::new(),
            config,
        };
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("served-http.safetensors");
        model.save(&path, Storage::F32).unwrap();
        path
    })
}
