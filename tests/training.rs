//! `igd train` as a program: killed and resumed, and its bad input.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::formula;
use gstigd::model::{Model, tensors_of};
use image::GrayImage;
use tch::Device;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder of 16 pictures: stripes with noise.
fn pictures(folder: &Path) -> PathBuf {
    let data = folder.join("good");
    fs::create_dir(&data).unwrap();
    for number in 0..16 {
        let noise = formula::values(&format!("picture {number}"), 64 * 64);
        let picture = GrayImage::from_fn(64, 64, |x, y| {
            let stripe = if (x / 8) % 2 == 0 { 60.0 } else { 160.0 };
            image::Luma([(stripe + 40.0 * noise[(64 * y + x) as usize]) as u8])
        });
        picture.save(data.join(format!("{number:02}.png"))).unwrap();
    }
    data
}

/// A short training of both networks, small ones.
fn train(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_igd"));
    command
        .args([
            "train",
            "--encoder",
            "scratch",
            "--width",
            "1",
            "--latent",
            "4",
        ])
        .args(["--epochs", "3", "--batch", "4", "--patch-batch", "256"])
        .args(["--learning-rate", "1e-3", "--hold-out", "0.25", "--json"])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(more)
        .stdin(Stdio::null());
    command
}

fn finish(command: &mut Command) -> serde_json::Value {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn failure(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().last().unwrap().to_owned()
}

/// Kills the training as soon as `path` is there.
fn kill_when_there(mut child: Child, path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "no {}", path.display());
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was killed"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_training_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let whole = folder.path().join("whole.safetensors");
    let line = finish(&mut train(&data, &whole, &[]));
    assert_eq!(line["pictures"], 12);
    assert_eq!(line["calibration"]["pictures"], 4);

    // Killed in the middle of each network.
    let parts = folder.path().join("parts.safetensors");
    for scale in ["global", "local"] {
        let checkpoint = folder
            .path()
            .join(format!("parts.safetensors.{scale}-checkpoint"));
        let child = train(&data, &parts, &["--resume", "--checkpoint-seconds", "0"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        kill_when_there(child, &checkpoint);
        assert!(!parts.exists());
    }
    finish(&mut train(&data, &parts, &["--resume"]));

    let [whole, parts] = [whole, parts].map(|path| Model::open(&path, Device::Cpu).unwrap());
    assert_eq!(whole.provenance.epochs, parts.provenance.epochs);
    let tensors = |model: &Model| tensors_of(&model.networks.weights);
    for ((name, whole), (_, parts)) in tensors(&whole).iter().zip(&tensors(&parts)) {
        let difference = (whole - parts).abs().max().double_value(&[]);
        let largest = whole.abs().max().double_value(&[]);
        assert!(
            difference <= 1e-3 * largest,
            "{name} differs by {difference}"
        );
    }
    let left: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "good" && !name.ends_with(".safetensors"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let out = folder.path().join("model.safetensors");
    let checkpoint = folder.path().join("model.safetensors.local-checkpoint");
    let options = ["--scales", "local", "--checkpoint-seconds", "0"];
    let child = train(&data, &out, &options)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    kill_when_there(child, &checkpoint);
    let other = ["--scales", "local", "--resume", "--seed", "2"];
    let text = failure(train(&data, &out, &other).output().unwrap());
    assert!(
        text.contains("local-checkpoint") && text.contains("seed 1"),
        "{text}"
    );
    assert!(checkpoint.exists());
}

#[test]
fn folders_that_cannot_be_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let text = failure(train(&empty, &out, &[]).output().unwrap());
    assert!(text.contains("no pictures"), "{text}");
    let missing = folder.path().join("missing");
    let text = failure(train(&missing, &out, &[]).output().unwrap());
    assert!(text.contains("missing"), "{text}");

    let data = pictures(folder.path());
    let below_a_file = data.join("00.png/model.safetensors");
    let text = failure(train(&data, &below_a_file, &[]).output().unwrap());
    assert!(text.contains("00.png/model.safetensors"), "{text}");

    fs::write(data.join("broken.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let text = failure(train(&data, &out, &["--strict"]).output().unwrap());
    assert!(text.contains("broken.png"), "{text}");
    for picture in fs::read_dir(&data).unwrap().skip(5) {
        fs::remove_file(picture.unwrap().path()).unwrap();
    }
    let _ = fs::remove_file(data.join("broken.png"));
    let text = failure(train(&data, &out, &[]).output().unwrap());
    assert!(text.contains("at least 8 are needed"), "{text}");
    assert!(!out.exists());
}

#[test]
fn bad_usage_has_a_status_of_its_own() {
    let output = Command::new(env!("CARGO_BIN_EXE_igd"))
        .args(["train", "--data", "x", "--out", "y", "--width", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
