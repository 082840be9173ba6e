//! igdmetaenc: frames with results in, lines out.

use std::fs;
use std::path::Path;

use crate::element::results::{frame, full, full_of_two, leave_on_frames_of, result};
use crate::element::{PATIENCE, harness, init, run_to_end};
use gst::prelude::*;
use gst_check::Harness;
use gstigd::meta::AnomalyMeta;
use serde_json::{Value, json};

/// An igdmetaenc with properties as the text of a pipeline has them, where video of 64x48 is about to come.
fn encoder(properties: &str) -> (Harness, gst::Bus) {
    init();
    let element = gst::parse::launch(&format!("igdmetaenc {properties}")).unwrap();
    let (mut harness, bus) = harness(&element);
    harness.set_src_caps_str("video/x-raw,format=I420,width=64,height=48,framerate=25/1");
    (harness, bus)
}

fn parse(line: &gst::BufferRef) -> Value {
    let text = line.map_readable().unwrap();
    assert_eq!(
        text.iter().position(|&byte| byte == b'\n'),
        Some(text.len() - 1)
    );
    serde_json::from_slice(&text).unwrap()
}

/// The lines so far.
fn lines(harness: &mut Harness) -> Vec<Value> {
    std::iter::from_fn(|| harness.try_pull())
        .map(|line| parse(&line))
        .collect()
}

/// The gaps so far, as PTS and duration.
fn gaps(harness: &mut Harness) -> Vec<(gst::ClockTime, Option<gst::ClockTime>)> {
    let events = std::iter::from_fn(|| harness.try_pull_event());
    events
        .filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some(gap.get()),
            _ => None,
        })
        .collect()
}

/// The texts of the warnings so far.
fn warnings(bus: &gst::Bus) -> Vec<String> {
    bus.iter_filtered(&[gst::MessageType::Warning])
        .filter_map(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().message().to_owned()),
            _ => None,
        })
        .collect()
}

fn pipeline(text: &str) -> gst::Pipeline {
    init();
    let pipeline = gst::parse::launch(text).unwrap();
    pipeline.downcast::<gst::Pipeline>().unwrap()
}

#[test]
fn a_line_says_what_the_result_does_and_keeps_the_times() {
    let (mut harness, bus) = encoder("path=camera-1");
    let mut sent = frame(3, Some(&full()));
    sent.make_mut().set_dts(gst::ClockTime::from_mseconds(80));
    let line = harness.push_and_pull(sent.clone()).unwrap();
    assert_eq!(
        (line.pts(), line.dts(), line.duration()),
        (sent.pts(), sent.dts(), sent.duration())
    );
    let region = json!({"x": 1, "y": 2, "w": 3, "h": 4, "area": 5, "score": 0.625});
    let area = json!({"x": 8, "y": 4, "w": 32, "h": 16});
    let terms = json!({"reconstruction": 0.125, "gaussian": 0.5});
    assert_eq!(
        parse(&line),
        json!({
            "path": "camera-1", "frame": 0,
            "pts": 120_000_000, "stream_time": 120_000_000, "running_time": 120_000_000,
            "width": 64, "height": 48, "element": "first",
            "score": 0.75, "normalized": 0.75, "threshold": 0.5, "anomalous": true,
            "scales": {"global": terms, "local": terms, "dense": {"distance": 1.5, "gaussian": 0.75}},
            "regions": [region], "candidates": [region], "inspected": area,
            "objects": [{
                "id": 7, "type": "cell", "x": 8, "y": 4, "w": 32, "h": 16,
                "score": 0.75, "normalized": 1.0, "anomalous": true, "regions": [region],
            }],
            "drift": 0.5, "inference_ms": 1.5, "age": 3,
        })
    );
    let caps = harness.sinkpad().unwrap().current_caps().unwrap();
    assert_eq!(
        caps.to_string(),
        "application/x-json, format=(string)ndjson"
    );
    assert!(warnings(&bus).is_empty());
}

