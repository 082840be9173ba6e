//! igdgate in harnesses and in whole pipelines.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::element::frame::{Pattern, video_info};
use crate::element::model::models;
use crate::element::{PATIENCE, error_text, harness, init, run_to_end};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef};
use gstigd::meta::{AnomalyMeta, GateMessage};

const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);
const CAPS: &str = "video/x-raw,format=I420,width=64,height=64,framerate=25/1";
/// Luma that shows the number of a frame: this much, plus the number.
const FIRST_LUMA: u8 = 16;

fn gate(properties: &str) -> gst::Element {
    init();
    gst::parse::launch(&format!("igdgate {properties}")).unwrap()
}

/// Five frames before and five after.
const SHORT: &str = "pre-roll=200000000 post-roll=200000000";

fn attach(buffer: &mut gst::BufferRef, anomalous: bool) {
    let result = AnomalyMeta {
        score: if anomalous { 2.0 } else { 0.5 },
        normalized: if anomalous { 0.75 } else { 0.25 },
        threshold: 1.0,
        anomalous,
        ..AnomalyMeta::default()
    };
    result.attach(buffer).unwrap();
}

fn buffer(number: u64, anomalous: bool) -> gst::Buffer {
    let mut buffer = gst::Buffer::with_size(64 * 64 * 3 / 2).unwrap();
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(FRAME * number);
    writable.set_duration(FRAME);
    attach(writable, anomalous);
    buffer
}

fn number(buffer: &gst::Buffer) -> u64 {
    buffer.pts().unwrap().nseconds() / FRAME.nseconds()
}

fn gate_messages(bus: &gst::Bus) -> Vec<GateMessage> {
    let messages = bus.iter_filtered(&[gst::MessageType::Element]);
    messages
        .filter_map(|message| GateMessage::try_from(message.structure()?).ok())
        .collect()
}

/// What is in a harness now.
fn pulled(harness: &mut Harness) -> Vec<u64> {
    std::iter::from_fn(|| harness.try_pull().map(|buffer| number(&buffer))).collect()
}

fn pulled_events(harness: &mut Harness) -> Vec<gst::Event> {
    std::iter::from_fn(|| harness.try_pull_event()).collect()
}

fn count(element: &gst::Element, name: &str) -> u64 {
    let stats: gst::Structure = element.property("stats");
    stats.get(name).unwrap()
}

#[test]
fn raw_frames_pass_around_an_anomaly_as_they_came() {
    let gate = gate(SHORT);
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    let mut passed = Vec::new();
    for frame in 0..40 {
        harness.push(buffer(frame, frame == 20)).unwrap();
        assert_eq!(
            gate.property::<bool>("open"),
            (20..=31).contains(&frame),
            "{frame}"
        );
        passed.extend(std::iter::from_fn(|| harness.try_pull()));
    }
    assert_eq!(
        passed.iter().map(number).collect::<Vec<_>>(),
        (15..=25).collect::<Vec<_>>()
    );
    assert!(passed.iter().all(|buffer| buffer.duration() == Some(FRAME)
        && AnomalyMeta::from_buffer(buffer).unwrap().is_some()));
    let messages = gate_messages(&bus);
    let opened = GateMessage {
        open: true,
        event: 1,
        timestamp: Some(FRAME * 20),
        stream_time: Some(FRAME * 20),
        running_time: Some(FRAME * 20),
        start: Some(FRAME * 15),
        end: None,
        score: 2.0,
        normalized: 0.75,
        anomalous_frames: 1,
    };
    let closed = GateMessage {
        open: false,
        end: Some(FRAME * 26),
        ..opened.clone()
    };
    assert_eq!(messages, [opened, closed]);
    let counts = ["buffers", "passed", "left-out", "held", "results", "events"];
    assert_eq!(
        counts.map(|name| count(&gate, name)),
        [40, 11, 23, 6, 40, 1]
    );
}

