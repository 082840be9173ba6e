//! An inference that hangs. A file of its own, since it holds up all inferences of its process.

mod element;

use std::time::{Duration, Instant};

use element::model::models;
use element::{PATIENCE, init};
use gst::prelude::*;
use gstigd::igdfilter::stall_inferences;

/// What a state change may take.
const QUICK: Duration = Duration::from_secs(1);

fn launch(text: &str) -> gst::Pipeline {
    gst::parse::launch(text).unwrap().downcast().unwrap()
}

fn quickly<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let time = start.elapsed();
    assert!(time < QUICK, "{what} took {time:?}");
    result
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
    init();
    let model = models().both.display();
    stall_inferences(Duration::from_secs(20));

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
    assert!(time < Duration::from_secs(3), "a second took {time:?}");
    assert_eq!(frames(&latest, "filter"), 50);
    quickly("latest: to NULL", || {
        latest.set_state(gst::State::Null).unwrap()
    });

    // A frame that waits is let go.
    let sync = launch(&format!(
        "videotestsrc ! igdfilter name=filter model={model} ! fakesink"
    ));
    for _ in 0..2 {
        quickly("sync: to PAUSED", || {
            sync.set_state(gst::State::Paused).unwrap()
        });
        std::thread::sleep(Duration::from_millis(200));
        let flags = gst::SeekFlags::FLUSH;
        quickly("sync: seek", || {
            sync.seek_simple(flags, gst::ClockTime::SECOND).unwrap()
        });
        std::thread::sleep(Duration::from_millis(200));
        quickly("sync: to READY", || {
            sync.set_state(gst::State::Ready).unwrap()
        });
    }
    quickly("sync: to NULL", || {
        sync.set_state(gst::State::Null).unwrap()
    });

    // A live one whose latency cannot be measured.
    let live = launch(&format!(
        "videotestsrc is-live=true ! igdfilter model={model} ! fakesink sync=true"
    ));
    live.set_state(gst::State::Paused).unwrap();
    quickly("live: to PLAYING", || {
        live.set_state(gst::State::Playing).unwrap()
    });
    std::thread::sleep(Duration::from_millis(200));
    for state in [gst::State::Paused, gst::State::Playing, gst::State::Null] {
        quickly("live: to another state", || live.set_state(state).unwrap());
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
    quickly("one: to NULL", || one.set_state(gst::State::Null).unwrap());
    quickly("other: to NULL", || {
        other.set_state(gst::State::Null).unwrap()
    });

    // And when inferences are quick again all is as before.
    stall_inferences(Duration::ZERO);
    one.set_state(gst::State::Playing).unwrap();
    until("no frames", || frames(&one, "one") > 3);
    quickly("one: to NULL again", || {
        one.set_state(gst::State::Null).unwrap()
    });
}
