//! `igd recentre` at the command line.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::network::has_weights;
use crate::common::textures::{texture, write};
use crate::program::igd;

const SIZE: (u32, u32) = (96, 96);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Textures as a camera of another contrast and with more noise shows them.
fn write_changed(folder: &Path, numbers: std::ops::Range<usize>) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        let mut picture = texture(number, SIZE);
        let mut rng = fastrand::Rng::with_seed(number as u64);
        for value in picture.iter_mut() {
            let changed = 0.7 * f32::from(*value) + 40.0 + 60.0 * (rng.f32() - 0.5);
            *value = changed as u8;
        }
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
}

#[test]
fn a_model_follows_pictures_that_nobody_marked() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (model, moved) = (path("part.safetensors"), path("moved.safetensors"));
    write(&path("good"), 0..60, SIZE);
    let data = path("good");
    let fit = ["train", "--data", text(&data), "--out", text(&model)];
    let small = ["--input", "96", "--dimensions", "32"];
    assert!(igd(&[&fit[..], &small].concat()).status.success());

    let today = path("today");
    write_changed(&today, 100..140);
    fs::write(today.join("broken.png"), "no picture").unwrap();
    let follow = ["recentre", "--model", text(&model), "--data", text(&today)];
    let followed = [&follow[..], &["--out", text(&moved)]].concat();
    let said = igd(&[&followed[..], &["--json"]].concat());
    // One picture was left out.
    assert_eq!(said.status.code(), Some(3), "{said:?}");
    let said_of_it = String::from_utf8_lossy(&said.stderr)
        .matches("broken.png")
        .count();
    assert_eq!(said_of_it, 1, "{said:?}");
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let flagged = ["before", "after"].map(|when| said[when]["flagged"].as_u64().unwrap());
    assert_eq!(
        (&said["pictures"], &said["skipped"]),
        (&40.into(), &1.into())
    );
    assert!(flagged[0] > 20 && flagged[1] < flagged[0] / 4, "{said}");

    // Those that come later are judged alike.
    let later = path("later");
    write_changed(&later, 200..220);
    let anomalous = |model: &Path| {
        let lines = igd(&["predict", "--model", text(model), text(&later)]).stdout;
        let lines = String::from_utf8(lines).unwrap();
        lines.matches(r#""anomalous":true"#).count()
    };
    let (before, after) = (anomalous(&model), anomalous(&moved));
    assert!(before > 10 && after < before / 4, "{before} {after}");

    let info = String::from_utf8(igd(&["info", text(&moved)]).stdout).unwrap();
    assert!(
        info.contains("recentred") && info.contains("part.safetensors, by 40 pictures"),
        "{info}"
    );

    // No earlier model is written over, and a few pictures move nothing.
    let again = igd(&followed);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    let (few, other) = (path("few"), path("other.safetensors"));
    write_changed(&few, 0..19);
    let refused = [
        "recentre",
        "--model",
        text(&model),
        "--data",
        text(&few),
        "--out",
        text(&other),
    ];
    let refused = igd(&refused);
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        text.contains("19 pictures") && text.contains("at least 20"),
        "{text}"
    );
    assert!(!other.exists());
}
