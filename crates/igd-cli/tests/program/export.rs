//! `igd export`: what is written judges as the model does, in ONNX Runtime.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use igd::data::{Selection, normal_pictures};
use igd::model::{
    DenseConfig, Detector, FALSE_POSITIVE_RATE, Model, Precision, Storage, Tensors, Tiling,
    calibrate, tensors_of,
};
use igd::train::measure;
use image::{GrayImage, Luma};
use serde_json::Value;
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

use crate::common::{dense_model_of, global_model, python, textures};
use crate::program::{command, failure, finish};

const RUNTIME: [&str; 2] = ["onnxruntime==1.32.0", "numpy"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Of 16 directions.
fn model_of(tiling: Tiling, shared: bool) -> Model {
    dense_model_of(DenseConfig {
        tiling,
        shared,
        dimensions: 16,
        align: None,
    })
}

/// The model with other tensors.
fn changed(model: Model, change: impl FnOnce(&mut Tensors)) -> Model {
    let mut tensors: Tensors = tensors_of(&model.networks.weights).into_iter().collect();
    change(&mut tensors);
    Model {
        calibration: model.calibration,
        ..Model::of_tensors(&model.config, &tensors, Device::Cpu).unwrap()
    }
}

fn with_head(tensors: &mut Tensors) {
    let direction = Tensor::arange(16, (Kind::Float, Device::Cpu)) * 0.03 - 0.2;
    tensors.insert("dense.head.direction".to_owned(), direction);
    tensors.insert("dense.head.offset".to_owned(), Tensor::from(0.1_f32));
}

fn without_details(tensors: &mut Tensors) {
    tensors.retain(|name, _| !name.starts_with("dense.details"));
}

/// Of each kind there is: one tile and several, of their own descriptors and of shared ones.
fn kinds() -> [Model; 3] {
    [
        changed(model_of(Tiling::whole([96, 64]), false), without_details),
        changed(model_of(Tiling::new([64, 64], [2, 1]), false), with_head),
        model_of(Tiling::new([64, 64], [2, 2]), true),
    ]
}

fn save(folder: &Path, name: &str, model: &Model) -> PathBuf {
    let path = folder.join(name);
    model.save(&path, Storage::F16).unwrap();
    path
}

/// As `igd calibrate` does.
fn set_threshold(path: &Path, good: &Path) {
    let mut detector = Detector::open(path, Device::Cpu, Precision::F32).unwrap();
    let good = normal_pictures(good, &Selection::default()).unwrap();
    let measured = measure(&mut detector, &good, |_| Ok(())).unwrap();
    let mut model = Model::open(path, Device::Cpu).unwrap();
    model.calibration = calibrate(&measured, FALSE_POSITIVE_RATE);
    model.save(path, Storage::F16).unwrap();
}

/// Three good pictures, and one that is not.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    textures::write(&pictures.join("good"), 0..3, (96, 64));
    let odd = GrayImage::from_fn(96, 64, |x, _| Luma([if x < 48 { 20 } else { 220 }]));
    odd.save(pictures.join("odd.png")).unwrap();
    (folder, pictures)
}

/// `igd export --onnx`
fn export(model: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = command(&["export", "--onnx", "--json", "--model", text(model)]);
    command.args(["--out", text(out)]).args(more);
    command
}

#[test]
fn what_is_no_graph_is_refused() {
    let (folder, pictures) = folder();
    let folder = folder.path();
    let out = folder.join("part.onnx");
    let dense = model_of(Tiling::whole([64, 64]), false);
    let uncalibrated = Model {
        calibration: None,
        ..changed(dense, |_| ())
    };
    let refused = |model: &Path, out: &Path, more: &[&str], words: &[&str]| {
        let said = failure(export(model, out, more).output().unwrap());
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    let paper = save(folder, "paper.safetensors", &global_model());
    refused(
        &paper,
        &out,
        &[],
        &["paper.safetensors", "only models of profile dense"],
    );
    let path = save(folder, "none.safetensors", &uncalibrated);
    refused(
        &path,
        &out,
        &[],
        &["none.safetensors", "no threshold", "igd calibrate"],
    );
    assert!(!out.exists());

    let dense = model_of(Tiling::whole([64, 64]), false);
    let dense = save(folder, "dense.safetensors", &dense);
    refused(&dense, &dense, &[], &["would overwrite the model"]);
    refused(&dense, &pictures, &[], &["pictures", "it is a folder"]);
    let verify = ["--verify", text(&pictures)];
    let output = export(&dense, &out, &verify).env("PATH", folder).output();
    let said = failure(output.unwrap());
    assert!(
        said.contains("cannot run python3") && said.contains("pip install onnxruntime"),
        "{said}"
    );
    let output = export(&dense, &out, &["--existing"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// A python3 that finds no ONNX Runtime, whatever else is installed.
#[test]
fn a_python_without_the_runtime_is_told_what_to_install() {
    let (folder, pictures) = folder();
    let dense = model_of(Tiling::whole([64, 64]), false);
    let dense = save(folder.path(), "dense.safetensors", &dense);
    let shadow = folder.path().join("onnxruntime.py");
    fs::write(&shadow, "raise ImportError('none here')\n").unwrap();
    let out = folder.path().join("part.onnx");
    let mut export = export(&dense, &out, &["--verify", text(&pictures)]);
    let said = failure(export.env("PYTHONPATH", folder.path()).output().unwrap());
    assert!(
        said.contains("has no ONNX Runtime: python3 -m pip install onnxruntime"),
        "{said}"
    );
}

#[test]
fn graphs_judge_as_their_models() {
    let Some(package) = python::packages_alone(&RUNTIME) else {
        return;
    };
    let (folder, pictures) = folder();
    let path = |name: &str| folder.path().join(name);
    let verify = ["--verify", text(&pictures)];
    let mut files = Vec::new();
    for (number, model) in kinds().iter().enumerate() {
        let model = save(folder.path(), &format!("{number}.safetensors"), model);
        set_threshold(&model, &pictures.join("good"));
        let out = path(&format!("{number}.onnx"));
        let output = finish(export(&model, &out, &verify).env("PYTHONPATH", &package));
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["verified"]["pictures"], 4, "{line}");
        assert_eq!(line["verified"]["runtime"], "ONNX Runtime 1.32.0");
        files.push((model, out));
    }
    let (_, with_all) = &files[1];
    let script = include_str!("export.py");
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(with_all);
    finish(python.env("PYTHONPATH", &package));

    // A number that is another one, and a file that ends too early.
    let (model, out) = &files[0];
    let whole = fs::read(out).unwrap();
    let judged = |bytes: &[u8]| {
        let out = path("other.onnx");
        fs::write(&out, bytes).unwrap();
        let mut verify = export(model, &out, &[&verify[..], &["--existing"]].concat());
        let said = failure(verify.env("PYTHONPATH", &package).output().unwrap());
        assert!(fs::read(&out).unwrap() == bytes);
        said
    };
    let mut tampered = whole.clone();
    // Behind the number's name there are the tag and the length of its bytes.
    let name = b"places.scale\x4a\x04";
    let at = whole.windows(name.len()).position(|part| part == name);
    let number = at.unwrap() + name.len();
    tampered[number..number + 4].copy_from_slice(&0.2501_f32.to_le_bytes());
    let said = judged(&tampered);
    assert!(said.contains("other.onnx: it judges otherwise"), "{said}");
    let said = judged(&whole[..whole.len() / 2]);
    assert!(said.contains("ONNX Runtime does not run it"), "{said}");
}
