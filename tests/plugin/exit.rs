//! Programs that end in the middle of an inference.

use std::env;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{process, thread};

use crate::common::alone;
use crate::common::network::has_weights;
use crate::element::frame::add_regions;
use crate::element::model::models;
use crate::element::{PATIENCE, init, threads};
use gst::prelude::*;

/// Regions of interest, so that a frame is not through when stopping no longer waits, but soon. A machine that is
/// through with them gets twice as many, and so on up to `TOO_MANY`.
const MANY: u32 = 80;
/// So many that a program that ends does not wait for all of them either.
const TOO_MANY: u32 = 400;
/// Tells a child how many.
const REGIONS: &str = "IGD_TEST_REGIONS";
/// The status of a child that ends as it should, and of one whose inference was over before.
const ENDED: i32 = 7;
const TOO_QUICK: i32 = 3;

/// A program that ends in the middle of an inference. Never returns.
fn program(regions: u32, stops: bool) {
    let model = models().both.display();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! identity name=regions \
         ! igdfilter model={model} inference-mode=latest inference-region=roi-list ! fakesink"
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let pad = pipeline.by_name("regions").unwrap().static_pad("src");
    pad.unwrap()
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            add_regions(info.buffer_mut().unwrap().make_mut(), regions);
            gst::PadProbeReturn::Ok
        });
    pipeline.set_state(gst::State::Playing).unwrap();
    // The first frame has been handed in when it reaches the sink.
    pipeline.state(PATIENCE).0.unwrap();
    if stops {
        pipeline.set_state(gst::State::Null).unwrap();
    }
    let is_inferring = threads().iter().any(|name| name == "igd-infer");
    process::exit(if is_inferring { ENDED } else { TOO_QUICK });
}

/// Runs such programs, one after the other: a crash would come by chance.
#[track_caller]
fn ends(test: &str, mut regions: u32, stops: bool, runs: usize) {
    if alone::is_alone() {
        program(env::var(REGIONS).unwrap().parse().unwrap(), stops);
    }
    models();
    let mut run = 0;
    while run < runs {
        let start = Instant::now();
        let mut child = alone::again(test);
        let output = child.env(REGIONS, regions.to_string()).output().unwrap();
        let (time, status) = (start.elapsed(), output.status);
        if status.code() == Some(TOO_QUICK) && regions < TOO_MANY {
            regions *= 2;
            continue;
        }
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            status.code(),
            Some(ENDED),
            "run {run} of {regions}: {status} {text}"
        );
        assert!(
            time < Duration::from(PATIENCE),
            "run {run} of {regions}: {time:?}"
        );
        run += 1;
    }
}

#[test]
fn a_pipeline_that_was_stopped_before_its_inference_was_through() {
    let test = "exit::a_pipeline_that_was_stopped_before_its_inference_was_through";
    ends(test, MANY, true, 1);
}

#[test]
fn a_pipeline_that_was_not_stopped_and_has_far_to_go() {
    let test = "exit::a_pipeline_that_was_not_stopped_and_has_far_to_go";
    ends(test, TOO_MANY, false, 1);
}

/// What [`destructor`] stops.
static LEARNING: OnceLock<gst::Pipeline> = OnceLock::new();

/// Stops the pipeline, as the destructor of a program's own object would.
extern "C" fn destructor() {
    // Long enough for the next frame to come.
    thread::sleep(Duration::from_millis(200));
    if let Some(pipeline) = LEARNING.get() {
        let _ = pipeline.set_state(gst::State::Null);
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(ENDED) };
}

/// A program that ends while its pipeline learns, and stops it in a static destructor. Never returns.
fn program_with_a_destructor() {
    // Called after what the first inference registers.
    // SAFETY: the function stays where it is, and does not unwind.
    assert_eq!(unsafe { libc::atexit(destructor) }, 0);
    init();
    let pipeline = gst::parse::launch(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! igdfilter learn-frames=10000 ! fakesink",
    );
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    LEARNING.set(pipeline).unwrap();
    process::exit(0);
}

/// Frames that come after the end has begun must not wait for it, or stopping would wait for them.
#[test]
fn a_learning_pipeline_that_a_destructor_stops() {
    if alone::is_alone() {
        program_with_a_destructor();
    }
    if !has_weights() {
        return;
    }
    let mut child = alone::again("exit::a_learning_pipeline_that_a_destructor_stops")
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from(PATIENCE);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(ENDED), "{status}");
}

#[test]
#[ignore = "long"]
fn stopped_many_times() {
    ends("exit::stopped_many_times", MANY, true, 10);
}

#[test]
#[ignore = "long"]
fn stopped_many_times_with_far_to_go() {
    let test = "exit::stopped_many_times_with_far_to_go";
    ends(test, TOO_MANY, true, 10);
}

#[test]
#[ignore = "long"]
fn not_stopped_many_times() {
    ends("exit::not_stopped_many_times", MANY, false, 10);
}

#[test]
#[ignore = "long"]
fn not_stopped_many_times_with_far_to_go() {
    let test = "exit::not_stopped_many_times_with_far_to_go";
    ends(test, TOO_MANY, false, 10);
}