#[test]
fn events_keep_their_place_between_the_buffers() {
    let gate = gate(SHORT);
    let (mut harness, _) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    for frame in 0..10 {
        harness.push(buffer(frame, false)).unwrap();
    }
    let kinds =
        |events: &[gst::Event]| events.iter().map(|event| event.type_()).collect::<Vec<_>>();
    use gst::EventType::{Caps, Gap, Segment, StreamStart, Tag};
    // The GAP lets sinks preroll.
    assert_eq!(
        kinds(&pulled_events(&mut harness)),
        [StreamStart, Caps, Segment, Gap]
    );

    // What comes while buffers are held stays behind them.
    let other = CAPS.replace("25/1", "50/2,pixel-aspect-ratio=2/1");
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let src = gate.static_pad("src").unwrap();
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    src.add_probe(mask, move |_, info| {
        let word = match &info.data {
            Some(gst::PadProbeData::Event(event)) => event.type_().name().to_string(),
            Some(gst::PadProbeData::Buffer(buffer)) => number(buffer).to_string(),
            _ => "?".to_owned(),
        };
        seen.lock().unwrap().push(word);
        gst::PadProbeReturn::Ok
    });
    harness.push_event(gst::event::Caps::new(&other.parse().unwrap()));
    let mut tags = gst::TagList::new();
    tags.get_mut()
        .unwrap()
        .add::<gst::tags::Title>(&"line 1", gst::TagMergeMode::Append);
    harness.push_event(gst::event::Tag::new(tags));
    for frame in 10..13 {
        harness.push(buffer(frame, frame == 12)).unwrap();
    }
    let words = order.lock().unwrap().join(" ");
    assert_eq!(words, "7 8 9 caps tag 10 11 12");
    assert_eq!(
        pulled_events(&mut harness)
            .iter()
            .map(|event| event.type_())
            .collect::<Vec<_>>(),
        [Caps, Tag]
    );
    assert_eq!(src.current_caps(), Some(other.parse().unwrap()));

    // Without buffers before them they go on at once, and before the buffers that are left out.
    order.lock().unwrap().clear();
    for frame in 13..40 {
        harness.push(buffer(frame, false)).unwrap();
        if frame == 25 {
            harness.push_event(gst::event::Caps::new(&CAPS.parse().unwrap()));
        }
    }
    let words = order.lock().unwrap().join(" ");
    assert_eq!(words, "13 14 15 16 17 caps");
    harness.push_event(gst::event::Eos::new());
    assert!(order.lock().unwrap().ends_with(&["eos".to_owned()]));
}

#[test]
fn a_flush_forgets_what_was() {
    let gate = gate(SHORT);
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    for frame in 0..10 {
        harness.push(buffer(frame, frame == 2)).unwrap();
    }
    // Held, and yet to be known downstream.
    let other: gst::Caps = CAPS.replace("I420", "NV12").parse().unwrap();
    harness.push_event(gst::event::Caps::new(&other));
    assert_eq!(pulled(&mut harness), (0..=7).collect::<Vec<_>>());
    harness.push_event(gst::event::FlushStart::new());
    assert!(gate.property::<bool>("open"));
    harness.push_event(gst::event::FlushStop::new(true));
    assert!(!gate.property::<bool>("open"));
    assert_eq!(count(&gate, "held"), 0);
    let messages = gate_messages(&bus);
    assert_eq!(
        messages
            .iter()
            .map(|message| message.open)
            .collect::<Vec<_>>(),
        [true, false]
    );
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    harness.push_event(gst::event::Segment::new(&segment));
    for frame in 0..20 {
        harness.push(buffer(frame, false)).unwrap();
    }
    assert!(pulled(&mut harness).is_empty());
    assert_eq!(gate.static_pad("src").unwrap().current_caps(), Some(other));
    harness.push(buffer(20, true)).unwrap();
    assert_eq!(pulled(&mut harness), (15..=20).collect::<Vec<_>>());
}

#[test]
fn a_new_stream_begins_without_the_old_one() {
    let gate = gate(SHORT);
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    for frame in 0..10 {
        harness.push(buffer(frame, frame == 6)).unwrap();
    }
    harness.push_event(gst::event::StreamStart::new("another"));
    harness.push_event(gst::event::Caps::new(&CAPS.parse().unwrap()));
    harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<
        gst::ClockTime,
    >::new()));
    assert!(!gate.property::<bool>("open"));
    assert_eq!(gate_messages(&bus).len(), 2);
    assert_eq!(pulled(&mut harness), (1..=9).collect::<Vec<_>>());
    for frame in 0..10 {
        harness.push(buffer(frame, false)).unwrap();
    }
    assert!(pulled(&mut harness).is_empty());
}

