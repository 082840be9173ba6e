//! docs/frame.schema.json and the lines that it describes, each held against the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use boon::{Compiler, SchemaIndex, Schemas};

use crate::common::{dense_model, repository};
use crate::element::frame::{Pattern, video_info};
use crate::element::model::models;
use crate::element::results::{frame, full, full_of_two, result};
use crate::element::{filter, harness, init, run_to_end};
use gst_check::Harness;
use gst_video::VideoFormat;
use gstigd::meta::AnomalyMeta;
use igd::model::{Model, Storage};
use serde_json::Value;

fn schema() -> Value {
    let path = repository().join("docs/frame.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The schema, itself held against what schemas may say.
struct Validator {
    schemas: Schemas,
    lines: SchemaIndex,
}

impl Validator {
    fn errors(&self, line: &Value) -> Option<String> {
        let result = self.schemas.validate(line, self.lines);
        result.err().map(|error| format!("{error:#}"))
    }

    fn is_valid(&self, line: &Value) -> bool {
        self.errors(line).is_none()
    }
}

fn validator() -> Validator {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler
        .add_resource("frame.schema.json", schema())
        .unwrap();
    let lines = compiler.compile("frame.schema.json", &mut schemas).unwrap();
    Validator { schemas, lines }
}

#[track_caller]
fn check(validator: &Validator, line: &Value) {
    if let Some(errors) = validator.errors(line) {
        panic!("{line}\n{errors}");
    }
}

/// The line of a frame with this result.
fn line(result: &AnomalyMeta) -> Value {
    init();
    let mut harness = Harness::new_parse("igdmetaenc path=camera-1 include-map=true");
    harness.set_src_caps_str("video/x-raw");
    let line = harness.push_and_pull(frame(0, Some(result))).unwrap();
    serde_json::from_slice(&line.map_readable().unwrap()).unwrap()
}

/// The lines of a normal and an odd frame that igdfilter has judged.
fn judged(model: &Path) -> Vec<Value> {
    let filter = filter(model, "overlay=none");
    let (mut filter, _) = harness(&filter);
    let mut encoder = Harness::new("igdmetaenc");
    let info = video_info(VideoFormat::I420, 64, 48);
    filter.set_src_caps(info.to_caps().unwrap());
    encoder.set_src_caps(info.to_caps().unwrap());
    let mut judge = |pattern: Pattern| {
        let judged = filter.push_and_pull(pattern.buffer(&info)).unwrap();
        let line = encoder.push_and_pull(judged).unwrap();
        serde_json::from_slice(&line.map_readable().unwrap()).unwrap()
    };
    [Pattern::Normal, Pattern::Odd].map(&mut judge).into()
}

fn without_calibration(mut model: Model, path: &Path) {
    model.calibration = None;
    model.save(path, Storage::F32).unwrap();
}

#[test]
fn lines_of_igdmetaenc() {
    let validator = validator();
    for result in [full_of_two(), full(), result(0.25), AnomalyMeta::default()] {
        check(&validator, &line(&result));
    }
    let folder = tempfile::tempdir().unwrap();
    let (dense, open) = (
        folder.path().join("dense.safetensors"),
        folder.path().join("open.safetensors"),
    );
    dense_model().save(&dense, Storage::F32).unwrap();
    without_calibration(dense_model(), &open);
    let mut lines = Vec::new();
    for model in [&models().both, &models().global_only, &dense, &open] {
        let found = judged(model);
        found.iter().for_each(|line| check(&validator, line));
        lines.extend(found);
    }
    // All that was to be seen has been seen.
    let some = |what: fn(&Value) -> bool| assert!(lines.iter().any(what));
    some(|line| line["threshold"].is_null());
    some(|line| !line["scales"]["dense"].is_null());
    some(|line| !line["scales"]["local"].is_null());
    some(|line| {
        line["regions"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
}

fn predict(model: &Path, input: &Path) -> Output {
    Command::new("timeout")
        .args(["120", env!("CARGO_BIN_EXE_igd"), "predict", "--model"])
        .args([model, input])
        .output()
        .unwrap()
}

#[test]
fn lines_of_igd_predict() {
    init();
    let validator = validator();
    let folder = tempfile::tempdir().unwrap();
    let (video, picture) = (folder.path().join("v.mkv"), folder.path().join("p.png"));
    let small = "video/x-raw,width=64,height=48";
    for made in [
        format!(
            "videotestsrc num-buffers=3 pattern=snow ! {small} ! jpegenc ! matroskamux ! filesink location={}",
            video.display()
        ),
        format!(
            "videotestsrc num-buffers=1 ! {small} ! pngenc ! filesink location={}",
            picture.display()
        ),
    ] {
        run_to_end(&gst::parse::launch(&made).unwrap()).unwrap();
    }
    for (input, count) in [(&video, 3), (&picture, 1)] {
        let output = predict(&models().both, input);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), count, "{output:?}", output = output.stderr);
        for (number, line) in lines.iter().enumerate() {
            check(&validator, line);
            assert_eq!(line["path"], input.to_str().unwrap());
            if input == &video {
                assert_eq!(line["frame"], number);
                assert!(line["stream_time"].is_u64());
            }
        }
    }
}

/// The names of an object's fields, and below.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{path}/{name}");
                fields(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, path, found)),
        _ => {}
    }
}

