//! Programs that end in the middle of an inference.

mod element;

use std::env;
use std::process::{self, Command};
use std::time::{Duration, Instant};

use element::model::models;
use element::{PATIENCE, threads};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

/// Regions of interest, so that a frame is not through when stopping no longer waits, but soon.
const MANY: u32 = 80;
/// So many that a program that ends does not wait for all of them either.
const TOO_MANY: u32 = 400;
/// What a program that ends may take.
const QUICK: Duration = Duration::from_secs(15);
/// The status of a child that ends as it should, and of one whose inference was over before.
const ENDED: i32 = 7;
const TOO_QUICK: i32 = 3;

/// What the test below runs in a process of its own.
#[test]
#[ignore = "a part of the other"]
fn program() {
    let model = models().both.display();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! identity name=regions \
         ! igdfilter model={model} inference-mode=latest inference-region=roi-list ! fakesink"
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let pad = pipeline.by_name("regions").unwrap().static_pad("src");
    let regions: u32 = env::var("REGIONS").unwrap().parse().unwrap();
    pad.unwrap()
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer_mut().unwrap().make_mut();
            for index in 0..regions {
                VideoRegionOfInterestMeta::add(buffer, "part", (index % 256, 10, 64, 64));
            }
            gst::PadProbeReturn::Ok
        });
    pipeline.set_state(gst::State::Playing).unwrap();
    // The first frame has been handed in when it reaches the sink.
    pipeline.state(PATIENCE).0.unwrap();
    if env::var_os("STOP").is_some() {
        pipeline.set_state(gst::State::Null).unwrap();
    }
    let is_inferring = threads().iter().any(|name| name == "igd-infer");
    process::exit(if is_inferring { ENDED } else { TOO_QUICK });
}

fn end(regions: u32, stops: bool) {
    models();
    // A crash would come by chance.
    for run in 0..3 {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["program", "--exact", "--ignored", "--nocapture"]);
        child.env("REGIONS", regions.to_string());
        if stops {
            child.env("STOP", "1");
        }
        let start = Instant::now();
        let output = child.output().unwrap();
        let (time, status) = (start.elapsed(), output.status);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(status.code(), Some(ENDED), "run {run}: {status} {text}");
        assert!(time < QUICK, "run {run}: {time:?}");
    }
}

#[test]
fn a_pipeline_that_was_stopped_before_its_inference_was_through() {
    end(MANY, true);
    end(TOO_MANY, true);
}

#[test]
fn a_pipeline_that_was_not_stopped() {
    end(MANY, false);
    end(TOO_MANY, false);
}
