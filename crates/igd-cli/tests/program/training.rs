//! `igd train` as a program: killed and resumed, and its bad input.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{
    assert_same_models, command, failure, files, finish, kill, pictures, some_pictures,
    train as train_any, wait_for,
};

/// A short training of both networks, small ones.
fn train(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = train_any(data, out, &["--encoder", "scratch", "--width", "1"]);
    command
        .args(["--batch", "4", "--patch-batch", "256"])
        .args(more);
    command
}

/// Of both networks, each in its middle; one network alone is in `interruptions`.
#[test]
#[ignore = "long"]
fn a_killed_training_goes_on_where_it_was() {
    let (count, epochs) = (16, "3");
    let folder = tempfile::tempdir().unwrap();
    let data = some_pictures(folder.path(), count, 64);
    let train = |out: &Path, more: &[&str]| {
        let mut command = train(&data, out, &["--epochs", epochs]);
        command.args(more);
        command
    };
    let whole = folder.path().join("whole.safetensors");
    let output = finish(&mut train(&whole, &[]));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let held_out = count / 4;
    assert_eq!(line["pictures"], count - held_out);
    assert_eq!(line["calibration"]["pictures"], held_out);

    let parts = folder.path().join("parts.safetensors");
    for scale in ["global", "local"] {
        let checkpoint = folder
            .path()
            .join(format!("parts.safetensors.{scale}-checkpoint"));
        let mut child = train(&parts, &["--resume", "--checkpoint-seconds", "0"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(&mut child, || checkpoint.exists());
        kill(child);
        assert!(!parts.exists());
    }
    finish(&mut train(&parts, &["--resume"]));

    assert_same_models(&whole, &parts);
    let known = ["good", "whole.safetensors", "parts.safetensors"];
    let left = files(folder.path(), &known);
    assert!(left.is_empty(), "{left:?}");
    for scale in ["global", "local"] {
        let name = format!("parts.safetensors.{scale}-checkpoint");
        assert!(!folder.path().join(name).exists());
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 64);
    let out = folder.path().join("model.safetensors");
    let checkpoint = folder.path().join("model.safetensors.local-checkpoint");
    let options = ["--scales", "local", "--checkpoint-seconds", "0"];
    let mut child = train(&data, &out, &options)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&mut child, || checkpoint.exists());
    kill(child);
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

    let data = pictures(folder.path(), 64);
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
    let output = command(&[])
        .args(["train", "--data", "x", "--out", "y", "--width", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
