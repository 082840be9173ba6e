//! Models of one network that sees the whole of small pictures, as the paper has them for MNIST and CIFAR-10.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::common::formula;
use crate::common::golden::{Golden, assert_near};
use crate::element;
use crate::program::{command, finish, pictures, train_single};
use gst_video::{VideoFormat, VideoInfo};
use gstigd::meta::AnomalyMeta;
use igd::criterion::{MsSsim, ScoreWeights, reconstruction, residual_map};
use igd::data::Picture;
use igd::model::{
    Detector, Model, ModelConfig, Networks, PaperConfig, Precision, ProfileNetworks, Provenance,
    Storage, write_tensors,
};
use igd::nn::{Autoencoder, Builder, LocalConfig, LocalEncoderKind, Mode, Normalisation};
use tch::{Device, Tensor};

fn igd(arguments: &[&str]) -> Output {
    finish(&mut command(arguments))
}

fn config(width: i64) -> ModelConfig {
    ModelConfig::Paper(PaperConfig::of_small_pictures(Some(LocalConfig {
        encoder: LocalEncoderKind::Tower,
        frozen_encoder: false,
        encoder_width: width,
        width,
        latent: 8,
    })))
}

/// A picture as the detector takes it.
fn rgb() -> Vec<f32> {
    let values = formula::values("single", 3 * 32 * 32);
    values
        .into_iter()
        .map(|value| (128.0 + 50.0 * value as f32).round())
        .collect()
}

#[test]
fn scores_are_the_criterion_s() {
    let _guard = tch::no_grad_guard();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let config = config(4);
    tch::manual_seed(3);
    let builder = Builder::for_training(HashMap::new(), Device::Cpu);
    let networks = Networks::new(builder, &config).unwrap();
    let ProfileNetworks::Paper(paper) = &networks.profile else {
        panic!("the config is the paper's");
    };
    let scale = paper.local.as_ref().unwrap();
    let Normalisation { mean, std } = Normalisation::IMAGENET;
    let of_channels =
        |values: [f64; 3]| Tensor::from_slice(&values.map(|value| value as f32)).view([1, 3, 1, 1]);
    let picture = Tensor::from_slice(&rgb()).view([1, 3, 32, 32]);
    let picture = (picture / 255.0 - of_channels(mean)) / of_channels(std);

    let network = &scale.network;
    let z = network.latent(&network.features(&picture, Mode::Evaluate));
    // Near enough to the centre that the Gaussian term is neither 0 nor 1.
    let mut c = scale.descriptor.c.shallow_clone();
    c.copy_(&(&z + 0.25));
    let made = network.generate(&z, Mode::Evaluate);
    let criterion = MsSsim::local(4.7579, Device::Cpu);
    let similarity = criterion.compare(&picture, &made);
    let error = reconstruction(&picture, &made, &similarity.value, criterion.range());
    let gaussian = scale.descriptor.distance(&z);
    let ScoreWeights { local, .. } = ScoreWeights::SINGLE;
    let score = &error * f64::from(local.reconstruction) + &gaussian * f64::from(local.gaussian);
    let map = residual_map(&picture, &made, &similarity, &criterion);
    let term = gaussian.double_value(&[0]);
    assert!((0.01..0.99).contains(&term), "{term}");

    let model = Model {
        config,
        calibration: None,
        provenance: Provenance::now(),
        history: Vec::new(),
        networks,
    };
    model.save(&path, Storage::F32).unwrap();
    let mut detector = Detector::open(&path, Device::Cpu, Precision::F32).unwrap();
    assert_eq!(detector.input_size(), (32, 32));
    let measurement = detector.measure(&rgb()).unwrap();
    assert_near("score", &Tensor::from(measurement.score), &score, 1e-5);
    // As the pictures that networks are trained on have whole values.
    let between: Vec<f32> = rgb().into_iter().map(|value| value + 0.4).collect();
    assert_eq!(detector.measure(&between).unwrap().score, measurement.score);
    let terms = measurement.scales.local.unwrap();
    assert_near("Gaussian", &Tensor::from(terms.gaussian), &gaussian, 1e-5);
    assert_near("map", &Tensor::from_slice(&detector.raw_map()), &map, 1e-4);

    let properties = "overlay=none device=cpu precision=f32 attach-map=true";
    let (mut harness, _bus) = element::harness(&element::filter(&path, properties));
    let info = VideoInfo::builder(VideoFormat::Rgb, 32, 32)
        .build()
        .unwrap();
    harness.set_src_caps(info.to_caps().unwrap());
    let planes = rgb();
    let pixels =
        (0..32 * 32).flat_map(|pixel| [0, 1, 2].map(|plane| planes[plane * 1024 + pixel] as u8));
    let mut buffer = gst::Buffer::from_mut_slice(pixels.collect::<Vec<u8>>());
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    let buffer = harness.push_and_pull(buffer).unwrap();
    let result = AnomalyMeta::from_buffer(&buffer).unwrap().unwrap();
    assert_near(
        "the element's score",
        &Tensor::from(result.score),
        &score,
        1e-5,
    );
    let map = result.map.unwrap();
    assert_eq!((map.width, map.height), (32, 32));
}

