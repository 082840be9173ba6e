//! Pictures that cannot be used, in trainings.

use std::fs;

use image::hooks::{register_decoding_hook, register_format_detection_hook};

use crate::common::network::has_weights;
use crate::common::textures;
use igd::data::{Selection, TrainingSet};
use igd::model::{DenseConfig, Tiling};
use igd::nn::PATCH;
use igd::train::{Event, Options, Profile, dense, paper, train};

/// A training that takes a second.
fn paper() -> Profile {
    Profile::Paper(paper::Options {
        global: None,
        input: PATCH,
        width: 1,
        latent: 2,
        epochs: 1,
        patch_batch: 8,
        ..paper::Options::default()
    })
}

fn dense() -> Profile {
    let config = DenseConfig {
        tiling: Tiling::whole([64, 64]),
        dimensions: 16,
        ..DenseConfig::usual()
    };
    Profile::Dense(dense::Options { config, batch: 16 })
}

#[test]
fn one_whose_decoder_panics_is_named() {
    const SIGNATURE: &[u8] = b"IGD, panicking";
    register_format_detection_hook("panicking".into(), SIGNATURE, None);
    let registered = register_decoding_hook(
        "panicking".into(),
        Box::new(|_| panic!("as decoders do now and then")),
    );
    assert!(registered);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("good");
    textures::write(&data, 0..12, (64, 64));
    fs::write(data.join("005.png"), SIGNATURE).unwrap();
    let mut profiles = vec![paper()];
    if has_weights() {
        profiles.push(dense());
    }
    for profile in profiles {
        let set = TrainingSet::open(&data, &Selection::default()).unwrap();
        let mut options = Options {
            profile,
            ..Options::new(set, folder.path().join("m.safetensors"))
        };
        let mut said = Vec::new();
        let outcome = train(&options, |event| {
            if let Event::Skipped(error) = event {
                said.push(error.to_string());
            }
        });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.skipped, 1);
        let [error] = &said[..] else {
            panic!("{said:?}")
        };
        let expected = "005.png: not a picture: its decoder panicked";
        assert!(error.ends_with(expected), "{error}");
        options.strict = true;
        let error = train(&options, |_| ()).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}
