//! The programs of examples/, which know GStreamer alone, read what igdmetaenc writes.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::element::init;
use crate::element::model::models;
use crate::element::plugin::{good, program};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    frame: u64,
    #[serde(flatten)]
    result: Judgement,
    #[serde(default)]
    results: Vec<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    element: String,
    score: f32,
    anomalous: bool,
    regions: Vec<Region>,
}

#[derive(Deserialize)]
struct Region {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

fn compile_c(folder: &Path) -> PathBuf {
    let flags = good(Command::new("pkg-config").args(["--cflags", "--libs", "gstreamer-app-1.0"]));
    let out = folder.join("read");
    good(
        Command::new("timeout")
            .args(["120", "cc", "-Wall", "-Wextra", "-Werror"])
            .args([&example("read.c"), Path::new("-o"), &out])
            .args(flags.split_whitespace()),
    );
    out
}

/// tests/run compiles it, and so does a `cargo test` that is not told to run one program alone.
fn compiled_rust() -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().unwrap().parent().unwrap();
    let program = folder.join("examples/read");
    let changed = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    assert!(
        changed(&program) > changed(&example("read.rs")),
        "the example is older than its source: cargo build --release --example read"
    );
    program
}

/// The first one in PATH may be a virtual environment that does not see the system's packages.
fn python() -> &'static Path {
    let has_gi = |python: &&Path| {
        let tried = Command::new(python).args(["-c", "import gi"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"]
        .map(Path::new)
        .into_iter()
        .find(has_gi)
        .expect("a python3 with gi: ./setup installs python3-gi and gir1.2-gst-plugins-base-1.0")
}

fn expected(lines: &str) -> String {
    let mut text = String::new();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        write!(text, "{}", line.frame).unwrap();
        let results = match line.results.is_empty() {
            true => vec![line.result],
            false => line.results,
        };
        for result in results {
            let (element, score) = (result.element, f64::from(result.score));
            write!(text, " {element} {score:.6}").unwrap();
            if result.anomalous {
                text.push_str(" anomalous");
            }
            for Region { x, y, w, h } in result.regions {
                write!(text, " {w}x{h}+{x}+{y}").unwrap();
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_language_reads_what_igdmetaenc_writes() {
    init();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = models().global_only.display();
    let judged = |filters: &str| {
        let source = "videotestsrc num-buffers=4 pattern=smpte ! video/x-raw,width=128,height=96";
        let judged = format!("{source} ! {filters}");
        let lines = good(
            program("gst-launch-1.0")
                .args(format!("-q {judged} ! igdmetaenc ! fdsink").split_whitespace()),
        );
        let expected = expected(&lines);
        assert_eq!(expected.lines().count(), 4);
        assert!(expected.contains('+'), "no regions in {expected}");
        (judged, expected)
    };
    let one = format!("igdfilter model={model} overlay=none");
    let two = format!("{one} name=left region=0,0,64,96 threshold=1000 ! {one} name=right");
    let (one, two) = (judged(&one), judged(&two));
    assert!(two.1.starts_with("0 left ") && two.1.contains(" right "));

    let [c, rust] = [compile_c(folder), compiled_rust()];
    for (reader, script) in [(&*c, None), (&*rust, None), (python(), Some("read.py"))] {
        let read = |pipeline: &str| {
            let mut command = program(reader);
            command.args(script.map(example));
            command.args(pipeline.split_whitespace());
            command
        };
        for (judged, expected) in [&one, &two] {
            assert_eq!(
                good(&mut read(&format!("{judged} ! appsink name=sink"))),
                *expected,
                "{reader:?}"
            );
        }
        assert_eq!(
            good(&mut read("videotestsrc num-buffers=2 ! appsink name=sink")),
            "0 no result\n1 no result\n"
        );
        // Not a hang, nor a good end.
        for bad in [
            "filesrc location=/not/there ! decodebin ! appsink name=sink",
            "videotestsrc ! fakesink",
        ] {
            let output = read(bad).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{reader:?} {bad} {output:?}");
        }
    }
}
