//! Frames whose result is far off: each waits as long as an element may for others to be inferred with it. It is no
//! work for the machine, and all that waits for a result waits as for an inference that hangs.

use std::time::{Duration, Instant};

use crate::element::model::models;
use crate::element::{PATIENCE, init};
use gst::prelude::*;

const STALLED: &str = "batch-size=64 batch-timeout=10000";

fn launch(text: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(text).unwrap().downcast().unwrap()
}

fn stat(pipeline: &gst::Pipeline, name: &str) -> u64 {
    let filter = pipeline.by_name("filter").unwrap();
    filter
        .property::<gst::Structure>("stats")
        .get(name)
        .unwrap()
}

/// Long enough for a frame to get where it waits.
fn let_wait() {
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_result_that_is_far_off_stops_neither_video_nor_state_changes() {
    all_go_on(Duration::MAX);
}

#[test]
#[ignore = "long: asks for seconds"]
fn and_state_changes_take_less_than_a_second() {
    all_go_on(Duration::from_secs(1));
}

/// No state change waits for a result, nor takes longer than `quick`; no second of video takes three times as long.
fn all_go_on(quick: Duration) {
    let change = |pipeline: &gst::Pipeline, what: &str, change: &dyn Fn(&gst::Pipeline)| {
        let start = Instant::now();
        change(pipeline);
        let time = start.elapsed();
        assert!(time < quick, "{what} took {time:?}");
        assert_eq!(stat(pipeline, "inferred"), 0, "{what} took {time:?}");
    };
    let go = |pipeline: &gst::Pipeline, state: gst::State| {
        change(pipeline, &format!("to {state:?}"), &|pipeline| {
            pipeline.set_state(state).unwrap();
        });
    };
    init();
    let model = models().both.display();

    // `latest` video goes on at its own rate.
    let latest = launch(&format!(
        "videotestsrc is-live=true num-buffers=50 ! video/x-raw,framerate=50/1 ! \
         igdfilter name=filter model={model} {STALLED} inference-mode=latest ! fakesink sync=true"
    ));
    let bus = latest.bus().unwrap();
    let start = Instant::now();
    latest.set_state(gst::State::Playing).unwrap();
    let end = bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos);
    let time = start.elapsed();
    assert!(time < quick.saturating_mul(3), "a second took {time:?}");
    assert_eq!(stat(&latest, "frames"), 50);
    go(&latest, gst::State::Null);

    // A frame that waits is let go.
    let sync = launch(&format!(
        "videotestsrc ! igdfilter name=filter model={model} {STALLED} ! fakesink"
    ));
    for _ in 0..2 {
        go(&sync, gst::State::Paused);
        let_wait();
        change(&sync, "seek", &|sync| {
            sync.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::SECOND)
                .unwrap();
        });
        let_wait();
        go(&sync, gst::State::Ready);
    }
    go(&sync, gst::State::Null);

    // A live one whose latency cannot be measured.
    let live = launch(&format!(
        "videotestsrc is-live=true ! igdfilter name=filter model={model} {STALLED} ! fakesink sync=true"
    ));
    live.set_state(gst::State::Paused).unwrap();
    go(&live, gst::State::Playing);
    let_wait();
    for state in [gst::State::Paused, gst::State::Playing, gst::State::Null] {
        go(&live, state);
    }

    // One of two streams that share a model is stopped, then the other.
    let [one, other] = [(); 2].map(|()| {
        launch(&format!(
            "videotestsrc ! igdfilter name=filter model={model} {STALLED} model-instance-id=stalled ! fakesink"
        ))
    });
    for pipeline in [&one, &other] {
        pipeline.set_state(gst::State::Paused).unwrap();
    }
    let_wait();
    go(&one, gst::State::Null);
    go(&other, gst::State::Null);

    // And when results come soon again all is as before.
    let filter = one.by_name("filter").unwrap();
    filter.set_property("batch-timeout", 0u32);
    one.set_state(gst::State::Playing).unwrap();
    let start = Instant::now();
    while stat(&one, "inferred") <= 3 {
        assert!(start.elapsed() < Duration::from(PATIENCE), "no frames");
        std::thread::sleep(Duration::from_millis(5));
    }
    one.set_state(gst::State::Null).unwrap();
}
