//! What `igd train --log` leaves, and several trainings at once.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::program::{
    assert_same_models, checkpoint, command, finish, kill, pictures, some_pictures, train,
    train_single, wait_for,
};

#[test]
#[ignore = "long"]
fn both_networks_are_logged_epoch_after_epoch() {
    let epochs = 3;
    let folder = tempfile::tempdir().unwrap();
    // Eight of them are trained on, the fewest there may be.
    let data = some_pictures(folder.path(), 10, 64);
    let log = folder.path().join("log");
    let out = folder.path().join("m.safetensors");
    let train = |epochs: &str, more: &[&str]| {
        let mut command = train(&data, &out, &["--encoder", "scratch", "--width", "1"]);
        command
            .args(["--epochs", epochs, "--batch", "4", "--patch-batch", "900"])
            .args([Path::new("--log"), &log])
            .args(more);
        command
    };
    finish(&mut train(&epochs.to_string(), &[]));
    let text = fs::read_to_string(log.join("losses.csv")).unwrap();
    let mut rows = text.lines();
    assert_eq!(
        rows.next().unwrap(),
        "scale,epoch,step,seconds,learning_rate,reconstruction,gaussian,interpolation,critic,correlation,total,\
         critic_of_a_constant"
    );
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    let steps: Vec<[&str; 3]> = rows.iter().map(|row| [row[0], row[1], row[2]]).collect();
    let expected: Vec<String> = ["global", "local"]
        .iter()
        .flat_map(|scale| (1..=2 * epochs).map(move |step| format!("{scale},{},{step}", step / 2)))
        .collect();
    assert_eq!(
        steps.iter().map(|row| row.join(",")).collect::<Vec<_>>(),
        expected
    );
    for row in &rows {
        let number = |index: usize| row[index].parse::<f64>().unwrap();
        let sum = number(5) + number(6) + 0.1 * number(7);
        assert!((number(10) - sum).abs() < 1e-4, "{row:?}");
        assert!((-1.0..=1.0).contains(&number(9)) && number(11) == 0.052083);
        assert!(number(4) <= 1e-3 && number(8) > 0.0);
    }
    assert!(rows[2 * epochs - 1][4].parse::<f64>().unwrap() < rows[0][4].parse::<f64>().unwrap());

    let svg = fs::read_to_string(log.join("scores.svg")).unwrap();
    assert!(svg.contains("2 held-out pictures, threshold"));
    for (scale, side) in [("global", 256), ("local", 32)] {
        for epoch in 0..=epochs {
            let name = format!("reconstructions/epoch-{epoch:03}-{scale}.png");
            let (width, height) = image::image_dimensions(log.join(name)).unwrap();
            assert!(width % side == 0 && width > side && height == 2 * side);
        }
    }
    // Anew and without the local network: nothing of the first is left but what is none of the log's.
    let other = log.join("reconstructions/notes.txt");
    fs::write(&other, "").unwrap();
    finish(&mut train("1", &["--scales", "global"]));
    let text = fs::read_to_string(log.join("losses.csv")).unwrap();
    assert_eq!(
        (text.lines().count(), text.matches("\nglobal,").count()),
        (3, 2)
    );
    let pictures = fs::read_dir(log.join("reconstructions")).unwrap();
    let pictures = pictures.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pictures: Vec<_> = pictures.filter(|name| name.ends_with("png")).collect();
    pictures.sort();
    assert_eq!(pictures, ["epoch-000-global.png", "epoch-001-global.png"]);
    assert!(other.exists());
}

#[test]
fn a_log_that_cannot_be_written_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 32);
    let out = folder.path().join("m.safetensors");
    let below_a_file = data.join("00.png/log");
    let output = train_single(&data, &out, &[])
        .args([Path::new("--log"), &below_a_file])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("00.png/log: "), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_series_goes_on_with_the_model_it_was_at() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 32);
    let path = |name: &str| folder.path().join(name);
    let epochs = ["--epochs", "6"];
    let train = |out: &Path, more: &[&str]| {
        let mut command = train_single(&data, out, &epochs);
        command.args(more);
        command
    };
    let single = path("single.safetensors");
    finish(&mut train(&single, &["--seed", "6"]));
    let series = |more: &[&str]| {
        let mut command = train(&path("m.safetensors"), &["--seed", "5", "--seeds", "2"]);
        command.args([Path::new("--log"), &path("log")]).args(more);
        command
    };
    let second = checkpoint(&path("m-seed6.safetensors"));
    let mut child = series(&[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&mut child, || second.exists());
    kill(child);
    let losses = path("log/seed5/losses.csv");
    let first = fs::read(&losses).unwrap();
    let output = finish(&mut series(&["--resume"]));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let models: Vec<_> = lines
        .iter()
        .map(|line| line["model"].as_str().unwrap())
        .collect();
    let names = ["m-seed5.safetensors", "m-seed6.safetensors"].map(&path);
    assert_eq!(models.iter().map(Path::new).collect::<Vec<_>>(), names);
    // Each row has its time, so that they would differ.
    assert!(fs::read(&losses).unwrap() == first);
    assert_same_models(&single, &names[1]);
    assert!(!checkpoint(&names[0]).exists() && !second.exists());
}

#[test]
fn a_dense_fit_has_no_seeds() {
    let output = command(&[])
        .args(["train", "--profile", "dense", "--data", "x", "--out", "y"])
        .args(["--seeds", "3"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("--seeds is for --profile paper only: a dense fit has no random start"),
        "{said}"
    );
}
