//! `igd train --video`.

use crate::common::network::has_weights;
use crate::element;
use crate::program::command;
use std::fs;
use std::path::Path;
use std::process::Output;

use igd::model::Model;
use serde_json::Value;
use tch::Device;

/// Twenty seconds, five frames a second.
fn video(path: &Path) {
    launch(&format!(
        "videotestsrc num-buffers=100 pattern=ball ! video/x-raw,format=I420,width=96,height=64,framerate=5/1 ! \
         x264enc speed-preset=ultrafast ! h264parse ! mp4mux ! filesink location=\"{}\"",
        path.display()
    ));
}

fn launch(line: &str) {
    element::init();
    element::run_to_end(&gst::parse::launch(line).unwrap()).unwrap();
}

fn train(video: &str, out: &Path, more: &[&str]) -> Output {
    let mut command = command(&[]);
    command
        .args(["train", "--json", "--video", video, "--out"])
        .arg(out)
        .args(more);
    command.output().unwrap()
}

/// The shortest training there is.
const SHORT: [&str; 12] = [
    "--profile",
    "paper",
    "--scales",
    "single",
    "--epochs",
    "1",
    "--width",
    "1",
    "--latent",
    "4",
    "--hold-out",
    "0.25",
];

/// Frames that were trained and calibrated on, and where the model says it comes from.
#[track_caller]
fn good(output: Output, out: &Path) -> (u64, u64, String) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let data = Model::open(out, Device::Cpu).unwrap().provenance.data;
    let held_out = line["calibration"]["pictures"].as_u64().unwrap();
    (line["pictures"].as_u64().unwrap(), held_out, data)
}

#[track_caller]
fn failure(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines().last().unwrap().to_owned()
}

#[test]
fn frames_are_trained_on() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good parts.mp4");
    video(&path);
    let out = folder.path().join("model.safetensors");
    let uri = glib::filename_to_uri(&path, None).unwrap();
    let (name, uri) = (path.to_str().unwrap(), uri.as_str());

    let all = good(train(name, &out, &SHORT), &out);
    assert_eq!(all, (75, 25, uri.to_owned()));
    let some = ["--every", "4", "--start", "1.9", "--stop", "9.9"];
    let some = good(train(uri, &out, &[&SHORT[..], &some].concat()), &out);
    // Frames 10 to 49.
    let said = format!("{uri}, one frame in 4, from 1.9 s, up to 9.9 s");
    assert_eq!(some, (8, 2, said));

    let dense = ["--profile", "dense", "--input", "64", "--every", "5"];
    let dense = good(train(name, &out, &dense), &out);
    assert_eq!(dense, (20, 20, format!("{uri}, one frame in 5")));
}

#[test]
fn videos_that_cannot_be_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let said =
        |name: &str, more: &[&str]| failure(&train(name, &out, &[&SHORT[..], more].concat()));
    let text = said("missing.mp4", &[]);
    assert!(text.contains("missing.mp4: No such file"), "{text}");
    let text = said("file:///missing.mp4", &[]);
    assert!(
        text.contains("file:///missing.mp4: cannot be read"),
        "{text}"
    );

    let path = folder.path().join("notes.mp4");
    fs::write(&path, "These are notes, and no video at all.\n").unwrap();
    let text = said(path.to_str().unwrap(), &[]);
    assert!(text.contains("notes.mp4: cannot be read"), "{text}");

    let path = folder.path().join("sound.wav");
    launch(&format!(
        "audiotestsrc num-buffers=20 ! wavenc ! filesink location={}",
        path.display()
    ));
    let text = said(path.to_str().unwrap(), &[]);
    assert!(text.contains("sound.wav: it has no video stream"), "{text}");

    let path = folder.path().join("good.mp4");
    video(&path);
    let name = path.to_str().unwrap();
    let text = said(name, &["--start", "30"]);
    assert!(
        text.contains("none of its 100 frames") && text.contains("19.800 s"),
        "{text}"
    );
    let text = said(name, &["--start", "3", "--stop", "3"]);
    assert!(text.contains("--stop must be later"), "{text}");
    let text = said(name, &["--stop", "1"]);
    assert!(
        text.contains("at least 8 are needed") && text.contains("good.mp4"),
        "{text}"
    );
    assert!(!out.exists());
    for bad in [
        &["--every", "0"][..],
        &["--start=-1"],
        &["--data", "x"],
        &["--class", "3"],
    ] {
        assert_eq!(train(name, &out, bad).status.code(), Some(2), "{bad:?}");
    }
}
