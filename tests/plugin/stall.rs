//! An inference that hangs, in a process of its own, since it holds up all inferences there.

use std::time::{Duration, Instant};

use crate::common::alone::alone;
use crate::element::model::models;
use crate::element::{PATIENCE, init};
use gst::prelude::*;
use gstigd::igdfilter::stall_inferences;

/// How long each inference hangs. Whatever waits for one takes as long.
const STALL: Duration = Duration::from_secs(20);

fn launch(text: &str) -> gst::Pipeline {
    gst::parse::launch(text).unwrap().downcast().unwrap()
}

fn frames(pipeline: &gst::Pipeline, name: &str) -> u64 {
    let stats: gst::Structure = pipeline.by_name(name).unwrap().property("stats");
    stats.get("frames").unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from(PATIENCE), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_inference_that_hangs_stops_neither_video_nor_state_changes() {
    alone(
        "stall::an_inference_that_hangs_stops_neither_video_nor_state_changes",
        || all_go_on(STALL / 2),
    );
}

#[test]
#[ignore = "long: asks for seconds"]
fn and_state_changes_take_less_than_a_second() {
    alone("stall::and_state_changes_take_less_than_a_second", || {
        all_go_on(Duration::from_secs(1));
    });
}

/// No state change takes longer than `quick`, no second of video three times as long.
fn all_go_on(quick: Duration) {
    fn within<T>(quick: Duration, what: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        assert!(time < quick, "{what} took {time:?}");
        result
    }
    init();
    let model = models().both.display();
    stall_inferences(STALL);

    // `latest` video goes on at its own rate.
    let latest = launch(&format!(
        "videotestsrc is-live=true num-buffers=50 ! video/x-raw,framerate=50/1 ! \
         igdfilter name=filter model={model} inference-mode=latest ! fakesink sync=true"
    ));
    let bus = latest.bus().unwrap();
    let start = Instant::now();
    latest.set_state(gst::State::Playing).unwrap();
    let end = bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos);
    let time = start.elapsed();
    assert!(time < 3 * quick, "a second took {time:?}");
    assert_eq!(frames(&latest, "filter"), 50);
    within(quick, "latest: to NULL", || {
        latest.set_state(gst::State::Null).unwrap()
    });

    // A frame that waits is let go.
    let sync = launch(&format!(
        "videotestsrc ! igdfilter name=filter model={model} ! fakesink"
    ));
    for _ in 0..2 {
        within(quick, "sync: to PAUSED", || {
            sync.set_state(gst::State::Paused).unwrap()
        });
        std::thread::sleep(Duration::from_millis(200));
        let flags = gst::SeekFlags::FLUSH;
        within(quick, "sync: seek", || {
            sync.seek_simple(flags, gst::ClockTime::SECOND).unwrap()
        });
        std::thread::sleep(Duration::from_millis(200));
        within(quick, "sync: to READY", || {
            sync.set_state(gst::State::Ready).unwrap()
        });
    }
    within(quick, "sync: to NULL", || {
        sync.set_state(gst::State::Null).unwrap()
    });

    // A live one whose latency cannot be measured.
    let live = launch(&format!(
        "videotestsrc is-live=true ! igdfilter model={model} ! fakesink sync=true"
    ));
    live.set_state(gst::State::Paused).unwrap();
    within(quick, "live: to PLAYING", || {
        live.set_state(gst::State::Playing).unwrap()
    });
    std::thread::sleep(Duration::from_millis(200));
    for state in [gst::State::Paused, gst::State::Playing, gst::State::Null] {
        within(quick, "live: to another state", || {
            live.set_state(state).unwrap()
        });
    }

    // One of two streams that share a model is stopped, then the other.
    let shared = |name: &str| {
        launch(&format!(
            "videotestsrc ! igdfilter name={name} model={model} model-instance-id=stalled ! fakesink"
        ))
    };
    let (one, other) = (shared("one"), shared("other"));
    one.set_state(gst::State::Paused).unwrap();
    other.set_state(gst::State::Paused).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    within(quick, "one: to NULL", || {
        one.set_state(gst::State::Null).unwrap()
    });
    within(quick, "other: to NULL", || {
        other.set_state(gst::State::Null).unwrap()
    });

    // And when inferences are quick again all is as before.
    stall_inferences(Duration::ZERO);
    one.set_state(gst::State::Playing).unwrap();
    until("no frames", || frames(&one, "one") > 3);
    within(quick, "one: to NULL again", || {
        one.set_state(gst::State::Null).unwrap()
    });
}
