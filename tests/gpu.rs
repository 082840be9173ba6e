//! The same numbers on a GPU. Where none is usable the test says so and passes.

mod common;

use common::golden::{Golden, assert_near};
use gstigd::libtorch::choose_device;
use gstigd::model::{Detector, Precision, Storage};
use tch::Tensor;

#[test]
fn detector_on_a_gpu() {
    let device = match choose_device("cuda") {
        Ok(choice) => choice.device,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for golden in Golden::both() {
        golden.model().save(&path, Storage::F32).unwrap();
        for precision in [
            Precision::Auto,
            Precision::F32,
            Precision::Bf16,
            Precision::F16,
        ] {
            let mut detector = Detector::open(&path, device, precision).unwrap();
            let judgement = detector.judge(&golden.rgb()).unwrap();
            let score = Tensor::from(judgement.score);
            let expected = golden.get("model.score");
            assert_near(&format!("{precision} score"), &score, expected, 5e-3);
            let map = Tensor::from_slice(detector.raw_map());
            let expected = golden.get("model.heatmap");
            assert_near(&format!("{precision} heatmap"), &map, expected, 5e-2);
        }
    }
}
