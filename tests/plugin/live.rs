//! igdfilter beside a live camera: results that come later, latency, QoS, and models that change while playing.

use std::fs::File;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::alone::alone;
use crate::element;
use crate::element::frame::{Pattern, add_regions, video_info};
use crate::element::model::models;
use crate::element::{PATIENCE, filter, harness, threads};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo};
use gstigd::meta::AnomalyMeta;

fn info() -> VideoInfo {
    video_info(VideoFormat::I420, 320, 240)
}

/// A harness that expects frames of [`info`], with a bus.
fn line(properties: &str) -> (Harness, gst::Bus, gst::Element) {
    let element = filter(&models().both, properties);
    let (mut harness, bus) = harness(&element);
    harness.set_src_caps(info().to_caps().unwrap());
    (harness, bus, element)
}

fn stamped(pattern: Pattern, number: u64) -> gst::Buffer {
    let mut buffer = pattern.buffer(&info());
    let frame = gst::ClockTime::from_mseconds(40);
    let made = buffer.get_mut().unwrap();
    made.set_pts(frame * number);
    made.set_duration(frame);
    buffer
}

fn through(harness: &mut Harness, buffer: gst::Buffer) -> Option<AnomalyMeta> {
    let buffer = harness.push_and_pull(buffer).unwrap();
    AnomalyMeta::from_buffer(&buffer).unwrap()
}

fn stat(element: &gst::Element, name: &str) -> u64 {
    let stats: gst::Structure = element.property("stats");
    stats.get(name).unwrap()
}

