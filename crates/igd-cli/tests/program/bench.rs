//! What `igd bench speed` reports.

use crate::common;
use std::process::Command;

use igd::model::Storage;

#[test]
fn stages_make_up_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    common::small_model().save(&model, Storage::F32).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_igd"))
        .args(["bench", "speed", "--json", "--frames", "3", "--model"])
        .arg(&model)
        .args(["--device", "cpu", "--precision", "f32"])
        .args(["--size", "320x240", "--format", "bgrx"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["format"], "BGRx");
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<&str> = stages
        .iter()
        .map(|line| line["stage"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "convert",
            "prepare",
            "local encoder",
            "local decoder",
            "criterion",
            "map",
            "regions",
            "overlay"
        ]
    );
    let shares: f64 = stages
        .iter()
        .map(|line| line["share"].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    assert!(report["pictures_per_second"].as_f64().unwrap() > 0.0);
}
