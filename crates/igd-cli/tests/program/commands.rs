//! What holds for all commands of `igd`.

use crate::common;
use std::fs;
use std::process::Stdio;

use crate::program::{command, igd};
use igd::model::Storage;

#[test]
fn output_that_nobody_reads_ends_the_program_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    common::small_model().save(&model, Storage::F32).unwrap();
    let model = model.to_str().unwrap();
    for arguments in [
        &["info", model][..],
        &["info", "--json", model],
        &[
            "bench", "speed", "--frames", "1", "--size", "64x64", "--model", model,
        ],
        &["doctor"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments)
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

#[test]
fn completions_and_pages_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = igd(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["train", "doctor", "false-positive-rate"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let status = igd(&["man", "--out", pages.to_str().unwrap()]).status;
    assert!(status.success());
    for (page, text) in [
        ("igd.1", "igd\\-doctor(1)"),
        ("igd-train.1", "profile"),
        ("igd-bench-speed.1", "frames"),
    ] {
        let page = fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(text), "{page}");
    }
}
