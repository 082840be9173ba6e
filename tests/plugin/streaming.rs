//! igdfilter in whole pipelines: states, seeks, and what keeps it from starting.

use std::fs;
use std::path::{Path, PathBuf};

use crate::element::model::models;
use crate::element::{PATIENCE, error_text, init, run_to_end};
use gst::prelude::*;
use igd::libtorch::open_cuda;

fn pipeline(text: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(text)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap()
}

fn with_model(source: &str, properties: &str) -> gst::Pipeline {
    init();
    let model = models().global_only.display();
    pipeline(&format!(
        "{source} ! igdfilter name=filter model={model} {properties} ! fakesink name=sink"
    ))
}

fn inferred(pipeline: &gst::Pipeline) -> u64 {
    let filter = pipeline.by_name("filter").unwrap();
    let stats: gst::Structure = filter.property("stats");
    stats.get("inferred").unwrap()
}

/// Waits until a change of state is through.
fn settle(pipeline: &gst::Pipeline, state: gst::State) {
    pipeline.set_state(state).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
}

/// A pipeline that must not start: the error's text.
fn refused(text: &str) -> String {
    let pipeline = pipeline(text);
    let bus = pipeline.bus().unwrap();
    assert!(pipeline.set_state(gst::State::Paused).is_err(), "{text}");
    let text = error_text(&bus).expect("an error on the bus");
    pipeline.set_state(gst::State::Null).unwrap();
    text
}

/// The error of a model that must not be used.
fn refused_model(path: &Path) -> String {
    refused(&format!(
        "videotestsrc ! igdfilter model={} ! fakesink",
        path.display()
    ))
}

#[test]
fn every_way_to_run_ends_well() {
    for source in [
        "videotestsrc num-buffers=3",
        "videotestsrc num-buffers=3 ! video/x-raw,format=NV12,width=33,height=17",
        "videotestsrc num-buffers=3 is-live=true ! queue",
        "videotestsrc num-buffers=2 ! imagefreeze num-buffers=3",
        "videotestsrc num-buffers=2 ! video/x-raw,framerate=5/1 ! videorate ! video/x-raw,framerate=25/1",
    ] {
        let pipeline = with_model(source, "overlay=heatmap+regions");
        run_to_end(pipeline.upcast_ref()).unwrap();
        assert!(pipeline.by_name("filter").is_some());
    }
}

#[test]
fn states_may_go_up_and_down() {
    let pipeline = with_model("videotestsrc num-buffers=3", "");
    for _ in 0..4 {
        run_to_end(pipeline.upcast_ref()).unwrap();
        // Counts are those of one run.
        assert_eq!(inferred(&pipeline), 3);
    }
    for _ in 0..3 {
        settle(&pipeline, gst::State::Paused);
        settle(&pipeline, gst::State::Ready);
        settle(&pipeline, gst::State::Playing);
        settle(&pipeline, gst::State::Ready);
    }
    settle(&pipeline, gst::State::Null);
}

#[test]
fn a_model_may_change_while_stopped() {
    let pipeline = with_model("videotestsrc num-buffers=2", "");
    run_to_end(pipeline.upcast_ref()).unwrap();
    let filter = pipeline.by_name("filter").unwrap();
    filter.set_property("model", models().global_only.to_str().unwrap());
    run_to_end(pipeline.upcast_ref()).unwrap();
}

#[test]
fn after_a_flushing_seek_the_first_frame_is_inferred() {
    let pipeline = with_model("videotestsrc", "inference-interval=1000000");
    settle(&pipeline, gst::State::Paused);
    let sink = pipeline.by_name("sink").unwrap();
    for second in 1..=3 {
        let before = inferred(&pipeline);
        let position = gst::ClockTime::from_seconds(second);
        pipeline
            .seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, position)
            .unwrap();
        pipeline.state(PATIENCE).0.unwrap();
        assert_eq!(inferred(&pipeline), before + 1);
        let sample: gst::Sample = sink.property("last-sample");
        assert_eq!(sample.buffer().unwrap().pts(), Some(position));
    }
    settle(&pipeline, gst::State::Null);
}

#[test]
fn caps_change_in_a_running_pipeline() {
    init();
    let model = models().global_only.display();
    let pipeline = pipeline(&format!(
        "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! join. \
         videotestsrc num-buffers=3 ! video/x-raw,format=RGBA,width=99,height=77,framerate=25/1 ! join. \
         concat name=join ! igdfilter name=filter model={model} inference-interval=100 overlay=heatmap+regions ! \
             fakesink"
    ));
    run_to_end(pipeline.upcast_ref()).unwrap();
    // The first of each size.
    assert_eq!(inferred(&pipeline), 2);
}