/// Trained, and then used by every command that takes a model.
#[test]
fn every_command_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 32);
    let out = folder.path().join("m.safetensors");
    finish(&mut train_single(&data, &out, &["--epochs", "2"]));
    let model = out.to_str().unwrap();

    let info = String::from_utf8(igd(&["info", model]).stdout).unwrap();
    assert!(
        info.contains("input        32 x 32") && info.contains("trained of width 2"),
        "{info}"
    );

    let maps = folder.path().join("maps");
    let picture = data.join("03.png");
    let output = igd(&[
        "predict",
        "--model",
        model,
        "--map-dir",
        maps.to_str().unwrap(),
        picture.to_str().unwrap(),
    ]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let map: ndarray::Array2<f32> = ndarray_npy::read_npy(maps.join("03.npy")).unwrap();
    assert_eq!(map.dim(), (32, 32));
    let score = line["score"].as_f64().unwrap();
    let mut detector = Detector::open(&out, Device::Cpu, Precision::Auto).unwrap();
    let expected = detector
        .measure(&Picture::open(&picture).unwrap().resized((32, 32)))
        .unwrap();
    assert!((score - f64::from(expected.score)).abs() < 1e-6);

    let output = igd(&[
        "bench", "speed", "--json", "--frames", "1", "--size", "64x64", "--model", model,
    ]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let stages: Vec<_> = report["stages"].as_array().unwrap().iter().collect();
    assert!(
        stages
            .iter()
            .any(|line| line["stage"].as_str().unwrap().contains("local")),
        "{report}"
    );

    igd(&[
        "calibrate",
        "--model",
        model,
        "--data",
        data.to_str().unwrap(),
    ]);
}

/// Whatever else runs: here the same beside it.
#[test]
fn the_same_seed_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 32);
    let trainings = [("a", "1"), ("b", "1"), ("c", "2")].map(|(name, seed)| {
        let out = folder.path().join(format!("{name}.safetensors"));
        let mut command = train_single(&data, &out, &["--steps", "5", "--seed", seed]);
        command
            .envs([("SOURCE_DATE_EPOCH", "7"), ("OMP_NUM_THREADS", "2")])
            .env("OMP_WAIT_POLICY", "passive")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        (child, out)
    });
    let files = trainings.map(|(mut child, out)| {
        assert!(child.wait().unwrap().success());
        fs::read(out).unwrap()
    });
    assert!(
        files[0] == files[1],
        "the same training has made another file"
    );
    assert_ne!(files[0], files[2]);
}

#[test]
fn checkpoints_are_imported_for_small_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Golden::read("small");
    let mut tensors = golden.checkpoint("local");
    for entry in ["c", "sigma"] {
        let tensor = golden.get(&format!("local.{entry}"));
        tensors.insert(entry.to_owned(), tensor.shallow_clone());
    }
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let tensors: Vec<_> = tensors.into_iter().collect();
    write_tensors(&path("local.safetensors"), HashMap::new(), &tensors).unwrap();
    let [checkpoint, out] = [path("local.safetensors"), path("m.safetensors")];
    let [checkpoint, out] = [&checkpoint, &out].map(|path: &PathBuf| path.to_str().unwrap());
    igd(&["import", "--local", checkpoint, "--single", "--out", out]);
    let detector = Detector::open(Path::new(out), Device::Cpu, Precision::F32).unwrap();
    assert_eq!(detector.input_size(), (32, 32));
    let status = command(&[])
        .args([
            "import", "--local", checkpoint, "--global", checkpoint, "--single", "--out", out,
        ])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(fs::metadata(out).is_ok());
}