/// Pushes the pattern until a result of it comes.
fn until_result(harness: &mut Harness, pattern: Pattern, number: &mut u64) -> AnomalyMeta {
    let start = Instant::now();
    let first = *number;
    loop {
        let result = through(harness, stamped(pattern, *number));
        *number += 1;
        match result {
            Some(result) if *number - 1 - u64::from(result.age) >= first => return result,
            _ => assert!(start.elapsed() < Duration::from(PATIENCE)),
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Frames that come faster than they can be inferred. Returns when each was pushed, and the frame that its result was
/// of.
fn latest_video() -> Vec<(Instant, Option<u64>)> {
    let (mut harness, _bus, element) = line("inference-mode=latest overlay=none");
    // Which ones are odd follows no rhythm that inferences could have.
    let pattern = |number: u64| match number * number % 7 {
        0 | 2 => Pattern::Odd,
        _ => Pattern::Normal,
    };
    let (mut frames, mut sources) = (Vec::new(), Vec::new());
    let start = Instant::now();
    // A busy machine takes more frames for as many results.
    while frames.len() < 300 || sources.len() <= 3 {
        let number = frames.len() as u64;
        let now = Instant::now();
        let result = through(&mut harness, stamped(pattern(number), number));
        let source = result.map(|result| {
            let source = number - u64::from(result.age);
            let is_odd = pattern(source) == Pattern::Odd;
            assert_eq!(result.anomalous, is_odd, "{number} has that of {source}");
            source
        });
        frames.push((now, source));
        sources.extend(source);
        assert!(sources.is_sorted());
        sources.dedup();
        assert!(start.elapsed() < Duration::from(PATIENCE));
        thread::sleep(Duration::from_millis(3));
    }
    assert_eq!(stat(&element, "inferred"), sources.len() as u64);
    assert!(stat(&element, "skipped") > 0);
    frames
}

#[test]
fn latest_video_carries_results_of_earlier_frames_with_their_age() {
    latest_video();
}

/// A result is as old as its inference took when it comes, and stays for the next one's.
#[test]
#[ignore = "long: asks for shares of times"]
fn results_of_latest_video_are_no_older_than_two_inferences() {
    let frames = latest_video();
    let ages = frames.iter().filter_map(|(now, source)| {
        let source = (*source)?;
        Some((source, *now - frames[source as usize].0))
    });
    let ages: Vec<_> = ages.collect();
    let first_shown = ages.chunk_by(|one, next| one.0 == next.0);
    let inference = first_shown.map(|shown| shown[0].1).max().unwrap();
    let intervals = frames.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let bound = inference * 2 + intervals.max().unwrap() * 2;
    let oldest = ages.iter().map(|(_, age)| *age).max().unwrap();
    assert!(oldest <= bound, "{oldest:?}, not above {bound:?}");
}

#[test]
#[ignore = "long: asks for a share of a time"]
fn latest_video_does_not_wait() {
    let (mut harness, _bus, element) = line("inference-mode=latest overlay=none");
    let mut number = 0;
    until_result(&mut harness, Pattern::Normal, &mut number);
    let mut waits: Vec<_> = (0..101)
        .map(|_| {
            let buffer = stamped(Pattern::Normal, number);
            number += 1;
            let start = Instant::now();
            harness.push_and_pull(buffer).unwrap();
            start.elapsed()
        })
        .collect();
    waits.sort();
    let stats: gst::Structure = element.property("stats");
    let inference: f64 = stats.get("mean-latency").unwrap();
    // Most frames are not even read.
    let median = waits[waits.len() / 2].as_secs_f64() * 1e3;
    assert!(
        median < inference / 3.0,
        "{median} ms a frame, {inference} ms an inference"
    );
}

#[test]
fn results_of_before_a_flush_do_not_come_after_it() {
    let (mut harness, bus, _element) = line("inference-mode=latest overlay=none messages=all");
    let mut number = 0;
    until_result(&mut harness, Pattern::Normal, &mut number);
    for _ in 0..5 {
        // Its inference is under way at the flush.
        through(&mut harness, stamped(Pattern::Odd, number));
        assert!(harness.push_event(gst::event::FlushStart::new()));
        assert!(harness.push_event(gst::event::FlushStop::new(true)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(harness.push_event(gst::event::Segment::new(&segment)));
        while bus.pop().is_some() {}
        let first = through(&mut harness, stamped(Pattern::Normal, number));
        assert_eq!(first, None);
        number = 1;
        let next = until_result(&mut harness, Pattern::Normal, &mut number);
        assert!(!next.anomalous);
        let odd = bus.iter().any(|message| {
            let structure = message.structure();
            structure.is_some_and(|structure| structure.get::<bool>("anomalous") == Ok(true))
        });
        assert!(!odd, "a message of before the flush");
    }
}

#[test]
fn messages_of_latest_video_have_the_times_of_the_inferred_frame() {
    let (mut harness, bus, _element) = line("inference-mode=latest overlay=none messages=all");
    let mut number = 0;
    let result = until_result(&mut harness, Pattern::Odd, &mut number);
    let message = bus
        .pop_filtered(&[gst::MessageType::Element])
        .expect("a message");
    let structure = message.structure().unwrap();
    let timestamp: gst::ClockTime = structure.get("timestamp").unwrap();
    let source = number - 1 - u64::from(result.age);
    assert_eq!(timestamp, gst::ClockTime::from_mseconds(40) * source);
    assert!(structure.get::<bool>("anomalous").unwrap());
}

#[test]
fn an_interval_holds_for_latest_video_too() {
    let (mut harness, _bus, element) =
        line("inference-mode=latest overlay=none inference-interval=1000");
    let mut number = 0;
    until_result(&mut harness, Pattern::Normal, &mut number);
    for _ in 0..50 {
        through(&mut harness, stamped(Pattern::Normal, number));
        number += 1;
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(stat(&element, "inferred"), 1);
}

/// Each frame waits for others to be inferred with it, so that the one before is surely under way.
#[test]
fn the_first_frame_that_is_to_wait_waits_for_its_own_result() {
    let (mut harness, bus, element) =
        line("inference-mode=latest overlay=none messages=all batch-size=8 batch-timeout=300");
    assert_eq!(through(&mut harness, stamped(Pattern::Normal, 0)), None);
    element.set_property_from_str("inference-mode", "sync");
    let result = through(&mut harness, stamped(Pattern::Odd, 1)).unwrap();
    assert!(result.anomalous && result.age == 0);
    // The one before is not lost.
    let messages = bus.iter_filtered(&[gst::MessageType::Element]);
    let anomalous = messages.map(|message| message.structure().unwrap().get::<bool>("anomalous"));
    assert_eq!(anomalous.collect::<Vec<_>>(), [Ok(false), Ok(true)]);
    assert_eq!(stat(&element, "inferred"), 2);
}

#[test]
fn a_latency_query_is_told_of_an_inference() {
    let upstream = gst::ClockTime::from_mseconds(10);
    let (mut harness, _bus, element) = line("overlay=none");
    harness.set_upstream_latency(upstream);
    // Before the first frame an inference is measured for it.
    let first = harness.query_latency().expect("an answer") - upstream;
    assert!(first > gst::ClockTime::from_mseconds(1), "{first}");
    for number in 0..5 {
        through(&mut harness, stamped(Pattern::Normal, number));
    }
    let stats: gst::Structure = element.property("stats");
    let mean: f64 = stats.get("mean-latency").unwrap();
    let later = harness.query_latency().unwrap() - upstream;
    let later = later.useconds() as f64 / 1e3;
    assert!(later >= mean, "{later} ms, frames take {mean} ms");
}

#[test]
fn latest_video_is_hardly_later() {
    let upstream = gst::ClockTime::from_mseconds(10);
    let (mut harness, _bus, _element) = line("inference-mode=latest overlay=none");
    harness.set_upstream_latency(upstream);
    assert_eq!(harness.query_latency(), Some(upstream));
}

#[test]
fn a_longer_inference_is_told_to_the_pipeline() {
    let (mut harness, bus, _element) = line("inference-mode=latest overlay=none");
    harness.set_upstream_latency(gst::ClockTime::from_mseconds(10));
    harness.query_latency().unwrap();
    // Reading a frame takes longer than nothing, which was told.
    let large = video_info(VideoFormat::Rgb, 3840, 2160);
    harness.set_src_caps(large.to_caps().unwrap());
    harness
        .push_and_pull(Pattern::Normal.buffer(&large))
        .unwrap();
    assert!(bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
    let told = harness.query_latency().unwrap();
    assert!(told > gst::ClockTime::from_mseconds(11), "{told}");
}

#[test]
fn late_frames_pass_without_an_inference() {
    let (mut harness, _bus, element) = line("overlay=none");
    let mut results = Vec::new();
    for number in 0..10 {
        if number == 2 {
            // Frame 1 came 80 ms too late: those up to 160 ms later will be late too.
            let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 1.5, 80_000_000)
                .timestamp(gst::ClockTime::from_mseconds(40));
            assert!(harness.push_upstream_event(qos.build()));
        }
        let result = through(&mut harness, stamped(Pattern::Normal, number));
        results.push(result.unwrap().age);
    }
    assert_eq!(results, [0, 0, 1, 2, 3, 4, 0, 0, 0, 0]);
    assert_eq!(stat(&element, "late"), 4);
    assert_eq!(stat(&element, "frames"), 10);
    assert_eq!(stat(&element, "inferred"), 6);
}

#[test]
fn late_frames_are_inferred_where_qos_is_not_to_be_heeded() {
    let (mut harness, _bus, element) = line("overlay=none qos=false");
    for number in 0..4 {
        if number == 2 {
            let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 1.5, 80_000_000)
                .timestamp(gst::ClockTime::from_mseconds(40));
            assert!(harness.push_upstream_event(qos.build()));
        }
        let result = through(&mut harness, stamped(Pattern::Normal, number));
        assert_eq!(result.unwrap().age, 0);
    }
    assert_eq!((stat(&element, "late"), stat(&element, "inferred")), (0, 4));
}

/// Also where the user says so, which has the base class drop them.
#[test]
fn no_late_frame_is_dropped() {
    let (mut harness, _bus, element) = line("overlay=none qos=true");
    through(&mut harness, stamped(Pattern::Normal, 0));
    let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 1.5, 80_000_000)
        .timestamp(gst::ClockTime::from_mseconds(0));
    assert!(harness.push_upstream_event(qos.build()));
    for number in 1..4 {
        harness.push(stamped(Pattern::Normal, number)).unwrap();
        assert!(harness.try_pull().is_some(), "{number}");
    }
    assert_eq!(stat(&element, "late"), 3);
}

#[test]
fn lateness_ends_with_a_flush() {
    let (mut harness, _bus, element) = line("overlay=none");
    through(&mut harness, stamped(Pattern::Normal, 0));
    let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 9.0, 1_000_000_000)
        .timestamp(gst::ClockTime::ZERO);
    assert!(harness.push_upstream_event(qos.build()));
    through(&mut harness, stamped(Pattern::Normal, 1));
    assert_eq!(stat(&element, "late"), 1);
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    let result = through(&mut harness, stamped(Pattern::Normal, 1));
    assert_eq!(result.unwrap().age, 0);
    assert_eq!(stat(&element, "late"), 1);
}

#[test]
fn a_live_pipeline_with_a_clock_runs_in_both_modes() {
    for mode in ["sync", "latest"] {
        let model = models().both.display();
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc is-live=true num-buffers=20 ! video/x-raw,framerate=50/1 ! \
             igdfilter name=filter model={model} inference-mode={mode} ! fakesink sync=true qos=true"
        ))
        .unwrap();
        element::run_to_end(&pipeline).unwrap();
        let filter = pipeline
            .downcast_ref::<gst::Bin>()
            .unwrap()
            .by_name("filter")
            .unwrap();
        assert_eq!(stat(&filter, "frames"), 20, "{mode}");
    }
}

/// Which terms a result has tells which model it is of.
fn is_of_both(result: &AnomalyMeta) -> bool {
    result.scales.local.is_some()
}

#[test]
fn another_model_takes_over_between_two_frames() {
    let (mut harness, bus, element) = line("overlay=none");
    let first = through(&mut harness, stamped(Pattern::Odd, 0)).unwrap();
    assert!(is_of_both(&first));
    let next = models().global_only.to_str().unwrap();
    element.set_property("model", next);
    let start = Instant::now();
    let mut number = 1;
    let mut turned = false;
    while !turned {
        let result = through(&mut harness, stamped(Pattern::Odd, number)).unwrap();
        number += 1;
        // Each frame is inferred, by one model or the other.
        assert_eq!(result.age, 0);
        assert!(result.anomalous);
        turned = !is_of_both(&result);
        let name = if turned {
            "element-global"
        } else {
            "element-both"
        };
        assert_eq!(result.model, name);
        assert!(start.elapsed() < Duration::from(PATIENCE));
    }
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    assert_eq!(stat(&element, "inferred"), number);
}

#[test]
fn stopping_does_not_wait_for_a_model_that_is_being_opened() {
    alone(
        "live::stopping_does_not_wait_for_a_model_that_is_being_opened",
        stop_while_opening,
    );
}

/// Opening waits for whoever writes to the pipe, as for a disk that hangs.
fn stop_while_opening() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("part.safetensors");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let (mut harness, bus, element) = line("overlay=none");
    through(&mut harness, stamped(Pattern::Normal, 0)).unwrap();
    element.set_property("model", pipe.to_str().unwrap());
    let is_opening = || threads().iter().any(|name| name == "igd-open");
    let start = Instant::now();
    while !is_opening() {
        assert!(start.elapsed() < Duration::from(PATIENCE));
    }
    let (sender, stopped) = mpsc::channel();
    let stopping = element.clone();
    thread::spawn(move || sender.send(stopping.set_state(gst::State::Null)));
    assert!(stopped.recv_timeout(PATIENCE.into()).unwrap().is_ok());
    assert!(is_opening());

    drop(File::options().write(true).open(&pipe).unwrap());
    let start = Instant::now();
    while is_opening() {
        assert!(start.elapsed() < Duration::from(PATIENCE));
    }
    // What was no model is nobody's any more.
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
}

