//! igdfilter as gst-launch loads it: the plugin's file, found by GStreamer's registry, and nothing left behind.

use std::process::Output;

use crate::element::init;
use crate::element::model::models;
use crate::element::plugin::program;

fn launch(pipeline: &str, variables: &[(&str, &str)]) -> Output {
    program("gst-launch-1.0")
        .args(pipeline.split_whitespace())
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// Runs a pipeline under GStreamer's leaks tracer.
fn assert_no_leaks(pipeline: &str) {
    let traced = [
        ("GST_TRACERS", "leaks"),
        ("GST_DEBUG", "GST_TRACER:7"),
        ("GST_DEBUG_NO_COLOR", "1"),
    ];
    let output = launch(pipeline, &traced);
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    // What the tracer says of an object that is still there.
    let leaks: Vec<_> = text
        .lines()
        .filter(|line| line.contains("object-alive, type-name=(string)") && !line.contains("%s"))
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert!(text.contains("object-alive"), "the tracer is silent");
}

#[test]
fn a_run_leaves_nothing_behind() {
    init();
    let model = models().global_only.to_str().unwrap();
    assert_no_leaks(&format!(
        "videotestsrc num-buffers=6 ! video/x-raw,width=64,height=48 ! tee name=t \
         t. ! queue ! igdfilter model={model} threshold=0 overlay=heatmap+regions messages=all inference-interval=2 \
         ! queue ! videoconvert ! video/x-raw,format=BGRA ! videoscale ! video/x-raw,width=32,height=32 ! fakesink \
         t. ! queue ! fakesink"
    ));
}

#[test]
fn a_thousand_results_leave_nothing_behind() {
    init();
    let model = models().global_only.to_str().unwrap();
    assert_no_leaks(&format!(
        "videotestsrc num-buffers=1000 ! video/x-raw,width=64,height=48 \
         ! igdfilter model={model} overlay=none inference-interval=100 ! tee name=t \
         t. ! queue ! videoconvert ! video/x-raw,format=BGRA ! videoscale ! video/x-raw,width=32,height=32 ! fakesink \
         t. ! queue ! videoflip method=clockwise ! fakesink"
    ));
}

#[test]
fn the_environment_names_the_model() {
    init();
    let pipeline = "videotestsrc num-buffers=2 ! igdfilter ! fakesink";
    let output = launch(
        pipeline,
        &[("IGD_MODEL", models().global_only.to_str().unwrap())],
    );
    assert!(output.status.success(), "{}", text(&output));

    let output = launch(pipeline, &[]);
    assert!(!output.status.success());
    assert!(text(&output).contains("no model: set model=FILE or IGD_MODEL"));
}
