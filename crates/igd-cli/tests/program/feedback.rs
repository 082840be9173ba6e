//! `igd feedback` at the command line.

use std::fs;
use std::path::Path;

use crate::common::network::has_weights;
use crate::common::textures::{lined, write};
use crate::program::igd;

const SIZE: (u32, u32) = (96, 96);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Defects have upright lines.
fn write_lined(folder: &Path, numbers: std::ops::Range<usize>, upright: bool) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        let picture = lined(number, SIZE, upright);
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
}

#[test]
fn a_model_is_made_better_or_not_at_all() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (model, better) = (path("part.safetensors"), path("better.safetensors"));
    write(&path("good"), 0..50, SIZE);
    let (data, out) = (path("good"), model.clone());
    let fit = ["train", "--data", text(&data), "--out", text(&out)];
    let small = ["--input", "96", "--dimensions", "32"];
    assert!(igd(&[&fit[..], &small].concat()).status.success());
    let info = String::from_utf8(igd(&["info", text(&model)]).stdout).unwrap();
    assert!(info.contains("what 50 of its pictures were like"), "{info}");

    let [first, second, good] = ["part.marks/bad", "more/bad", "part.marks/good"].map(path);
    write_lined(&first, 100..112, true);
    write_lined(&second, 112..124, true);
    write_lined(&good, 130..150, false);
    fs::write(second.join("broken.png"), "no picture").unwrap();
    let learn = [
        "feedback",
        "--model",
        text(&model),
        "--bad",
        text(&first),
        "--bad",
        text(&second),
        "--good",
        text(&good),
    ];
    let said = igd(&[&learn[..], &["--out", text(&better)]].concat());
    // One picture was left out.
    assert_eq!(said.status.code(), Some(3), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    for words in [
        "24 marked defects",
        "defects found: ",
        ", was ",
        "95 % confidence",
        "AUROC",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let info = String::from_utf8(igd(&["info", text(&better)]).stdout).unwrap();
    assert!(
        info.contains("  head ") && info.contains("24 marked defects and 20 marked good pictures"),
        "{info}"
    );
    let info = igd(&["info", "--json", text(&better)]).stdout;
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(
        (&info["head"], &info["learns_from"]),
        (&true.into(), &50.into())
    );
    assert_eq!(info["history"][0]["bad"], 24);

    // No earlier model is written over.
    let again = igd(&[&learn[..], &["--out", text(&better)]].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));

    // Good pictures that it does not flag give no reason to change anything.
    let (ordinary, worse) = (path("ordinary"), path("worse.safetensors"));
    write(&ordinary, 200..206, SIZE);
    let said = igd(&[
        "feedback",
        "--json",
        "--model",
        text(&model),
        "--good",
        text(&ordinary),
        "--out",
        text(&worse),
    ]);
    assert_eq!(said.status.code(), Some(4), "{said:?}");
    let line: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(line["model"].is_null() && !worse.exists(), "{line}");
    assert_eq!(line["revision"]["good"], 6);
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(errors.contains("mark more pictures"), "{errors}");
}
