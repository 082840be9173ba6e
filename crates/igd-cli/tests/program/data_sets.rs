//! `igd train` and `igd eval` on data sets of small pictures, and on sets with pictures that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::network::has_weights;
use crate::program::{igd, some_pictures};
use igd::data::packed::{write_idx_labels, write_idx_pictures};
use image::{Rgb, RgbImage};
use serde_json::Value;

/// What it says with `--json`.
#[track_caller]
fn good(output: Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The same of work that is done but for some pictures.
#[track_caller]
fn good_but_for_some(output: Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("igd: left out"), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The last line of a failure.
#[track_caller]
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().last().unwrap().to_owned()
}

/// The shortest training there is.
fn train(data: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["train", "--json", "--profile", "paper"];
    arguments.extend([
        "--scales",
        "single",
        "--local-encoder",
        "scratch",
        "--epochs",
        "1",
    ]);
    arguments.extend(["--width", "1", "--latent", "4", "--patch-batch", "8"]);
    arguments.extend(["--data", text(data), "--out", text(out)]);
    arguments.extend(more);
    igd(&arguments)
}

fn eval(model: &Path, data: &Path, more: &[&str]) -> Output {
    let mut arguments = vec![
        "eval",
        "--json",
        "--model",
        text(model),
        "--data",
        text(data),
    ];
    arguments.extend(more);
    igd(&arguments)
}

fn info(model: &Path) -> String {
    let output = igd(&["info", "--json", text(model)]);
    good(output).to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Ten classes, `each` pictures of each in turn.
fn labels(each: usize) -> Vec<u8> {
    (0..10 * each).map(|number| (number % 10) as u8).collect()
}

/// Training and testing pictures of 28x28 as MNIST has them.
fn idx(folder: &Path) {
    let mut rng = fastrand::Rng::with_seed(1);
    for (part, each) in [("train", 20), ("t10k", 3)] {
        let labels = labels(each);
        let light = |label: u8| 20 * label;
        let mut pictures = Vec::new();
        for &label in &labels {
            pictures.extend((0..28 * 28).map(|_| light(label) + rng.u8(..50)));
        }
        write_idx_pictures(
            &folder.join(format!("{part}-images-idx3-ubyte")),
            (28, 28),
            &pictures,
        )
        .unwrap();
        write_idx_labels(&folder.join(format!("{part}-labels-idx1-ubyte")), &labels).unwrap();
    }
}

/// The files of CIFAR-10's binary version.
fn cifar(folder: &Path) {
    let mut rng = fastrand::Rng::with_seed(1);
    let names = (1..=5).map(|number| format!("data_batch_{number}.bin"));
    for name in names.chain(["test_batch.bin".to_owned()]) {
        let mut bytes = Vec::new();
        for label in labels(4) {
            bytes.push(label);
            bytes.extend((0..3 * 32 * 32).map(|_| 20 * label + rng.u8(..50)));
        }
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// One class of ten is normal: how many pictures of it there are to train with, and of all to test with.
fn one_class(write: fn(&Path), training: u64, each_for_test: u64) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    write(&data);
    let model = folder.path().join("model.safetensors");
    let line = good(train(&data, &model, &["--class", "3"]));
    let calibration = line["calibration"]["pictures"].as_u64().unwrap();
    assert_eq!(line["pictures"].as_u64().unwrap() + calibration, training);
    assert_eq!(line["skipped"], 0);
    assert!(info(&model).contains("class 3"));

    let line = good(eval(&model, &data, &["--class", "3"]));
    assert_eq!(line["skipped"], 0);
    let kinds = line["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), 10);
    assert!(
        kinds.values().all(|kind| kind["pictures"] == each_for_test),
        "{line}"
    );
    assert!(line["image_auroc"].is_f64());

    for output in [train(&data, &model, &[]), eval(&model, &data, &[])] {
        let said = failure(&output);
        assert!(said.contains("--class"), "{said}");
    }
    let said = failure(&train(&data, &model, &["--class", "10"]));
    assert!(said.contains("no pictures of class 10"), "{said}");
}

#[test]
fn one_class_of_idx_files() {
    one_class(idx, 20, 3);
}

#[test]
fn one_class_of_cifar_10() {
    one_class(cifar, 20, 4);
}

#[test]
fn shares_of_pictures_and_of_anomalous_ones() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    idx(&data);
    let model = folder.path().join("model.safetensors");
    let pictures = |more: &[&str]| {
        let fixed = ["--class", "3", "--hold-out", "0"];
        let line = good(train(&data, &model, &[&fixed, more].concat()));
        line["pictures"].as_u64().unwrap()
    };
    assert_eq!(pictures(&[]), 20);
    assert_eq!(pictures(&["--sample-rate", "0.6"]), 12);
    let said = info(&model);
    assert!(said.contains("0.6 of them drawn with seed 1"), "{said}");
    // A fifth of 25 is anomalous.
    assert_eq!(pictures(&["--contamination", "0.2"]), 25);
    let said = info(&model);
    assert!(said.contains("5 anomalous ones among them"), "{said}");
    assert_eq!(
        pictures(&["--sample-rate", "0.6", "--contamination", "0.25"]),
        16
    );
}

/// A set of pictures in the layout of MVTec AD, 12 to train with.
fn folders(root: &Path) {
    let mut rng = fastrand::Rng::with_seed(1);
    for (folder, count) in [("train/good", 12), ("test/good", 3), ("test/dark", 3)] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            RgbImage::from_fn(32, 32, |_, _| Rgb([(); 3].map(|()| rng.u8(..))))
                .save(folder.join(format!("{number:02}.jpg")))
                .unwrap();
        }
    }
}

/// Leaves half of a file.
fn cut(path: &Path) -> PathBuf {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    path.to_owned()
}

#[test]
fn pictures_that_cannot_be_used_are_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    folders(&data);
    let model = folder.path().join("model.safetensors");
    // One to train with, and one that is held out.
    let bad = [
        cut(&data.join("train/good/01.jpg")),
        cut(&data.join("train/good/03.jpg")),
    ];
    fs::write(data.join("train/good/99.png"), "no picture").unwrap();
    let output = train(&data, &model, &["--hold-out", "0.25"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for bad in bad.iter().map(|path| text(path)).chain(["99.png"]) {
        let lines = said
            .lines()
            .filter(|line| line.contains(bad) && line.contains("left out"));
        assert_eq!(lines.count(), 1, "{bad}: {said}");
    }
    let line = good_but_for_some(output);
    assert_eq!(line["skipped"], 3);
    let calibration = line["calibration"]["pictures"].as_u64().unwrap();
    assert_eq!(line["pictures"].as_u64().unwrap() + calibration, 10);
    let strict = failure(&train(&data, &model, &["--strict"]));
    assert!(strict.contains(text(&bad[0])), "{strict}");

    let bad = cut(&data.join("test/dark/01.jpg"));
    let output = eval(&model, &data, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(text(&bad)), "{said}");
    let line = good_but_for_some(output);
    assert_eq!(line["skipped"], 1);
    assert_eq!(line["kinds"]["dark"]["pictures"], 2);
    assert_eq!(line["kinds"]["good"]["pictures"], 3);
    let strict = failure(&eval(&model, &data, &["--strict"]));
    assert!(strict.contains(text(&bad)), "{strict}");
}

/// So many pictures, and so many files that are none, evenly among them.
fn some_broken(folder: &Path, good: usize, broken: usize) -> PathBuf {
    let data = some_pictures(folder, good, 32);
    for number in 0..broken {
        let place = number * good / broken;
        fs::write(data.join(format!("{place:02}-{number}.png")), "no picture").unwrap();
    }
    data
}

#[test]
fn no_model_is_made_of_a_set_that_mostly_cannot_be_used() {
    let profiles = [&[][..], &["--profile", "dense", "--input", "64"][..]];
    for (good, broken, said) in [
        (12, 13, "13 of 25 pictures cannot be used"),
        // More than half are left, and too few.
        (7, 5, "at least 8 are needed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = some_broken(folder.path(), good, broken);
        let out = folder.path().join("m.safetensors");
        for profile in &profiles[..if has_weights() { 2 } else { 1 }] {
            let output = match profile {
                [] => train(&data, &out, &["--hold-out", "0"]),
                profile => {
                    let fixed = ["train", "--data", text(&data), "--out", text(&out)];
                    igd(&[&fixed, *profile, &["--hold-out", "0"]].concat())
                }
            };
            let last = failure(&output);
            assert!(last.contains(said) && last.contains(text(&data)), "{last}");
            assert!(!out.exists());
        }
    }
    // So many that it is told: the model is made, and is no good one.
    let folder = tempfile::tempdir().unwrap();
    let data = some_broken(folder.path(), 12, 4);
    let output = train(&data, &folder.path().join("m.safetensors"), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("left out 4 pictures that cannot be used, of 16: the model may not know"),
        "{said}"
    );
    good_but_for_some(output);
}

/// Windows of one picture, say: here each picture is there twice.
#[test]
fn a_threshold_of_doubles_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let data = some_pictures(folder.path(), 12, 32);
    let out = folder.path().join("m.safetensors");
    let warning = "the threshold is too low for new parts";
    let output = train(&data, &out, &["--hold-out", "0.25"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(warning));
    assert!(good(output)["doubles"].is_null());
    for number in 0..12 {
        let [picture, double] = ["", "-copy"].map(|end| data.join(format!("{number:02}{end}.png")));
        fs::copy(picture, double).unwrap();
    }
    let output = train(&data, &out, &["--hold-out", "0.25"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(warning) && said.contains("igd calibrate"),
        "{said}"
    );
    let line = good(output);
    assert_eq!(line["doubles"]["looked_at"], 6);
    assert!(line["doubles"]["doubles"].as_u64().unwrap() >= 3, "{line}");
}

#[test]
fn synthetic_defects_for_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let (data, made) = (folder.path().join("data"), folder.path().join("made"));
    folders(&data);
    let draw = |more: &[&str]| {
        let fixed = [
            "data",
            "synthetic",
            "--json",
            "--from",
            text(&data),
            "--out",
            text(&made),
        ];
        igd(&[&fixed, more].concat())
    };
    let line = good(draw(&["--kinds", "scratch,cut-paste", "--count", "4"]));
    assert_eq!(line["counts"]["source"], "testing");
    assert_eq!(line["counts"]["good"], 3);
    assert_eq!(line["counts"]["defective"], 8);
    assert!(failure(&draw(&[])).contains("delete it"));
    assert_eq!(draw(&["--kinds", "dent"]).status.code(), Some(2));

    let model = folder.path().join("model.safetensors");
    good(train(&data, &model, &[]));
    let line = good(eval(&model, &made, &[]));
    assert_eq!(line["kinds"]["cut-paste"]["pictures"], 4);
    assert_eq!(line["kinds"]["good"]["pictures"], 3);
}
