//! Several igdfilters with one model.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::common;
use crate::common::alone;
use crate::common::memory::peak;
use crate::element;
use crate::element::frame::{Pattern, add_regions, video_info};
use crate::element::model::models;
use crate::element::{PATIENCE, error_text, filter, harness, init, threads};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo};
use gstigd::meta::AnomalyMeta;
use igd::model::Storage;

fn info() -> VideoInfo {
    video_info(VideoFormat::I420, 320, 240)
}

fn line(model: &Path, properties: &str) -> Harness {
    let (mut harness, _bus) = harness(&filter(model, properties));
    harness.set_src_caps(info().to_caps().unwrap());
    harness
}

fn through(harness: &mut Harness, pattern: Pattern) -> AnomalyMeta {
    let buffer = harness.push_and_pull(pattern.buffer(&info())).unwrap();
    AnomalyMeta::from_buffer(&buffer).unwrap().unwrap()
}

/// A dense model of the usual size, with drawn numbers.
fn dense() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        init();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sharing-dense.safetensors");
        common::dense_model().save(&path, Storage::F16).unwrap();
        path
    })
}

#[test]
fn elements_share_a_model_that_one_of_them_names() {
    let id = "model-instance-id=named overlay=none";
    let mut first = line(&models().both, id);
    init();
    let second = gst::parse::launch(&format!("igdfilter {id}")).unwrap();
    let (mut second, _bus) = harness(&second);
    second.set_src_caps(info().to_caps().unwrap());
    for pattern in [Pattern::Normal, Pattern::Odd] {
        let (one, other) = (through(&mut first, pattern), through(&mut second, pattern));
        assert_eq!(one.score, other.score);
        assert_eq!(one.model, other.model);
    }
}

/// Before the model that it was given has taken over: it runs the one that is there until then.
#[test]
fn an_element_is_started_again_while_its_next_model_is_opened() {
    let _first = line(&models().both, "model-instance-id=hasty");
    let second = filter(&models().both, "model-instance-id=hasty");
    let bus = gst::Bus::new();
    second.set_bus(Some(&bus));
    for state in [gst::State::Paused, gst::State::Ready] {
        second.set_state(state).unwrap();
    }
    for model in [&models().global_only, &models().both] {
        second.set_state(gst::State::Paused).unwrap();
        second.set_property("model", model.to_str().unwrap());
        second.set_state(gst::State::Ready).unwrap();
        let again = second.set_state(gst::State::Paused);
        assert!(again.is_ok(), "{:?}", error_text(&bus));
        second.set_state(gst::State::Ready).unwrap();
    }
    second.set_state(gst::State::Null).unwrap();
}

