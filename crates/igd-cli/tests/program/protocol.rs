//! `igd bench` over the classes of a small set.

use crate::common::network::has_weights;
use crate::program::command;
use std::fs;
use std::path::Path;
use std::process::Output;

use igd::data::packed::{IDX_FILES, write_idx_labels, write_idx_pictures};
use igd::model::Model;
use serde_json::Value;
use tch::Device;

const SIDE: usize = 28;

/// Bars that stand (class 0) or lie (class 1), each at another place and of another gray.
fn write_set(folder: &Path) {
    for ([pictures, labels], count) in IDX_FILES.into_iter().zip([60, 40]) {
        let mut bytes = Vec::new();
        let mut numbers = Vec::new();
        for index in 0..count {
            let class = (index % 2) as u8;
            let start = 4 + index * 7 % 17;
            let gray = (150 + index * 13 % 100) as u8;
            bytes.extend((0..SIDE * SIDE).map(|place| {
                let across = match class {
                    0 => place % SIDE,
                    _ => place / SIDE,
                };
                if (start..start + 5).contains(&across) {
                    gray
                } else {
                    0
                }
            }));
            numbers.push(class);
        }
        let size = (SIDE as u32, SIDE as u32);
        write_idx_pictures(&folder.join(pictures), size, &bytes).unwrap();
        write_idx_labels(&folder.join(labels), &numbers).unwrap();
    }
}

fn bench(data: &Path, out: &Path, arguments: &[&str]) -> Output {
    let mut command = command(&[]);
    command
        .args(["--json", "bench", "mnist", "--data"])
        .arg(data);
    command.arg("--out").arg(out).args(arguments);
    command.output().unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_class_is_normal_in_turn_and_nothing_is_done_twice() {
    bench_classes("1", "1", 0.0);
}

/// Standing bars against lying ones: anything that has learned can tell.
#[test]
#[ignore = "long"]
fn classes_are_told_apart() {
    bench_classes("14", "4", 0.8);
}

/// Trains so many epochs at a width, and expects areas above `least`.
fn bench_classes(epochs: &str, width: &str, least: f64) {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    write_set(&data);
    let arguments = [
        "--classes",
        "0,1",
        "--profile",
        "paper",
        "--seeds",
        "1,2",
        "--jobs",
        "2",
        "--",
        "--local-encoder",
        "scratch",
        "--epochs",
        epochs,
        "--width",
        width,
    ];
    let first = rows(&bench(&data, &out, &arguments));
    let classes: Vec<_> = first
        .iter()
        .map(|row| row["class"].as_str().unwrap())
        .collect();
    assert_eq!(classes, ["0", "1", "mean"]);
    for row in &first {
        let cell = &row["paper"];
        let area = cell["image_auroc"].as_f64().unwrap();
        assert!(area > least, "{row}");
        assert!(
            cell["spread"].is_number() && row["dense"].is_null(),
            "{row}"
        );
        assert!(cell["terms"]["local.reconstruction"].is_number(), "{row}");
    }
    let mean = |name: &str| {
        let value = |row: usize| first[row]["paper"][name].as_f64().unwrap();
        ((value(0) + value(1)) / 2.0 - value(2)).abs()
    };
    assert!(mean("image_auroc") < 1e-12);

    // One result is lost; the others are taken as they are, times included.
    fs::remove_file(out.join("1-paper-seed2.json")).unwrap();
    let kept = out.join("0-paper-seed1.json");
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    let second = rows(&bench(&data, &out, &arguments));
    // Seconds as they were, but for the last digit, which reading a file of JSON may cost.
    let seconds = |rows: &[Value]| rows[0]["paper"]["seconds"].as_f64().unwrap();
    assert!((seconds(&first) - seconds(&second)).abs() < 1e-9);
    let without_seconds = |rows: &[Value]| {
        let mut row = rows[0].clone();
        row["paper"]["seconds"].take();
        row
    };
    assert_eq!(without_seconds(&first), without_seconds(&second));
    assert_eq!(
        first[1]["paper"]["image_auroc"],
        second[1]["paper"]["image_auroc"]
    );
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);
}

#[test]
fn studies_hold_for_both_profiles() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    write_set(&data);
    let arguments = [
        "--classes",
        "0",
        "--sample-rate",
        "0.7",
        "--contamination",
        "0.1",
        "--",
        "--epochs",
        "1",
        "--width",
        "1",
    ];
    let rows = rows(&bench(&data, &out, &arguments));
    for profile in ["paper", "dense"] {
        assert!(rows[0][profile]["image_auroc"].is_number(), "{}", rows[0]);
        let model = out.join(format!("0-{profile}-seed1.safetensors"));
        let said = Model::open(&model, Device::Cpu).unwrap().provenance.data;
        for text in ["0.7 of them", "2 anomalous ones among them"] {
            assert!(said.contains(text), "{profile}: {said}");
        }
    }
}

#[test]
fn what_is_not_there_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    write_set(&data);
    for (arguments, text) in [
        (&["--classes", "eleven"][..], "there is no class eleven"),
        (&["--classes", "7"], "no pictures of class 7"),
        (&["--classes", "0", "--", "--colour", "red"], "--colour"),
    ] {
        let output = bench(&data, &out, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(text), "{errors}");
    }
}