#[test]
fn the_score_may_decide_with_hysteresis() {
    let gate = gate("pre-roll=0 post-roll=0 min-score=0.8 hysteresis=0.2");
    let (mut harness, _) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    // Flagged anomalous at 0.75, which is not enough to begin with, but to go on.
    let scores = [0.75, 0.9, 0.75, 0.5, 0.75, 0.75];
    for (frame, normalized) in scores.into_iter().enumerate() {
        let mut buffer = gst::Buffer::with_size(10).unwrap();
        let writable = buffer.get_mut().unwrap();
        writable.set_pts(FRAME * frame as u64);
        let result = AnomalyMeta {
            normalized,
            anomalous: true,
            ..AnomalyMeta::default()
        };
        result.attach(writable).unwrap();
        harness.push(buffer).unwrap();
    }
    assert_eq!(pulled(&mut harness), [1, 2]);
}

#[test]
fn any_of_several_filters_opens_it() {
    for order in [[true, false], [false, true]] {
        let gate = gate("pre-roll=0 post-roll=0");
        let (mut harness, _) = harness(&gate);
        harness.set_src_caps(CAPS.parse().unwrap());
        for frame in 0..5 {
            let mut buffer = buffer(frame, frame == 2 && order[0]);
            attach(buffer.make_mut(), frame == 2 && order[1]);
            harness.push(buffer).unwrap();
        }
        assert_eq!(pulled(&mut harness), [2]);
    }
}

#[test]
fn continuous_timestamps_leave_no_gap() {
    let gate = gate(&format!("{SHORT} continuous=true"));
    let (mut harness, _) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    let mut passed = Vec::new();
    for frame in 0..100 {
        if frame == 50 {
            // Another segment, in which time begins at 10 s.
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(gst::ClockTime::from_seconds(10));
            segment.set_base(FRAME * 50);
            harness.push_event(gst::event::Segment::new(&segment));
        }
        let mut buffer = buffer(frame, [20, 49, 80].contains(&frame));
        if frame >= 50 {
            let pts = gst::ClockTime::from_seconds(10) + FRAME * (frame - 50);
            buffer.make_mut().set_pts(pts);
        }
        harness.push(buffer).unwrap();
    }
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let events = pulled_events(&mut harness);
    let segments: Vec<_> = events
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Segment(segment) => {
                segment.segment().clone().downcast::<gst::ClockTime>().ok()
            }
            _ => None,
        })
        .collect();
    assert_eq!(segments.len(), 2);
    assert!(
        events
            .iter()
            .filter(|event| event.type_() == gst::EventType::Gap)
            .count()
            == 1
    );
    while let Some(buffer) = harness.try_pull() {
        if buffer.pts() >= Some(gst::ClockTime::from_seconds(10)) {
            segment = segments[1].clone();
        }
        passed.push(segment.to_running_time(buffer.pts()).unwrap());
    }
    let first = passed[0];
    let expected: Vec<_> = (0..33).map(|frame| first + FRAME * frame).collect();
    assert_eq!(passed, expected);
    assert_eq!(first, gst::ClockTime::ZERO);
}

#[test]
fn gaps_are_told_of_encoded_streams() {
    let gate = gate(SHORT);
    let (mut harness, _) = harness(&gate);
    harness.set_src_caps(
        "video/x-h264,stream-format=byte-stream,alignment=au"
            .parse()
            .unwrap(),
    );
    for frame in 0..100 {
        harness.push(buffer(frame, false)).unwrap();
    }
    let gaps: Vec<_> = pulled_events(&mut harness)
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some(gap.get().0 / FRAME.nseconds()),
            _ => None,
        })
        .map(|frame| frame.nseconds())
        .collect();
    assert_eq!(gaps, [0, 0, 25, 50, 75]);
}

