//! The same numbers on a GPU: `cargo test --test library gpu:: -- --ignored`.

use crate::common::dense_model;
use crate::common::golden::{Golden, assert_near};
use igd::libtorch::choose_device;
use igd::model::{Detector, Precision, Storage};
use tch::{Device, Tensor};

const PRECISIONS: [Precision; 4] = [
    Precision::Auto,
    Precision::F32,
    Precision::Bf16,
    Precision::F16,
];

fn gpu() -> Device {
    choose_device("cuda").expect("a GPU").device
}

#[test]
#[ignore = "needs a GPU"]
fn detector_on_a_gpu() {
    let device = gpu();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for golden in Golden::both() {
        golden.model().save(&path, Storage::F32).unwrap();
        for precision in PRECISIONS {
            let mut detector = Detector::open(&path, device, precision).unwrap();
            let measurement = detector.measure(&golden.rgb()).unwrap();
            let score = Tensor::from(measurement.score);
            let expected = golden.get("model.score");
            assert_near(&format!("{precision} score"), &score, expected, 5e-3);
            let map = Tensor::from_slice(&detector.raw_map());
            let expected = golden.get("model.heatmap");
            assert_near(&format!("{precision} heatmap"), &map, expected, 5e-2);
        }
    }
}

#[test]
#[ignore = "needs a GPU"]
fn dense_detector_on_a_gpu() {
    let device = gpu();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    dense_model().save(&path, Storage::F16).unwrap();
    let rgb = Golden::read("small").rgb();
    let mut on_cpu = Detector::open(&path, Device::Cpu, Precision::F32).unwrap();
    let expected = Tensor::from(on_cpu.measure(&rgb).unwrap().score);
    for precision in PRECISIONS {
        let mut detector = Detector::open(&path, device, precision).unwrap();
        let score = Tensor::from(detector.measure(&rgb).unwrap().score);
        assert_near(&format!("{precision} score"), &score, &expected, 5e-2);
    }
}