#[test]
fn a_line_has_the_results_of_all_filters() {
    let (mut harness, _) = encoder("only-anomalous=true include-map=true");
    let line = parse(
        &harness
            .push_and_pull(frame(0, Some(&full_of_two())))
            .unwrap(),
    );
    let results = line["results"].as_array().unwrap();
    let names: Vec<_> = results.iter().map(|result| &result["element"]).collect();
    assert_eq!(names, ["first", "second"]);
    // The first one is the worst, and all that is said of it is said twice.
    for (name, value) in results[0].as_object().unwrap() {
        assert_eq!(&line[name], value, "{name}");
    }
    assert_eq!(results[1]["anomalous"], false);

    // The second filter's alone is anomalous.
    let mut buffer = frame(1, Some(&result(0.25)));
    result(0.875).attach(buffer.make_mut()).unwrap();
    let line = parse(&harness.push_and_pull(buffer).unwrap());
    assert_eq!(
        (&line["anomalous"], &line["score"]),
        (&json!(true), &json!(0.875))
    );
}

#[test]
fn normal_frames_are_gaps_with_only_anomalous() {
    let (mut harness, bus) = encoder("only-anomalous=true");
    for (number, score) in [0.25, 0.75, 0.5, 0.875].into_iter().enumerate() {
        let sent = frame(number as u64, Some(&result(score)));
        harness.push(sent).unwrap();
    }
    let scores: Vec<_> = lines(&mut harness)
        .iter()
        .map(|line| (line["frame"].clone(), line["score"].clone()))
        .collect();
    assert_eq!(scores, [(json!(1), json!(0.75)), (json!(3), json!(0.875))]);
    let duration = gst::ClockTime::from_mseconds(40);
    let expected = [0, 2].map(|number| (number * duration, Some(duration)));
    assert_eq!(gaps(&mut harness), expected);
    harness.push_event(gst::event::Eos::new());
    assert!(warnings(&bus).is_empty());
}

#[test]
fn a_stream_without_results_ends_with_a_warning() {
    let (mut harness, bus) = encoder("");
    for number in 0..3 {
        harness.push(frame(number, None)).unwrap();
    }
    // Without a time there is nothing to tell those downstream.
    harness.push(gst::Buffer::new()).unwrap();
    assert_eq!(gaps(&mut harness).len(), 3);
    assert!(warnings(&bus).is_empty());
    for _ in 0..2 {
        harness.push_event(gst::event::Eos::new());
    }
    assert!(lines(&mut harness).is_empty());
    assert_eq!(
        warnings(&bus),
        ["no results on 4 frames: put igdfilter before igdmetaenc"]
    );
}