#[test]
fn a_stream_without_timestamps_is_an_error_that_says_what_to_do() {
    let gate = gate("");
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(
        "video/x-h264,stream-format=byte-stream,alignment=au"
            .parse()
            .unwrap(),
    );
    let refused = (0..2000).find(|_| harness.push(gst::Buffer::new()).is_err());
    assert_eq!(refused, Some(1000));
    let text = error_text(&bus).unwrap();
    assert!(
        text.contains("put a parser such as h264parse before igdgate"),
        "{text}"
    );
}

#[test]
fn a_stream_without_results_is_warned_of() {
    let pipeline = launch("videotestsrc num-buffers=10 ! igdgate ! fakesink");
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let message = bus.timed_pop_filtered(
        PATIENCE,
        &[gst::MessageType::Warning, gst::MessageType::Eos],
    );
    let message = message.unwrap();
    let gst::MessageView::Warning(warning) = message.view() else {
        panic!("no warning");
    };
    assert!(
        warning
            .error()
            .message()
            .contains("put igdfilter before igdgate")
    );
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn igdfilter_opens_it() {
    init();
    let model = models().global_only.display();
    let mut harness = Harness::new_parse(&format!("igdfilter model={model} ! igdgate {SHORT}"));
    let info = video_info(VideoFormat::I420, 64, 48);
    harness.set_src_caps(info.to_caps().unwrap());
    let mut passed = Vec::new();
    for frame in 0..20 {
        let odd = (10..12).contains(&frame);
        let mut buffer = if odd { Pattern::Odd } else { Pattern::Normal }.buffer(&info);
        buffer.make_mut().set_pts(FRAME * frame);
        harness.push(buffer).unwrap();
        passed.extend(pulled(&mut harness));
    }
    assert_eq!(passed, (5..=16).collect::<Vec<_>>());
}

fn launch(text: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(text).unwrap().downcast().unwrap()
}

/// Makes the frames of the source show their number.
fn mark(pipeline: &gst::Pipeline) {
    let pad = pipeline.by_name("mark").unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap().make_mut();
        let number = buffer.pts().unwrap().nseconds() / FRAME.nseconds();
        let mut map = buffer.map_writable().unwrap();
        map[..64 * 64].fill(FIRST_LUMA + number as u8);
        map[64 * 64..].fill(128);
        gst::PadProbeReturn::Ok
    });
}

/// The number that a frame shows, and that a decoder has not changed.
fn shown(buffer: &gst::BufferRef) -> u64 {
    let info = video_info(VideoFormat::I420, 64, 64);
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
    let stride = frame.plane_stride()[0] as usize;
    let rows = frame.plane_data(0).unwrap().chunks(stride).take(64);
    let sum: u64 = rows
        .flat_map(|row| &row[..64])
        .map(|&luma| u64::from(luma))
        .sum();
    (sum + 64 * 32) / (64 * 64) - u64::from(FIRST_LUMA)
}

/// Hangs results on frames that show their number.
fn judge_shown(pipeline: &gst::Pipeline, name: &str, anomalous: &'static [u64]) {
    let pad = pipeline.by_name(name).unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap().make_mut();
        let number = shown(buffer);
        attach(buffer, anomalous.contains(&number));
        gst::PadProbeReturn::Ok
    });
}

fn mark_and_judge(pipeline: &gst::Pipeline, anomalous: &'static [u64]) {
    mark(pipeline);
    judge_shown(pipeline, "mark", anomalous);
}