#[test]
fn small_frames_end_a_pipeline_with_a_text() {
    let pipeline = with_model("videotestsrc ! video/x-raw,width=15,height=64", "");
    assert_eq!(
        run_to_end(pipeline.upcast_ref()),
        Err("frames of 15x64 are too small: igdfilter needs at least 16x16".to_owned())
    );
}

#[test]
fn no_model_is_an_error_that_says_what_to_do() {
    let expected = "no model: set model=FILE or IGD_MODEL, or learn-frames=N to learn one from the first frames";
    for model in ["", "model=\"\""] {
        let text = refused(&format!("videotestsrc ! igdfilter {model} ! fakesink"));
        assert_eq!(text, expected);
    }
}

#[test]
fn a_missing_model_is_named() {
    let text = refused_model(Path::new("/nonexistent/a.safetensors"));
    assert!(
        text.starts_with("there is no model /nonexistent/a.safetensors"),
        "{text}"
    );
}

#[test]
fn what_is_no_model_is_an_error_that_names_the_file() {
    init();
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(&models().global_only).unwrap();
    let mut wrong_header = good.clone();
    wrong_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut broken_header = good.clone();
    broken_header[20..40].fill(b'}');
    let files: [(&str, &[u8]); 6] = [
        ("empty.safetensors", &[]),
        ("text.safetensors", b"not a model, but some text"),
        ("cut-in-header.safetensors", &good[..100]),
        ("cut-in-tensors.safetensors", &good[..good.len() - 1000]),
        ("wrong-header.safetensors", &wrong_header),
        ("broken-header.safetensors", &broken_header),
    ];
    let mut paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, bytes)| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    paths.push(folder.path().to_owned());
    for path in paths {
        let text = refused_model(&path);
        assert!(text.starts_with("cannot use the model: "), "{text}");
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn a_model_without_a_threshold_is_told_of() {
    init();
    let model = models().overflowing.display();
    for (threshold, told) in [("-1", true), ("0.5", false)] {
        let pipeline = pipeline(&format!(
            "fakesrc ! igdfilter name=filter model={model} threshold={threshold} ! fakesink"
        ));
        let bus = pipeline.bus().unwrap();
        pipeline.set_state(gst::State::Ready).unwrap();
        let filter = pipeline.by_name("filter").unwrap();
        filter.set_state(gst::State::Paused).unwrap();
        let warning = bus.pop_filtered(&[gst::MessageType::Warning]);
        assert_eq!(warning.is_some(), told);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_good_model_after_a_bad_one_starts() {
    let pipeline = with_model("videotestsrc num-buffers=2", "");
    let filter = pipeline.by_name("filter").unwrap();
    filter.set_property("model", "/nonexistent");
    assert!(pipeline.set_state(gst::State::Playing).is_err());
    pipeline.set_state(gst::State::Null).unwrap();
    filter.set_property("model", models().global_only.to_str().unwrap());
    run_to_end(pipeline.upcast_ref()).unwrap();
}

#[test]
fn a_gpu_that_is_not_there_is_no_cpu() {
    init();
    let model = models().global_only.display();
    let refused = |device: &str| {
        refused(&format!(
            "videotestsrc ! igdfilter model={model} device={device} ! fakesink"
        ))
    };
    assert!(refused("gpu").starts_with("device=gpu: there is no such device"));
    assert!(refused("cuda:4096").starts_with("device=cuda:4096: "));
    if let Err(reason) = open_cuda() {
        let expected = format!("device=cuda: {reason}; or use the device cpu");
        assert!(refused("cuda").starts_with(&expected));
    }
}

#[test]
fn every_precision_that_the_cpu_has_runs() {
    init();
    let model = models().global_only.display();
    let line = |precision: &str| {
        format!(
            "videotestsrc num-buffers=2 ! igdfilter model={model} device=cpu precision={precision} ! fakesink"
        )
    };
    for precision in ["auto", "f32", "bf16"] {
        run_to_end(pipeline(&line(precision)).upcast_ref()).unwrap();
    }
    assert!(refused(&line("f16")).starts_with("precision=f16 needs a GPU"));
}
