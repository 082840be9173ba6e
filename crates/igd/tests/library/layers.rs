//! The folders of a crate know only those below them: there is no way back up.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::common::repository;

/// Each folder or file right below a crate's `src`, with what it may use of the others.
const LIBRARY: [(&str, &[&str]); 16] = [
    ("files", &[]),
    ("decode", &[]),
    ("encode", &[]),
    ("resize", &[]),
    ("warp", &[]),
    ("align", &["resize", "warp"]),
    ("libtorch", &[]),
    ("nn", &["libtorch"]),
    ("criterion", &["nn"]),
    ("data", &["files", "resize", "decode"]),
    (
        "model",
        &[
            "files",
            "resize",
            "warp",
            "align",
            "decode",
            "libtorch",
            "nn",
            "criterion",
        ],
    ),
    ("onnx", &["nn", "criterion", "model"]),
    (
        "train",
        &[
            "files",
            "resize",
            "warp",
            "align",
            "libtorch",
            "nn",
            "criterion",
            "data",
            "model",
        ],
    ),
    ("eval", &["resize", "data", "model"]),
    (
        "feedback",
        &["files", "criterion", "data", "model", "train", "eval"],
    ),
    ("choice", &["data", "model", "train", "eval"]),
];
const PLUGIN: [(&str, &[&str]); 5] = [
    ("video", &[]),
    ("meta", &["video"]),
    ("igdfilter", &["video", "meta"]),
    ("igdmetaenc", &["meta"]),
    ("igdgate", &["meta"]),
];

const SERVE: [(&str, &[&str]); 21] = [
    ("lock", &[]),
    ("jpeg", &[]),
    ("pauses", &[]),
    ("config", &[]),
    ("record", &[]),
    ("store", &["lock", "jpeg", "config", "record"]),
    ("command", &["store"]),
    (
        "outputs",
        &["lock", "pauses", "config", "record", "command", "store"],
    ),
    ("thumbnail", &[]),
    ("judged", &["store", "thumbnail"]),
    (
        "part",
        &["config", "record", "command", "thumbnail", "judged"],
    ),
    (
        "camera",
        &[
            "lock", "pauses", "config", "record", "command", "store", "judged", "part",
        ],
    ),
    (
        "models",
        &["lock", "config", "record", "command", "store", "camera"],
    ),
    ("lessons", &["lock", "jpeg", "command", "judged", "part"]),
    ("archive", &["record", "store", "outputs", "judged", "part"]),
    (
        "line",
        &[
            "lock", "jpeg", "config", "record", "command", "store", "outputs", "judged", "camera",
            "models", "lessons", "archive",
        ],
    ),
    ("webrtc", &["lock", "command", "judged", "line"]),
    (
        "http",
        &[
            "lock", "config", "record", "command", "store", "outputs", "line", "webrtc",
        ],
    ),
    (
        "page",
        &[
            "config", "record", "command", "store", "outputs", "line", "http",
        ],
    ),
    ("check", &["config", "store", "camera", "models", "http"]),
    (
        "run",
        &["config", "command", "check", "line", "http", "page"],
    ),
];

/// Checks the Rust files of a crate, and returns how many there are.
fn check(source: &Path, layers: &[(&str, &[&str])]) -> usize {
    let allowed: HashMap<_, _> = layers.iter().copied().collect();
    let mut files = 0;
    for entry in WalkDir::new(source) {
        let path = entry.unwrap().into_path();
        let below = path.strip_prefix(source).unwrap();
        let first = below
            .components()
            .next()
            .map(|first| PathBuf::from(first.as_os_str()));
        let layer = first.unwrap_or_default().with_extension("");
        let layer = layer.to_str().unwrap();
        if path.extension().is_none_or(|extension| extension != "rs") || layer == "lib" {
            continue;
        }
        files += 1;
        let allowed = allowed
            .get(layer)
            .unwrap_or_else(|| panic!("which layer is {layer}?"));
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for used in code.flat_map(|line| line.split("crate::").skip(1)) {
            let end = used.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let used = &used[..end.unwrap_or(used.len())];
            assert!(
                used == layer || allowed.contains(&used),
                "{}: {layer} must not use {used}",
                path.display()
            );
        }
    }
    files
}

#[test]
fn folders_know_only_those_below() {
    let root = repository();
    assert!(check(&root.join("crates/igd/src"), &LIBRARY) > 100);
    assert!(check(&root.join("src"), &PLUGIN) > 50);
    assert!(check(&root.join("crates/igd-serve/src"), &SERVE) > 50);
}