#[test]
fn a_stream_that_never_ends_is_warned_of_too() {
    let (mut harness, bus) = encoder("");
    for number in 0..2500 {
        assert_eq!(warnings(&bus).len(), usize::from(number == 1000));
        harness.push(frame(number, None)).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
    assert!(warnings(&bus).is_empty());
}

#[test]
fn late_results_are_no_reason_for_a_warning() {
    let (mut harness, bus) = encoder("");
    harness.push(frame(0, None)).unwrap();
    harness.push(frame(1, Some(&result(0.25)))).unwrap();
    harness.push(frame(2, None)).unwrap();
    harness.push_event(gst::event::Eos::new());
    assert_eq!(lines(&mut harness)[0]["frame"], 1);
    assert!(warnings(&bus).is_empty());
}

/// The pixels of a picture in a line, and its size.
fn pixels(map: &Value) -> (Vec<u8>, u32, u32) {
    let png = glib::base64_decode(map.as_str().unwrap());
    let picture = image::load_from_memory(&png).unwrap();
    let gray = picture.as_luma8().expect("gray, 8 bits");
    (gray.as_raw().clone(), gray.width(), gray.height())
}

#[test]
fn maps_are_pictures_when_asked_for() {
    let (mut harness, bus) = encoder("include-map=true");
    let line = parse(&harness.push_and_pull(frame(0, Some(&full()))).unwrap());
    assert_eq!(pixels(&line["map"]), (vec![64, 128], 2, 1));
    assert_eq!(pixels(&line["objects"][0]["map"]), (vec![0, 255], 1, 2));
    assert!(warnings(&bus).is_empty());

    // An object's is enough.
    let objects_only = AnomalyMeta {
        map: None,
        ..full()
    };
    let line = parse(
        &harness
            .push_and_pull(frame(1, Some(&objects_only)))
            .unwrap(),
    );
    assert!(line.get("map").is_none());
    assert!(warnings(&bus).is_empty());

    for number in 2..4 {
        let line = harness.push_and_pull(frame(number, Some(&result(0.75))));
        assert_eq!(parse(&line.unwrap()).get("map"), None);
    }
    assert_eq!(
        warnings(&bus),
        ["the results have no map to include: set attach-map=true on igdfilter"]
    );
}

#[test]
fn properties_may_change_between_frames() {
    let (mut harness, _) = encoder("");
    let element = harness.element().unwrap();
    harness.push(frame(0, Some(&full()))).unwrap();
    element.set_property("include-map", true);
    element.set_property("path", "b");
    harness.push(frame(1, Some(&full()))).unwrap();
    element.set_property("only-anomalous", true);
    harness.push(frame(2, Some(&result(0.25)))).unwrap();
    let lines = lines(&mut harness);
    let there: Vec<_> = lines
        .iter()
        .map(|line| (line.get("path").is_some(), line.get("map").is_some()))
        .collect();
    assert_eq!(there, [(false, false), (true, true)]);
}

#[test]
fn a_result_that_cannot_be_read_or_written_is_left_out_with_a_warning() {
    let (mut harness, bus) = encoder("include-map=true");
    for number in 0..2 {
        let mut odd = frame(number, None);
        let mut meta = gst::meta::CustomMeta::add(odd.make_mut(), "IgdAnomalyMeta").unwrap();
        meta.mut_structure().set("score", "high");
        harness.push(odd).unwrap();
    }
    let no_pixels = AnomalyMeta {
        map: Some(gstigd::meta::AttachedMap::new(0, 0, &[])),
        ..result(0.75)
    };
    harness.push(frame(2, Some(&no_pixels))).unwrap();
    harness.push(frame(3, Some(&full()))).unwrap();
    harness.push_event(gst::event::Eos::new());
    assert_eq!(gaps(&mut harness).len(), 3);
    assert_eq!(lines(&mut harness)[0]["frame"], 3);
    let warnings = warnings(&bus);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("a result is left out: IgdAnomalyMeta: field `score`: "));
}

#[test]
fn an_infinite_threshold_is_null() {
    let (mut harness, _) = encoder("");
    let open = AnomalyMeta {
        threshold: f32::INFINITY,
        ..result(0.25)
    };
    let line = harness.push_and_pull(frame(0, Some(&open))).unwrap();
    assert_eq!(parse(&line)["threshold"], Value::Null);
}

#[test]
fn times_follow_the_segment_and_caps_may_change() {
    let (mut harness, _) = encoder("");
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(40));
    segment.set_time(gst::ClockTime::from_mseconds(1040));
    harness.push_event(gst::event::Segment::new(&segment));
    harness.push(frame(2, Some(&result(0.25)))).unwrap();
    let caps = gst::Caps::builder("image/jpeg").build();
    harness.push_event(gst::event::Caps::new(&caps));
    harness.push(frame(3, Some(&result(0.25)))).unwrap();
    let times: Vec<_> = lines(&mut harness)
        .iter()
        .map(|line| {
            ["pts", "stream_time", "running_time"]
                .map(|name| line[name].as_u64().unwrap() / 1_000_000)
        })
        .collect();
    assert_eq!(times, [[80, 1080, 40], [120, 1120, 80]]);
    let caps = std::iter::from_fn(|| harness.try_pull_event())
        .filter(|event| event.type_() == gst::EventType::Caps)
        .count();
    assert_eq!(caps, 1);
}

#[test]
fn frames_are_asked_for_in_any_layout_and_without_a_pool() {
    let (harness, _) = encoder("");
    let caps = gst::Caps::builder("video/x-raw").build();
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    let pad = harness.element().unwrap().static_pad("sink").unwrap();
    assert!(pad.query(&mut query));
    assert!(
        query
            .find_allocation_meta::<gst_video::VideoMeta>()
            .is_some()
    );
    assert_eq!(query.allocation_pools().count(), 0);
}

