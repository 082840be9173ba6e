//! The dense profile at the command line.

use std::fs;
use std::path::Path;

use crate::common::network::has_weights;
use crate::common::textures;
use crate::program::igd;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_program_fits_and_tells() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (
        folder.path().join("good"),
        folder.path().join("m.safetensors"),
    );
    textures::write(&data, 0..24, (96, 96));
    let fit = [
        "train",
        "--profile",
        "dense",
        "--data",
        text(&data),
        "--out",
        text(&out),
    ];
    let output = igd(&[&fit[..], &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["pictures"], 24);
    assert_eq!(said["calibration"]["pictures"], 24);
    assert!(fs::metadata(&out).unwrap().len() < 25_000_000);

    let info = String::from_utf8(igd(&["info", text(&out)]).stdout).unwrap();
    assert!(
        info.contains("dense: a PaDiM-like Gaussian a place"),
        "{info}"
    );
    assert!(info.contains("256 places, 192 directions"), "{info}");
    let info = igd(&["info", "--json", text(&out)]).stdout;
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["config"]["profile"], "dense");

    // With more of them none needs to be held out.
    textures::write(&data, 24..50, (96, 96));
    let small = ["--input", "64", "--dimensions", "16"];
    let other = folder.path().join("other.safetensors");
    let fit_all = ["train", "--data", text(&data), "--out", text(&other)];
    let said = String::from_utf8(igd(&[&fit_all[..], &small].concat()).stdout).unwrap();
    assert!(said.contains("fitted to 50 pictures"), "{said}");
    let info = String::from_utf8(igd(&["info", text(&other)]).stdout).unwrap();
    for page in [said, info] {
        for part in [
            "50 pictures, each left out in turn",
            "50 pictures cannot promise that 1 % of new good parts are flagged, only 2.0 %",
            "that takes 99 pictures",
        ] {
            assert!(page.contains(part), "{page}");
        }
    }

    let picture = data.join("000.png");
    let line = igd(&["predict", "--model", text(&out), text(&picture)]).stdout;
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["scales"]["dense"]["distance"], line["score"]);
    assert!(line["scales"]["global"].is_null());

    // What belongs to the other profile is bad usage, not passed over.
    for (arguments, said) in [
        (
            ["--profile", "dense", "--epochs", "3"],
            "--epochs is for --profile paper only",
        ),
        (
            ["--profile", "paper", "--tiles", "2x2"],
            "--tiles is for --profile dense only",
        ),
    ] {
        let output = igd(&[
            &["train", "--data", text(&data), "--out", text(&out)],
            &arguments[..],
        ]
        .concat());
        assert_eq!(output.status.code(), Some(2));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(said), "{errors}");
    }
    for (arguments, said) in [
        (["--input", "250"], "the input is 250x250"),
        (["--dimensions", "100"], "dimensions is 100"),
        (["--tiles", "0x1"], "there are 0x1 tiles"),
    ] {
        let output = igd(&[&fit[..], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(said), "{errors}");
    }
}

#[test]
fn dropped_pictures_are_named_and_shown() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, out, log) = (path("mostly-good"), path("m.safetensors"), path("log"));
    textures::write(&data, 0..50, (64, 64));
    let odd: Vec<_> = (50..53)
        .map(|number| data.join(format!("odd-{number}.png")))
        .collect();
    for (number, path) in odd.iter().enumerate() {
        textures::lined(number, (64, 64), true).save(path).unwrap();
    }
    let train = ["train", "--trim", "--input", "64", "--dimensions", "16"];
    let places = [
        "--data",
        text(&data),
        "--out",
        text(&out),
        "--log",
        text(&log),
    ];
    let output = igd(&[&train[..], &places].concat());
    let [said, notes] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(output.status.success(), "{notes}");
    assert!(
        said.contains(" dropped, as they do not fit the others"),
        "{said}"
    );
    let shown: Vec<_> = fs::read_dir(log.join("trimmed"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for path in &odd {
        let note = format!(
            "dropped, as it does not fit the others: {} (score ",
            path.display()
        );
        assert!(notes.contains(&note), "{notes}");
        let end = format!("-{}.png", path.file_name().unwrap().to_str().unwrap());
        let picture = shown.iter().find(|shown| text(shown).ends_with(&end));
        assert_eq!(image::image_dimensions(picture.unwrap()).unwrap(), (64, 64));
    }
    let info = String::from_utf8(igd(&["info", text(&out)]).stdout).unwrap();
    assert!(
        info.contains(&format!(
            "{} pictures that do not fit the others",
            shown.len()
        )),
        "{info}"
    );

    // What was logged before goes.
    let output = igd(&[&train[..1], &train[2..], &places].concat());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(log.join("trimmed")).unwrap().count(), 0);
    let few = path("few");
    textures::write(&few, 0..20, (64, 64));
    let output = igd(&[&train[..], &["--data", text(&few), "--out", text(&out)]].concat());
    assert_eq!(output.status.code(), Some(1));
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("--trim needs 50 pictures and more"),
        "{notes}"
    );
}

#[test]
fn known_defects_are_counted_and_choose() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (good, bad, out) = (path("good"), path("bad"), path("m.safetensors"));
    textures::write(&good, 0..50, (64, 64));
    fs::create_dir(&bad).unwrap();
    for number in 0..5 {
        let picture = textures::lined(number, (64, 64), true);
        picture.save(bad.join(format!("{number}.png"))).unwrap();
    }
    let places = [
        "--data",
        text(&good),
        "--bad",
        text(&bad),
        "--out",
        text(&out),
    ];
    // What is said is not chosen.
    let small = ["--input", "64", "--dimensions", "16"];
    let output = igd(&[&["train"], &places[..], &small].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for part in [
        "tried with 5 known defects, fitted to 50 of 50 good pictures:",
        "chosen: --input 64, since there is nothing else to try",
        " of 5; 95 % confidence: ",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let output = igd(&[&["train", "--json"], &places[..], &small].concat());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let choice = &said["choice"];
    assert_eq!(choice["tried"][0]["candidate"], choice["chosen"]);
    assert_eq!(choice["found"]["pictures"], 5);
    assert_eq!(
        choice["tried"][0]["found"]["flagged"],
        choice["found"]["flagged"]
    );
    assert_eq!(said["calibration"]["pictures"], 50);

    let same = [
        "--data",
        text(&good),
        "--bad",
        text(&good),
        "--out",
        text(&out),
    ];
    let output = igd(&[&["train"], &same[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("among the good pictures and among the defects"),
        "{errors}"
    );
}
