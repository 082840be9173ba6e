//! `igd predict` on folders and videos as users have them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::element;
use crate::program::{command, failure, some_pictures};
use igd::model::Storage;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a model.
fn folder_with_model() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    let small = crate::common::small_model();
    small.save(&model, Storage::F32).unwrap();
    (folder, model)
}

fn predict(model: &Path, arguments: &[&Path]) -> Output {
    let mut command = command(&["predict", "--model"]);
    command.arg(model).args(arguments).output().unwrap()
}

/// An MP4 of so many frames of snow.
fn snow(path: &Path, frames: usize, rate: &str, encoder: &str) {
    element::init();
    let line = format!(
        "videotestsrc num-buffers={frames} pattern=snow ! video/x-raw,width=64,height=64,{rate} ! \
         x264enc speed-preset=ultrafast {encoder} ! h264parse ! mp4mux faststart=true ! filesink location={}",
        path.display()
    );
    element::run_to_end(&gst::parse::launch(&line).unwrap()).unwrap();
}

/// The paths of the lines below a folder.
fn paths(output: &Output, folder: &Path) -> Vec<String> {
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let path = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let path = Path::new(line["path"].as_str().unwrap());
        path.strip_prefix(folder).unwrap().display().to_string()
    };
    lines.lines().map(path).collect()
}

#[test]
fn a_folder_of_folders_is_all_below_it_but_what_is_no_picture() {
    let (folder, model) = folder_with_model();
    let data = some_pictures(&folder.path().join("test"), 2, 64);
    let data = data.parent().unwrap();
    fs::write(data.join("good/00a.png"), "no picture").unwrap();
    fs::write(data.join("good/._00.png"), "what macOS leaves").unwrap();
    fs::create_dir(data.join("crack")).unwrap();
    fs::copy(data.join("good/00.png"), data.join("crack/00.png")).unwrap();
    let out = folder.path().join("out");

    let output = predict(&model, &[data, "--overlay-dir".as_ref(), &out]);
    // Done, but for one.
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("left out: ") && said.contains("good/00a.png"),
        "{said}"
    );
    assert!(
        said.ends_with("igd: left out 1 picture that cannot be used\n"),
        "{said}"
    );
    let pictures = ["crack/00.png", "good/00.png", "good/01.png"];
    assert_eq!(paths(&output, data), pictures);
    for picture in pictures {
        assert!(out.join(picture).is_file(), "{picture}");
    }

    let strict = predict(&model, &[data, "--strict".as_ref()]);
    assert!(failure(strict).contains("good/00a.png"));
}

#[test]
fn nothing_that_was_given_is_written_over() {
    let (folder, model) = folder_with_model();
    let data = some_pictures(folder.path(), 2, 64);
    let before = fs::read(data.join("00.png")).unwrap();
    let text = failure(predict(&model, &[&data, "--overlay-dir".as_ref(), &data]));
    assert!(text.contains("would be written over"), "{text}");
    for given in [&data.join("00.png"), &model] {
        let text = failure(predict(&model, &[&data, "--out".as_ref(), given]));
        assert!(text.contains("--out would overwrite it"), "{text}");
    }
    assert!(fs::read(data.join("00.png")).unwrap() == before);
    // What cannot be written is named.
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = failure(predict(&model, &[&data, "--map-dir".as_ref(), &file]));
    assert!(text.contains("file/00.npy"), "{text}");
}

#[test]
fn a_video_that_ends_before_its_time_is_told_of() {
    let (folder, model) = folder_with_model();
    let whole = folder.path().join("whole.mp4");
    snow(&whole, 20, "framerate=1/1", "key-int-max=1");
    assert!(predict(&model, &[&whole]).status.success());
    let bytes = fs::read(&whole).unwrap();
    let half = folder.path().join("half.mp4");
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let output = predict(&model, &[&half]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("half.mp4: its frames end at") && said.contains("of 20.0 s"),
        "{said}"
    );
    assert!(!output.stdout.is_empty());
}

/// The frames of a part begin between key frames, and those that were encoded before are shown after them.
#[test]
fn parts_are_merged_to_the_lines_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let [model, other] = ["model", "other"].map(|name| folder.path().join(name));
    for (path, model) in [
        (&model, crate::common::global_model()),
        (&other, crate::common::small_model()),
    ] {
        model.save(path, Storage::F32).unwrap();
    }
    let [long, short] = ["long.mp4", "short.mp4"].map(|name| folder.path().join(name));
    snow(
        &long,
        24,
        "framerate=10/1",
        "key-int-max=9 bframes=2 b-adapt=false",
    );
    snow(&short, 3, "framerate=10/1", "key-int-max=1");
    let pictures = some_pictures(folder.path(), 3, 64);
    fs::write(pictures.join("00a.png"), "no picture").unwrap();
    let inputs: [&Path; 4] = [&long, &long, &pictures, &short];
    let whole = predict(&model, &inputs);
    assert_eq!(whole.status.code(), Some(3));

    let file = |number: usize| folder.path().join(format!("{number}.jsonl"));
    let part = |number: usize, model: &Path| {
        let (shard, file) = (format!("{number}/4"), file(number));
        let arguments: [&Path; 4] = ["--shard".as_ref(), shard.as_ref(), "--out".as_ref(), &file];
        predict(model, &[&arguments[..], &inputs].concat())
    };
    let merge = |numbers: &[usize]| {
        let mut merge = command(&["merge"]);
        merge.args(numbers.iter().map(|&number| file(number)));
        merge.output().unwrap()
    };
    for number in 1..=4 {
        let output = part(number, &model);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty(), "{number}: {said}");
        let lines = fs::read_to_string(file(number)).expect(&said);
        assert!(lines.lines().count() > 5, "{number}: {lines}");
    }
    let merged = merge(&[3, 1, 4, 2]);
    let said = String::from_utf8_lossy(&merged.stderr);
    assert_eq!(merged.status.code(), Some(3), "{said}");
    let texts =
        [&whole, &merged].map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    assert_eq!(texts[0].lines().count(), 24 + 24 + 3 + 3);
    assert_eq!(texts[1], texts[0]);

    let said = failure(merge(&[1, 3]));
    assert!(said.contains("missing: 2/4, 4/4"), "{said}");
    let said = failure(merge(&[1, 2, 3, 4, 3]));
    assert!(said.contains("are both part 3/4"), "{said}");
    assert_eq!(part(2, &other).status.code(), Some(0));
    let said = failure(merge(&[1, 2, 3, 4]));
    assert!(said.contains("no parts of one run"), "{said}");
    fs::write(file(2), "{}\n").unwrap();
    let said = failure(merge(&[1, 2, 3, 4]));
    assert!(said.contains("2.jsonl: it does not end as"), "{said}");
}