/// The names of the fields that a part of the schema allows, and below.
fn allowed(schema: &Value, part: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = part["$ref"].as_str() {
        let target = schema.pointer(&reference[1..]).unwrap();
        return allowed(schema, target, path, found);
    }
    for (name, property) in part["properties"].as_object().into_iter().flatten() {
        assert_eq!(part["additionalProperties"], false, "{path}");
        let path = format!("{path}/{name}");
        allowed(schema, property, &path, found);
        found.insert(path);
    }
    if let Some(items) = part.get("items") {
        allowed(schema, items, path, found);
    }
}

#[test]
fn the_schema_lists_what_a_full_line_has() {
    let (mut in_line, mut in_schema) = (BTreeSet::new(), BTreeSet::new());
    fields(&line(&full_of_two()), "", &mut in_line);
    allowed(&schema(), &schema(), "", &mut in_schema);
    assert_eq!(in_line, in_schema);
}

/// The fields of the value at `path`; `edit` gets each line that lacks one.
fn each_without_one(line: &Value, path: &str, mut edit: impl FnMut(&str, Value)) {
    let object = line.pointer(path).unwrap().as_object().unwrap();
    for name in object.keys() {
        let mut less = line.clone();
        let object = less.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.remove(name);
        edit(name, less);
    }
}

#[test]
fn a_field_is_optional_where_lines_may_lack_it() {
    let validator = validator();
    let full = line(&full_of_two());
    let mut optional = BTreeSet::new();
    for path in [
        "",
        "/scales",
        "/scales/global",
        "/scales/dense",
        "/regions/0",
        "/inspected",
        "/objects/0",
        "/results/0",
    ] {
        each_without_one(&full, path, |name, line| {
            if validator.is_valid(&line) {
                optional.insert(format!("{path}/{name}"));
            }
        });
    }
    // `frame`, since pictures have none.
    let expected = [
        "/age",
        "/candidates",
        "/drift",
        "/element",
        "/frame",
        "/inference_ms",
        "/inspected",
        "/map",
        "/objects",
        "/objects/0/map",
        "/path",
        "/results",
        "/results/0/age",
        "/results/0/candidates",
        "/results/0/drift",
        "/results/0/element",
        "/results/0/inference_ms",
        "/results/0/inspected",
        "/results/0/map",
        "/results/0/objects",
        "/scales/dense",
        "/scales/global",
        "/scales/local",
    ];
    assert_eq!(optional, expected.map(str::to_owned).into());
}

#[test]
fn unknown_fields_and_wrong_values_are_refused() {
    let validator = validator();
    let good = line(&full_of_two());
    check(&validator, &good);
    for (path, value) in [
        ("/more", Value::from(1)),
        ("/scales/more", Value::from(1)),
        ("/regions/0/more", Value::from(1)),
        ("/objects/0/more", Value::from(1)),
        ("/results/0/more", Value::from(1)),
        ("/results", Value::Array(vec![])),
        ("/candidates", Value::Array(vec![])),
        ("/element", Value::from("")),
        ("/frame", Value::from(-1)),
        ("/pts", Value::from("0")),
        ("/score", Value::Null),
        ("/normalized", Value::from(1.5)),
        ("/drift", Value::from(-1)),
        ("/objects", Value::Array(vec![])),
        ("/age", Value::from(0)),
    ] {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut bad = good.clone();
        bad.pointer_mut(parent).unwrap()[name] = value;
        assert!(!validator.is_valid(&bad), "{path}");
    }
}