#[test]
#[ignore = "long: asks for a time"]
fn a_model_that_takes_over_does_not_wait_for_the_one_before() {
    let test = "live::a_model_that_takes_over_does_not_wait_for_the_one_before";
    alone(test, take_over_from_a_busy_model);
}

fn take_over_from_a_busy_model() {
    let (mut harness, _bus, element) =
        line("inference-mode=latest inference-region=roi-list overlay=none");
    let mut crowded = stamped(Pattern::Normal, 0);
    add_regions(crowded.get_mut().unwrap(), 400);
    harness.push_and_pull(crowded).unwrap();
    element.set_property("model", models().global_only.to_str().unwrap());
    let models_at_work = || {
        let names = threads();
        names.iter().filter(|name| *name == "igd-infer").count()
    };
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    let mut after = 0;
    while after < 5 {
        assert!(began.elapsed() < Duration::from(PATIENCE));
        after += u32::from(models_at_work() == 2);
        let frame = stamped(Pattern::Normal, 1);
        let start = Instant::now();
        harness.push_and_pull(frame).unwrap();
        longest = longest.max(start.elapsed());
    }
    assert_eq!(models_at_work(), 2, "the model before was through");
    assert!(longest < Duration::from_millis(250), "{longest:?}");
}

#[test]
fn a_bad_model_leaves_the_old_one_running_and_says_so() {
    let (mut harness, bus, element) = line("overlay=none");
    through(&mut harness, stamped(Pattern::Odd, 0)).unwrap();
    let good: String = element.property("model");
    let (sender, told) = mpsc::channel();
    element.connect_notify(Some("model"), move |element, _| {
        let _ = sender.send(element.property::<String>("model"));
    });
    for bad in [file!(), "/nowhere/part.safetensors"] {
        element.set_property("model", bad);
        let message = bus
            .timed_pop_filtered(PATIENCE, &[gst::MessageType::Warning])
            .expect("a warning");
        let gst::MessageView::Warning(warning) = message.view() else {
            unreachable!()
        };
        let text = warning.error().message().to_owned();
        assert!(text.starts_with("the model before goes on: "), "{text}");
        assert!(text.contains(bad), "{text}");
        let result = through(&mut harness, stamped(Pattern::Odd, 1)).unwrap();
        assert!(is_of_both(&result) && result.age == 0);
        assert_eq!(element.property::<String>("model"), good);
        assert_eq!(told.try_iter().last().as_ref(), Some(&good));
    }
}

#[test]
fn the_last_of_several_models_wins() {
    alone("live::the_last_of_several_models_wins", set_several_models);
}

fn set_several_models() {
    let (mut harness, _bus, element) = line("overlay=none");
    let both: String = element.property("model");
    let global = models().global_only.to_str().unwrap();
    // From two threads at a time, and then from this one.
    thread::scope(|scope| {
        for model in [&both, global] {
            let element = &element;
            scope.spawn(move || (0..3).for_each(|_| element.set_property("model", model)));
        }
    });
    for _ in 0..3 {
        element.set_property("model", &both);
        element.set_property("model", global);
    }
    let start = Instant::now();
    // The first of them has been opened, then no other is being.
    let is_opening = || threads().iter().any(|name| name == "igd-open");
    while is_of_both(&through(&mut harness, stamped(Pattern::Normal, 0)).unwrap()) || is_opening() {
        assert!(start.elapsed() < Duration::from(PATIENCE));
    }
    let last = through(&mut harness, stamped(Pattern::Normal, 1)).unwrap();
    assert!(!is_of_both(&last));
}
