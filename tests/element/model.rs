//! Small models with drawn weights, calibrated so that one of two patterns is normal and the other is not.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use igd::model::{
    Calibration, Detector, Measurement, Model, ModelConfig, Networks, Precision, Provenance,
    Storage,
};
use igd::nn::{Builder, EncoderKind, GlobalConfig, LocalConfig, LocalEncoderKind};
use tch::{Device, Tensor};

use super::frame::Pattern;

pub struct Models {
    /// A global and a local network.
    pub both: PathBuf,
    pub global_only: PathBuf,
    /// Its numbers overflow on any picture.
    pub overflowing: PathBuf,
}

/// The models, made on first use.
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    super::init();
    MODELS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Writing is atomic and the content always the same, so that test programs may run beside each other.
        let models = Models {
            both: folder.join("element-both.safetensors"),
            global_only: folder.join("element-global.safetensors"),
            overflowing: folder.join("element-overflowing.safetensors"),
        };
        save(draw(true, 40.0), &models.both);
        save(draw(false, 40.0), &models.global_only);
        let mut overflowing = draw(false, 40.0);
        let weight = overflowing.networks.weights.get_mut("global.ln11.weight");
        let _guard = tch::no_grad_guard();
        let _ = weight.unwrap().tensor.fill_(3e38);
        overflowing.save(&models.overflowing, Storage::F32).unwrap();
        models
    })
}

fn draw(with_local: bool, sigma: f32) -> Model {
    tch::manual_seed(7);
    let config = ModelConfig::paper(
        Some(GlobalConfig {
            encoder: EncoderKind::Scratch,
            width: 4,
            latent: 8,
        }),
        with_local.then_some(LocalConfig {
            encoder: LocalEncoderKind::Tower,
            frozen_encoder: false,
            encoder_width: 4,
            width: 4,
            latent: 8,
        }),
    );
    let mut given = HashMap::from([("global.sigma".to_owned(), Tensor::from(sigma))]);
    if with_local {
        given.insert("local.sigma".to_owned(), Tensor::from(sigma));
    }
    let builder = Builder::for_training(given, Device::Cpu);
    Model {
        networks: Networks::new(builder, &config).unwrap(),
        calibration: None,
        provenance: Provenance::default(),
        history: Vec::new(),
        config,
    }
}

/// Calibrates a model between the two patterns and writes it.
fn save(model: Model, path: &Path) {
    // Others never see the model without its threshold.
    let name = path.file_name().unwrap().to_string_lossy();
    let drawn = path.with_file_name(format!("drawn-{name}"));
    model.save(&drawn, Storage::F32).unwrap();
    let mut detector = Detector::open(&drawn, Device::Cpu, Precision::Auto).unwrap();
    let [normal, odd] = [Pattern::Normal, Pattern::Odd]
        .map(|pattern| detector.measure(&pattern.planar(256)).unwrap());
    let highest =
        |measurement: &Measurement| measurement.map_sample.iter().copied().fold(0.0, f32::max);
    let mut sample = normal.map_sample.clone();
    sample.sort_by(f32::total_cmp);
    let calibration = Calibration {
        threshold: (normal.score + odd.score) / 2.0,
        median: normal.score,
        false_positive_rate: 0.01,
        // Closer to the normal one: small frames blur the odd one's map.
        pixel_threshold: 0.8 * highest(&normal) + 0.2 * highest(&odd),
        pixel_median: sample[sample.len() / 2],
        pictures: 1,
        method: Default::default(),
    };
    let mut model = Model::open(&drawn, Device::Cpu).unwrap();
    model.calibration = Some(calibration);
    model.save(path, Storage::F32).unwrap();
}
