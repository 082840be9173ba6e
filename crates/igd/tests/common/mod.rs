//! Shared by the integration tests; each uses some of it.
#![allow(dead_code)]

pub mod alone;
pub mod browser;
pub mod formula;
pub mod golden;
pub mod memory;
pub mod network;
pub mod python;
pub mod textures;

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use igd::criterion::Field;
use igd::data::{Selection, TrainingSet};
use igd::model::{
    Calibration, DenseConfig, Model, ModelConfig, Networks, Provenance, Tensors, Tiling,
};
use igd::nn::{Builder, EncoderKind, GlobalConfig, LocalConfig, LocalEncoderKind, dense};
use igd::train::{self, Options, Profile};
use tch::{Device, Kind, Tensor};

/// The repository, whichever crate is tested: cargo says where, and where there is none, who compiled it.
pub fn repository() -> &'static Path {
    static CRATE: LazyLock<PathBuf> = LazyLock::new(|| {
        let told = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        told.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
    });
    let mut folders = CRATE.ancestors();
    let root = folders.find(|folder| folder.join("Cargo.lock").exists());
    root.expect("a folder with Cargo.lock above the crate")
}

/// A file of the library's `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    repository().join("crates/igd/tests/fixtures").join(name)
}

/// A model with a local network alone, of width 1 and drawn weights.
pub fn small_model() -> Model {
    local_model(1, 2)
}

/// The same of that width and latent.
pub fn local_model(width: i64, latent: i64) -> Model {
    let config = ModelConfig::paper(None, Some(local_config(width, latent)));
    model(config, HashMap::new())
}

fn local_config(width: i64, latent: i64) -> LocalConfig {
    LocalConfig {
        encoder: LocalEncoderKind::Tower,
        frozen_encoder: false,
        encoder_width: width,
        width,
        latent,
    }
}

/// A model with both networks, of width 1 and drawn weights.
pub fn model_of_both() -> Model {
    let config = ModelConfig::paper(Some(global_config()), Some(local_config(1, 2)));
    model(config, HashMap::new())
}

/// A model with a global network alone, of width 1 and drawn weights: the quickest one.
pub fn global_model() -> Model {
    let config = ModelConfig::paper(Some(global_config()), None);
    model(config, HashMap::new())
}

fn global_config() -> GlobalConfig {
    GlobalConfig {
        encoder: EncoderKind::Scratch,
        width: 1,
        latent: 2,
    }
}

/// The training of a small dense model: of a folder of pictures, which it sees with sides of so many pixels.
pub fn small_dense_training(data: &Path, out: &Path, side: usize, dimensions: usize) -> Options {
    let config = DenseConfig {
        tiling: Tiling::whole([side, side]),
        dimensions,
        ..DenseConfig::usual()
    };
    let profile = train::dense::Options {
        config,
        ..train::dense::Options::default()
    };
    let data = TrainingSet::open(data, &Selection::default()).unwrap();
    Options {
        profile: Profile::Dense(profile),
        ..Options::new(data, out.to_owned())
    }
}

/// A dense model of the usual size: see [`dense_model_of`].
pub fn dense_model() -> Model {
    dense_model_of(DenseConfig::usual())
}

/// A dense model with a drawn backbone, and descriptors by formula: no two places, and no two details, have the same.
pub fn dense_model_of(config: DenseConfig) -> Model {
    let field = |scope: &str, features: i64, places: usize, dimensions: i64| {
        let options = (Kind::Float, Device::Cpu);
        let places = places as i64;
        let wave = |shape: [i64; 2], height: f64| {
            let numbers = Tensor::arange(shape[0] * shape[1], options);
            numbers.sin().view(shape) * height
        };
        let identity = Field::triangles(&Tensor::eye(dimensions, options).unsqueeze(0));
        let whiteners = identity + wave([places, dimensions * (dimensions + 1) / 2], 0.02);
        let centres = wave([places, dimensions], 0.3);
        let projection = wave([dimensions, features], 1.0);
        [
            (format!("{scope}.projection"), projection),
            (format!("{scope}.c"), centres),
            (format!("{scope}.whiteners"), whiteners),
        ]
    };
    let dimensions = config.dimensions as i64;
    let places = field("dense", dense::FEATURES, config.places(), dimensions);
    let details = field(
        "dense.details",
        dense::DETAIL_FEATURES,
        config.details(),
        32,
    );
    let given = places.into_iter().chain(details).collect();
    model(ModelConfig::Dense(config), given)
}

/// With drawn weights where none are given.
fn model(config: ModelConfig, given: Tensors) -> Model {
    // One random state serves all threads of tests.
    static DRAWING: Mutex<()> = Mutex::new(());
    let _drawing = DRAWING.lock();
    tch::manual_seed(1);
    Model {
        networks: Networks::new(Builder::for_training(given, Device::Cpu), &config).unwrap(),
        config,
        calibration: Some(Calibration {
            threshold: 0.5,
            median: 0.25,
            false_positive_rate: 0.01,
            pixel_threshold: 0.75,
            pixel_median: 0.125,
            pictures: 3,
            method: Default::default(),
        }),
        provenance: Provenance::now(),
        history: Vec::new(),
    }
}