#[test]
fn another_model_under_the_same_id_is_refused() {
    let _first = line(&models().both, "model-instance-id=conflict");
    let second = filter(&models().global_only, "model-instance-id=conflict");
    let bus = gst::Bus::new();
    second.set_bus(Some(&bus));
    assert!(second.set_state(gst::State::Paused).is_err());
    let text = error_text(&bus).unwrap();
    assert!(
        text.contains("model-instance-id=conflict share") && text.contains("element-global"),
        "{text}"
    );
    second.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_model_may_be_named_in_other_words() {
    let mut first = line(&models().both, "model-instance-id=words overlay=none");
    let folder = models().both.parent().unwrap();
    let name = models().both.file_name().unwrap();
    let detour = folder
        .join(".")
        .join("..")
        .join(folder.file_name().unwrap());
    let mut second = line(&detour.join(name), "model-instance-id=words overlay=none");
    let (one, other) = (
        through(&mut first, Pattern::Odd),
        through(&mut second, Pattern::Odd),
    );
    assert_eq!(one.score, other.score);
}

#[test]
fn an_id_is_free_again_when_all_its_elements_have_stopped() {
    let mut first = line(&models().both, "model-instance-id=again");
    through(&mut first, Pattern::Normal);
    drop(first);
    let mut second = line(&models().global_only, "model-instance-id=again");
    assert_eq!(
        through(&mut second, Pattern::Normal).model,
        "element-global"
    );
}

#[test]
fn thresholds_and_the_like_are_each_stream_s_own() {
    let id = "model-instance-id=own overlay=none";
    let mut normal = line(&models().both, &format!("{id} threshold=1000"));
    let mut anomalous = line(&models().both, &format!("{id} threshold=0 max-regions=0"));
    for _ in 0..3 {
        assert!(!through(&mut normal, Pattern::Odd).anomalous);
        let result = through(&mut anomalous, Pattern::Normal);
        assert!(result.anomalous && result.regions.is_empty());
    }
}

#[test]
fn a_reload_reaches_all_that_share() {
    let id = "model-instance-id=reload overlay=none";
    let mut first = line(&models().both, id);
    let mut second = line(&models().both, id);
    assert_eq!(through(&mut second, Pattern::Odd).model, "element-both");
    let next = models().global_only.to_str().unwrap();
    first.element().unwrap().set_property("model", next);
    let start = Instant::now();
    while through(&mut first, Pattern::Odd).model != "element-global" {
        assert!(start.elapsed() < Duration::from(PATIENCE));
    }
    let result = through(&mut second, Pattern::Odd);
    assert_eq!(result.model, "element-global");
    assert!(result.scales.local.is_none() && result.anomalous);
    // Who comes later may name either.
    for model in [&models().both, &models().global_only] {
        let mut third = line(model, id);
        assert_eq!(through(&mut third, Pattern::Odd).model, "element-global");
    }
}

/// Each stream's frames follow a pattern of their own; a result on the wrong stream or in the wrong order shows.
fn each_gets_its_own(properties: &str, streams: u64, frames: u64) {
    let threads: Vec<_> = (0..streams)
        .map(|stream| {
            let properties = properties.to_owned();
            thread::spawn(move || {
                let mut harness = line(&models().global_only, &properties);
                for number in 0..frames {
                    let pattern = match (number * number + 3 * stream) % 7 % 2 {
                        0 => Pattern::Normal,
                        _ => Pattern::Odd,
                    };
                    let result = through(&mut harness, pattern);
                    assert_eq!(result.anomalous, pattern == Pattern::Odd);
                    assert_eq!(result.age, 0);
                }
                let stats: gst::Structure = harness.element().unwrap().property("stats");
                assert_eq!(stats.get::<u64>("inferred"), Ok(frames));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn results_go_to_the_right_stream_in_order() {
    each_gets_its_own("model-instance-id=order overlay=none", 4, 12);
}

#[test]
fn and_in_batches_too() {
    each_gets_its_own(
        "model-instance-id=batches overlay=none batch-size=3 batch-timeout=50",
        4,
        12,
    );
}

#[test]
fn a_batch_that_does_not_fill_goes_on_after_its_time() {
    let mut alone = line(
        &models().global_only,
        "model-instance-id=slow overlay=none batch-size=64 batch-timeout=100",
    );
    let start = Instant::now();
    assert!(through(&mut alone, Pattern::Odd).anomalous);
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn pictures_of_a_batch_score_as_they_do_alone() {
    let scores = |properties: &str| {
        let threads: Vec<_> = [Pattern::Normal, Pattern::Odd, Pattern::Normal]
            .into_iter()
            .map(|pattern| {
                let properties = properties.to_owned();
                thread::spawn(move || {
                    let mut harness = line(dense(), &properties);
                    through(&mut harness, pattern).score
                })
            })
            .collect();
        let scores = threads.into_iter().map(|thread| thread.join().unwrap());
        scores.collect::<Vec<_>>()
    };
    let alone = scores("overlay=none precision=f32");
    let id = "model-instance-id=exact batch-size=3 batch-timeout=2000";
    let together = scores(&format!("overlay=none precision=f32 {id}"));
    for (alone, together) in alone.iter().zip(together) {
        assert!(
            (alone - together).abs() <= 1e-4 * alone,
            "{alone} and {together}"
        );
    }
}

#[test]
fn a_stream_that_fails_or_stops_does_not_hold_the_others() {
    let id = "model-instance-id=failing overlay=none batch-size=2 batch-timeout=20";
    let mut steady = line(&models().global_only, id);
    for _ in 0..3 {
        let mut failing = line(&models().global_only, id);
        // Not the frame that the caps promise.
        assert!(failing.push(gst::Buffer::with_size(5).unwrap()).is_err());
        let stopping = line(&models().global_only, id);
        drop(stopping);
        assert!(through(&mut steady, Pattern::Odd).anomalous);
    }
}

/// Frames of two streams wait for a third picture to be inferred with them; the streams are stopped and flushed, and
/// stay so. Another one needs more memory than is left beside what they had.
#[test]
fn streams_that_end_in_the_middle_hold_no_other() {
    let id = "model-instance-id=middle overlay=none batch-size=3 batch-timeout=1500";
    let (sender, waiting) = mpsc::channel();
    let ends: Vec<_> = (0..2)
        .map(|_| {
            let (sender, (end, ended)) = (sender.clone(), mpsc::channel::<()>());
            let stream = thread::spawn(move || {
                let mut harness = line(&models().both, id);
                sender.send(harness.element().unwrap()).unwrap();
                let pushed = harness.push(Pattern::Normal.buffer(&info()));
                assert_eq!(pushed, Err(gst::FlowError::Flushing));
                let _ = ended.recv();
            });
            (end, stream)
        })
        .collect();
    let elements: Vec<_> = waiting.iter().take(2).collect();
    thread::sleep(Duration::from_millis(100));
    elements[0].set_state(gst::State::Ready).unwrap();
    let sink = elements[1].static_pad("sink").unwrap();
    assert!(sink.send_event(gst::event::FlushStart::new()));

    let (sender, result) = mpsc::channel();
    thread::spawn(move || {
        let mut third = line(&models().both, &format!("{id} inference-region=roi-list"));
        let mut buffer = Pattern::Normal.buffer(&info());
        add_regions(buffer.get_mut().unwrap(), 3);
        let found = third.push_and_pull(buffer).unwrap();
        let found = AnomalyMeta::from_buffer(&found).unwrap().unwrap();
        let _ = sender.send(found.objects.len());
    });
    assert_eq!(result.recv_timeout(PATIENCE.into()), Ok(3));
    for (end, stream) in ends {
        drop(end);
        stream.join().unwrap();
    }
}

/// Runs pipelines to their end and returns the peak of this process's memory in MB, and pictures a second.
fn measure(streams: usize, frames: usize) -> (f64, f64) {
    let branch = format!(
        "videotestsrc pattern=black num-buffers={frames} ! video/x-raw,format=I420,width=1280,height=720 ! \
         igdfilter model={} model-instance-id=measured ! fakesink enable-last-sample=false ",
        dense().display()
    );
    let pipeline = gst::parse::launch(&branch.repeat(streams)).unwrap();
    let start = Instant::now();
    element::run_to_end(&pipeline).unwrap();
    let rate = (streams * frames) as f64 / start.elapsed().as_secs_f64();
    (peak(), rate)
}

/// One and eight streams, each in a process of its own, of which nothing else takes memory: how many times as much the
/// eight take, and how many times as fast they are.
fn eight_against_one(test: &str, frames: usize) -> Option<(f64, f64)> {
    if alone::is_alone() {
        let streams = env::var("IGD_STREAMS").unwrap().parse().unwrap();
        init();
        tch::set_num_threads(2);
        let (memory, rate) = measure(streams, frames / streams);
        let start = Instant::now();
        while threads().iter().any(|name| name == "igd-infer") {
            let waited = start.elapsed();
            assert!(waited < Duration::from(PATIENCE), "a thread is left");
        }
        println!("measured: {memory} {rate}");
        return None;
    }
    dense();
    let run = |streams: usize| -> (f64, f64) {
        let output = alone::again(test)
            .env("IGD_STREAMS", streams.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers = text
            .lines()
            .find_map(|line| line.split_once("measured: "))
            .unwrap_or_else(|| panic!("{text}"));
        let mut numbers = numbers.1.split(' ').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    let (one, eight) = (run(1), run(8));
    Some((eight.0 / one.0, eight.1 / one.1))
}

#[test]
fn eight_streams_take_little_more_memory_than_one() {
    let test = "sharing::eight_streams_take_little_more_memory_than_one";
    if let Some((memory, _)) = eight_against_one(test, 40) {
        assert!(memory <= 1.15, "{memory}");
    }
}

#[test]
#[ignore = "long: asks for a rate"]
fn eight_streams_are_as_fast_as_one() {
    let test = "sharing::eight_streams_are_as_fast_as_one";
    let runs: Vec<_> = (0..5).map_while(|_| eight_against_one(test, 240)).collect();
    if runs.is_empty() {
        return;
    }
    println!("{runs:?}");
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (memory, rate) = (median(|run| run.0), median(|run| run.1));
    assert!(memory <= 1.15, "{memory}");
    // At least as fast, and a little less than nothing for chance.
    assert!(rate >= 0.95, "{rate}");
}