/// The numbers that the frames of a file show.
fn frames_of(file: &Path) -> Vec<u64> {
    let pipeline = launch(&format!(
        "filesrc location={} ! decodebin ! videoconvert ! video/x-raw,format=I420 ! fakesink name=sink sync=false \
        signal-handoffs=true",
        file.display()
    ));
    let numbers = Arc::new(Mutex::new(Vec::new()));
    let found = numbers.clone();
    let sink = pipeline.by_name("sink").unwrap();
    sink.connect("handoff", false, move |values| {
        let buffer = values[1].get::<gst::Buffer>().unwrap();
        found.lock().unwrap().push(shown(&buffer));
        None
    });
    run_to_end(pipeline.upcast_ref()).unwrap();
    numbers.lock().unwrap().clone()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The frames of each file that a pipeline leaves in a folder. `FILES` in its text stands for them.
fn recorded(text: &str, prepare: impl Fn(&gst::Pipeline)) -> Vec<Vec<u64>> {
    let folder = tempfile::tempdir().unwrap();
    let pattern = folder.path().join("event-%02d.mkv");
    let pipeline = launch(&text.replace("FILES", pattern.to_str().unwrap()));
    prepare(&pipeline);
    run_to_end(pipeline.upcast_ref()).unwrap();
    files_in(folder.path())
        .iter()
        .map(|file| frames_of(file))
        .collect()
}

fn span(first: u64, last: u64) -> Vec<u64> {
    (first..=last).collect()
}

const SOURCE: &str = "videotestsrc num-buffers=120 ! video/x-raw,format=I420,width=64,height=64,framerate=25/1 ! \
                     identity name=mark";
/// Loses nothing, so that frames are known by what they show, and puts frames out of order.
const ENCODER: &str = "x264enc pass=quant quantizer=0 bframes=2 b-adapt=false";
const FILES: &str = "splitmuxsink muxer=matroskamux location=FILES";

#[test]
fn raw_video_becomes_one_file_an_event() {
    let files = recorded(
        &format!("{SOURCE} ! igdgate {SHORT} ! {ENCODER} key-int-max=1000 ! h264parse ! {FILES}"),
        |pipeline| mark_and_judge(pipeline, &[20, 60, 64, 110]),
    );
    assert_eq!(files, [span(15, 25), span(55, 69), span(105, 115)]);
}

#[test]
fn one_file_an_event_also_with_several_groups_in_it() {
    let files = recorded(
        &format!("{SOURCE} ! igdgate {SHORT} ! {ENCODER} key-int-max=4 ! h264parse ! {FILES}"),
        |pipeline| mark_and_judge(pipeline, &[20, 60, 64, 110]),
    );
    assert_eq!(files, [span(15, 25), span(55, 69), span(105, 115)]);
}

#[test]
fn splitting_may_be_left_to_others() {
    let files = recorded(
        &format!("{SOURCE} ! igdgate split=false {SHORT} ! {ENCODER} ! h264parse ! {FILES}"),
        |pipeline| mark_and_judge(pipeline, &[20, 60]),
    );
    assert_eq!(files, [[span(15, 25), span(55, 65)].concat()]);
}

#[test]
fn a_recording_without_events_ends() {
    for gate in [
        format!("igdgate {SHORT} ! {ENCODER} ! h264parse"),
        format!("{ENCODER} ! h264parse ! igdgate {SHORT}"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("event-%02d.mp4");
        let pipeline = launch(&format!(
            "{SOURCE} ! {gate} ! splitmuxsink location={}",
            pattern.display()
        ));
        mark_and_judge(&pipeline, &[]);
        run_to_end(pipeline.upcast_ref()).unwrap();
        // Of splitmuxsink's making.
        assert!(files_in(folder.path()).len() <= 1);
    }
}

#[test]
fn encoders_hand_the_result_on() {
    // Groups begin at multiples of 10; at the end, frames that the last ones depend on come along.
    let files = recorded(
        &format!("{SOURCE} ! {ENCODER} key-int-max=10 ! h264parse ! igdgate {SHORT} ! {FILES}"),
        |pipeline| mark_and_judge(pipeline, &[27, 75]),
    );
    assert_eq!(files.len(), 2, "{files:?}");
    for (frames, (first, anomalous)) in files.iter().zip([(20, 27), (70, 75)]) {
        assert_eq!(
            frames[..=(anomalous + 5 - first) as usize],
            span(first, anomalous + 5)
        );
        assert!(*frames.last().unwrap() <= anomalous + 8, "{frames:?}");
    }
}

/// An encoded stream that is recorded as it came, and judged on a branch of its own.
fn branched(gate: &str, record: &str) -> String {
    format!(
        "{SOURCE} ! {ENCODER} key-int-max=10 ! h264parse ! tee name=t \
         t. ! queue ! igdgate name=gate {gate} ! {record} \
         t. ! queue ! avdec_h264 ! identity name=judge ! gate.result"
    )
}

#[test]
fn results_come_from_a_branch_of_their_own() {
    let files = recorded(
        &branched(SHORT, &format!("h264parse ! {FILES}")),
        |pipeline| {
            mark(pipeline);
            judge_shown(pipeline, "judge", &[27, 75, 118]);
        },
    );
    assert_eq!(files.len(), 3, "{files:?}");
    for (frames, (first, last)) in files.iter().zip([(20, 32), (70, 80), (110, 119)]) {
        assert_eq!(frames[..=(last - first) as usize], span(first, last));
        assert!(*frames.last().unwrap() <= last + 3, "{frames:?}");
    }
}

#[test]
fn files_are_whole_where_timestamps_run_on() {
    let gate = format!("{SHORT} continuous=true");
    let record = format!("h264parse ! {FILES}");
    let files = recorded(&branched(&gate, &record), |pipeline| {
        mark(pipeline);
        judge_shown(pipeline, "judge", &[27, 65, 104]);
    });
    assert_eq!(files.len(), 3, "{files:?}");
    // The second and the third event end with a key frame that is shown after their end.
    for (frames, (first, last)) in files.iter().zip([(20, 32), (60, 70), (90, 109)]) {
        assert_eq!(frames[..=(last - first) as usize], span(first, last));
        assert!(*frames.last().unwrap() <= last + 3, "{frames:?}");
    }
}

#[test]
fn the_stream_waits_for_slow_results() {
    let started = Instant::now();
    let files = recorded(
        &branched(
            &format!("{SHORT} max-wait=500000000"),
            &format!("h264parse ! {FILES}"),
        ),
        |pipeline| {
            mark(pipeline);
            judge_shown(pipeline, "judge", &[27, 118]);
            let judge = pipeline
                .by_name("judge")
                .unwrap()
                .static_pad("sink")
                .unwrap();
            judge.add_probe(gst::PadProbeType::BUFFER, |_, _| {
                std::thread::sleep(Duration::from_millis(10));
                gst::PadProbeReturn::Ok
            });
        },
    );
    assert!(started.elapsed() >= Duration::from_millis(1200));
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!((files[0][0], files[1][0]), (20, 110));
    assert!(files[1].ends_with(&[118, 119]));
}

/// A probe that lets nothing through.
fn swallow(_: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
    info.data.take();
    gst::PadProbeReturn::Handled
}

/// Runs a pipeline to its end, and says what was warned of.
fn warnings(pipeline: &gst::Pipeline) -> Vec<String> {
    let bus = pipeline.bus().unwrap();
    let kinds = [
        gst::MessageType::Eos,
        gst::MessageType::Error,
        gst::MessageType::Warning,
    ];
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut texts = Vec::new();
    loop {
        let message = bus.timed_pop_filtered(PATIENCE, &kinds).expect("an end");
        match message.view() {
            gst::MessageView::Warning(warning) => texts.push(warning.error().message().to_owned()),
            gst::MessageView::Eos(_) => break,
            other => panic!("{other:?}"),
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    texts
}

#[test]
fn results_that_never_come_hold_nothing_up_for_ever() {
    let pipeline = launch(&branched(
        &format!("{SHORT} max-wait=300000000"),
        "fakesink",
    ));
    mark(&pipeline);
    let judge = pipeline
        .by_name("judge")
        .unwrap()
        .static_pad("sink")
        .unwrap();
    judge.add_probe(gst::PadProbeType::BUFFER, swallow);
    let started = Instant::now();
    let texts = warnings(&pipeline);
    assert!(started.elapsed() < Duration::from(PATIENCE));
    assert!(
        texts[0].contains("no results on the pad result"),
        "{texts:?}"
    );
    // Each is said once.
    assert_eq!(texts.len(), 2, "{texts:?}");
}

#[test]
fn the_end_of_the_results_is_no_end_of_the_stream() {
    let pipeline = launch(&branched(
        &format!("{SHORT} max-wait=600000000000"),
        "fakesink",
    ));
    mark(&pipeline);
    judge_shown(&pipeline, "judge", &[10]);
    let judge = pipeline
        .by_name("judge")
        .unwrap()
        .static_pad("sink")
        .unwrap();
    let gate = pipeline.by_name("gate").unwrap();
    let result = gate.static_pad("result").unwrap();
    let judged = AtomicU64::new(0);
    judge.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if judged.fetch_add(1, Ordering::Relaxed) < 40 {
            return gst::PadProbeReturn::Ok;
        }
        result.send_event(gst::event::Eos::new());
        swallow(pad, info)
    });
    let started = Instant::now();
    assert_eq!(warnings(&pipeline), Vec::<String>::new());
    assert!(started.elapsed() < Duration::from(PATIENCE));
    assert_eq!(count(&gate, "events"), 1);
}

#[test]
fn a_waiting_stream_stops_at_once() {
    let pipeline = launch(&format!(
        "{SOURCE} ! igdgate name=gate max-wait=600000000000 ! fakesink"
    ));
    // Nothing ever comes here.
    let gate = pipeline.by_name("gate").unwrap();
    gate.request_pad_simple("result").unwrap();
    for _ in 0..3 {
        pipeline.set_state(gst::State::Playing).unwrap();
        let deadline = Instant::now() + Duration::from(PATIENCE);
        // Its end waits for the results.
        while count(&gate, "buffers") < 120 {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(50));
        let started = Instant::now();
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(started.elapsed() < Duration::from(PATIENCE));
        assert_eq!(count(&gate, "held"), 0);
    }
}

/// The gate's messages until the pipeline ends.
fn messages_to_end(bus: &gst::Bus) -> Vec<GateMessage> {
    let kinds = [
        gst::MessageType::Eos,
        gst::MessageType::Error,
        gst::MessageType::Element,
    ];
    let mut messages = Vec::new();
    loop {
        let message = bus.timed_pop_filtered(PATIENCE, &kinds).expect("an end");
        match message.view() {
            gst::MessageView::Element(element) => {
                messages.extend(
                    element
                        .structure()
                        .and_then(|message| GateMessage::try_from(message).ok()),
                );
            }
            gst::MessageView::Eos(_) => return messages,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pipeline_with_a_gate_seeks_and_starts_again() {
    let text = format!(
        "videotestsrc ! {CAPS} ! identity name=mark ! tee name=t ! queue ! igdgate name=gate {SHORT} ! fakesink \
        sync=false \
         t. ! queue ! identity name=judge ! gate.result"
    );
    let pipeline = launch(&text);
    mark(&pipeline);
    judge_shown(&pipeline, "judge", &[50]);
    let bus = pipeline.bus().unwrap();
    let gate = pipeline.by_name("gate").unwrap();
    for _ in 0..2 {
        pipeline.set_state(gst::State::Paused).unwrap();
        pipeline.state(PATIENCE).0.unwrap();
        for start in [30, 0, 45] {
            let (seek, flush) = (
                gst::SeekType::Set,
                gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
            );
            pipeline
                .seek(1.0, flush, seek, FRAME * start, seek, FRAME * 80)
                .unwrap();
        }
        pipeline.set_state(gst::State::Playing).unwrap();
        let messages = messages_to_end(&bus);
        let last = &messages[messages.len() - 2..];
        assert!(last[0].open && !last[1].open);
        assert_eq!(
            (last[1].stream_time, last[1].start, last[1].end),
            (Some(FRAME * 50), Some(FRAME * 45), Some(FRAME * 56))
        );
        assert_eq!(last[1].running_time, Some(FRAME * 5));
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(!gate.property::<bool>("open"));
    }
}

#[test]
fn a_closed_gate_keeps_no_sink_from_prerolling() {
    let pipeline = launch(
        "videotestsrc ! tee name=t ! queue max-size-buffers=3 ! fakesink t. ! queue ! igdgate ! fakesink",
    );
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_recording_keeps_no_other_sink_from_prerolling_nor_from_its_end() {
    for gate in [
        format!("igdgate ! {ENCODER} ! h264parse"),
        format!("{ENCODER} ! h264parse ! igdgate"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("event-%02d.mkv");
        let pipeline = launch(&format!(
            "{SOURCE} ! tee name=t ! queue max-size-buffers=3 ! fakesink \
             t. ! queue ! {gate} ! splitmuxsink async-handling=true location={}",
            pattern.display()
        ));
        mark_and_judge(&pipeline, &[]);
        run_to_end(pipeline.upcast_ref()).unwrap();
    }
}

#[test]
fn every_encoder_hands_the_result_on() {
    init();
    let encoders = [
        "x264enc",
        "jpegenc",
        "openh264enc",
        "x265enc",
        "vp8enc",
        "avenc_mpeg4",
        "theoraenc",
    ];
    for encoder in encoders {
        // The first two are part of the packages that the tests need.
        if gst::ElementFactory::find(encoder).is_none() && !encoders[..2].contains(&encoder) {
            continue;
        }
        let pipeline = launch(&format!(
            "{SOURCE} ! {encoder} ! igdgate name=gate ! fakesink"
        ));
        mark_and_judge(&pipeline, &[]);
        run_to_end(pipeline.upcast_ref()).unwrap();
        let gate = pipeline.by_name("gate").unwrap();
        assert!(
            count(&gate, "results") >= 120,
            "{encoder}: {}",
            count(&gate, "results")
        );
    }
}

#[test]
fn one_frame_is_an_event_with_an_end() {
    let gate = gate("pre-roll=0 post-roll=0");
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    for frame in 0..10 {
        harness.push(buffer(frame, frame == 4)).unwrap();
    }
    assert_eq!(pulled(&mut harness), [4]);
    let closed = gate_messages(&bus).pop().unwrap();
    assert_eq!(
        (closed.start, closed.end),
        (Some(FRAME * 4), Some(FRAME * 5))
    );
}

#[test]
fn the_result_pad_comes_and_goes() {
    let gate = gate("");
    let pad = gate.request_pad_simple("result").unwrap();
    gate.release_request_pad(&pad);
    assert!(gate.static_pad("result").is_none());
    assert!(gate.request_pad_simple("result").is_some());
}

#[test]
fn what_is_held_is_told_as_latency() {
    let upstream = gst::ClockTime::from_mseconds(10);
    let gate = gate(SHORT);
    let (mut harness, bus) = harness(&gate);
    harness.set_src_caps(CAPS.parse().unwrap());
    harness.set_upstream_latency(upstream);
    assert_eq!(harness.query_latency(), Some(upstream + FRAME * 5));
    gate.set_property("pre-roll", (FRAME * 10).nseconds());
    assert!(bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
    assert_eq!(harness.query_latency(), Some(upstream + FRAME * 10));
}

/// The latency of a live pipeline, once it plays.
fn latency(text: &str) -> gst::ClockTime {
    let pipeline = launch(text);
    pipeline.set_state(gst::State::Playing).unwrap();
    let deadline = Instant::now() + Duration::from(PATIENCE);
    let latency = loop {
        let mut query = gst::query::Latency::new();
        if pipeline.query(&mut query) && query.result().0 {
            break query.result().1;
        }
        assert!(Instant::now() < deadline, "{text} is not live");
        std::thread::sleep(Duration::from_millis(5));
    };
    pipeline.set_state(gst::State::Null).unwrap();
    latency
}

#[test]
fn a_recording_does_not_delay_the_picture_beside_it() {
    let live = format!("videotestsrc is-live=true ! {CAPS} ! tee name=t");
    let picture = "t. ! queue ! fakesink sync=true";
    let beside = |sink: &str| {
        latency(&format!(
            "{live} {picture} t. ! queue ! igdgate pre-roll=2000000000 ! {sink}"
        ))
    };
    let alone = latency(&format!("{live} {picture}"));
    assert_eq!(beside("fakesink sync=false async=false"), alone);
    let shown = beside("fakesink sync=true async=false");
    assert_eq!(shown, alone + gst::ClockTime::from_seconds(2));
}

#[test]
fn results_on_a_branch_of_their_own_are_waited_for() {
    let live = format!("videotestsrc is-live=true ! {CAPS} ! tee name=t");
    let gated = |results: &str| {
        latency(&format!(
            "{live} t. ! queue ! igdgate name=gate pre-roll=0 ! fakesink sync=true async=false t. ! {results} ! gate.result"
        ))
    };
    let late = "queue min-threshold-time=300000000";
    let difference = gated(late) - gated("queue");
    assert_eq!(difference, gst::ClockTime::from_mseconds(300));
}