#[test]
fn latency_goes_through() {
    let (mut harness, _) = encoder("");
    harness.push(frame(0, Some(&result(0.25)))).unwrap();
    let latency = gst::ClockTime::from_mseconds(70);
    harness.set_upstream_latency(latency);
    assert_eq!(harness.query_latency(), Some(latency));
}

#[test]
fn states_seeks_and_flushes_go_well() {
    let pipeline = pipeline(
        "videotestsrc name=source ! video/x-raw,width=64,height=48,framerate=25/1 ! igdmetaenc ! fakesink name=sink",
    );
    leave_on_frames_of(&pipeline.by_name("source").unwrap(), result(0.75));
    let sink = pipeline.by_name("sink").unwrap();
    let prerolled = || {
        pipeline.state(PATIENCE).0.unwrap();
        parse(
            sink.property::<gst::Sample>("last-sample")
                .buffer()
                .unwrap(),
        )
    };
    for _ in 0..2 {
        pipeline.set_state(gst::State::Paused).unwrap();
        assert_eq!(prerolled()["frame"], 0);
        for second in [5, 1] {
            let position = gst::ClockTime::from_seconds(second);
            pipeline
                .seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, position)
                .unwrap();
            let line = prerolled();
            assert_eq!(line["stream_time"], position.nseconds());
            assert_eq!(line["running_time"], 0);
            assert!(line["frame"].as_u64().unwrap() > 0);
        }
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// The numbers of the frames that a file has lines of.
fn numbers(file: &Path) -> Vec<u64> {
    fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["frame"]
                .as_u64()
                .unwrap()
        })
        .collect()
}

/// The second branch of a tee: an encoder beside it takes many frames before its first comes out.
#[test]
fn annotated_video_and_lines_come_from_one_pipeline() {
    init();
    let folder = tempfile::tempdir().unwrap();
    let (video, text) = (folder.path().join("v.mp4"), folder.path().join("l.jsonl"));
    let pipeline = pipeline(&format!(
        "videotestsrc name=source num-buffers=100 ! video/x-raw,format=I420,width=64,height=48,framerate=4/1 ! tee \
        name=results \
         results. ! queue ! x264enc ! mp4mux ! filesink location={} \
         results. ! igdmetaenc ! queue max-size-time=0 ! filesink location={}",
        video.display(),
        text.display()
    ));
    leave_on_frames_of(&pipeline.by_name("source").unwrap(), result(0.75));
    run_to_end(pipeline.upcast_ref()).unwrap();
    assert!(fs::metadata(&video).unwrap().len() > 0);
    assert_eq!(numbers(&text), (0..100).collect::<Vec<_>>());
}

/// Frames without a line do not hold up the other branch while the pipeline starts.
#[test]
fn a_branch_without_lines_lets_the_pipeline_start() {
    let pipeline = pipeline(
        "videotestsrc num-buffers=100 ! video/x-raw,width=64,height=48 ! tee name=results \
         results. ! queue ! fakesink sync=false  results. ! queue ! igdmetaenc ! fakesink",
    );
    run_to_end(pipeline.upcast_ref()).unwrap();
}

#[test]
fn results_come_through_encoders() {
    init();
    let folder = tempfile::tempdir().unwrap();
    for encoder in ["x264enc ! h264parse", "jpegenc"] {
        let lines = folder.path().join(encoder);
        let pipeline = pipeline(&format!(
            "videotestsrc name=source num-buffers=5 ! video/x-raw,format=I420,width=64,height=48 ! {encoder} ! \
             igdmetaenc ! filesink location=\"{}\"",
            lines.display()
        ));
        leave_on_frames_of(&pipeline.by_name("source").unwrap(), result(0.75));
        run_to_end(pipeline.upcast_ref()).unwrap();
        assert_eq!(numbers(&lines), [0, 1, 2, 3, 4], "{encoder}");
    }
}
