//! Eight streams that are paused, sought, reshaped, given other models and killed at random, for as many minutes as
//! `IGD_SOAK_MINUTES` says (a fifth of one where it says nothing). Nothing may grow, and no frame may be lost or come twice.
//!
//! `IGD_SOAK_MINUTES=30 tests/run --test soak -- --nocapture`

mod element;

use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use element::init;
use element::model::models;
use gst::prelude::*;
use gstigd::meta::AnomalyMeta;

/// What each stream is: how it inspects, and how its sink takes frames.
const STREAMS: [(&str, &str); 8] = [
    ("model-instance-id=soak", "sync=false"),
    (
        "model-instance-id=soak overlay=heatmap+regions",
        "sync=false",
    ),
    (
        "model-instance-id=soak batch-size=2 smoothing=0.5",
        "sync=false",
    ),
    (
        "model-instance-id=soak inference-interval=3 attach-map=true",
        "sync=false",
    ),
    ("model-instance-id=soak region=20,20,100,80", "sync=false"),
    ("model-instance-id=soak inference-mode=latest", "sync=true"),
    (
        "model-instance-id=soak inference-mode=latest messages=all overlay-method=composition",
        "sync=true",
    ),
    ("overlay=regions", "sync=false"),
];

/// A state change must not take longer.
const QUICK: Duration = Duration::from_secs(5);
/// A stream that plays must get on within.
const STUCK: Duration = Duration::from_secs(20);

/// Frames in the filter, and what was seen of those that left it.
#[derive(Default)]
struct Track {
    inside: VecDeque<Option<gst::ClockTime>>,
    passed: u64,
    faults: Vec<String>,
}

struct Stream {
    pipeline: gst::Pipeline,
    track: Arc<Mutex<Track>>,
    /// Frames that had passed, and since when there are no more.
    progress: (u64, Instant),
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

fn quickly<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < QUICK, "{what} took {:?}", start.elapsed());
    result
}

impl Stream {
    fn new(number: usize) -> Self {
        let (filter, sink) = STREAMS[number];
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc pattern=ball ! capsfilter name=caps ! igdfilter name=filter model={} {filter} ! fakesink name=sink {sink}",
            models().both.display()
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        let stream = Self {
            pipeline,
            track: Arc::default(),
            progress: (0, Instant::now()),
        };
        stream.reshape(0);
        stream.watch();
        quickly("to PLAYING", || {
            stream.pipeline.set_state(gst::State::Playing).unwrap()
        });
        stream
    }

    fn filter(&self) -> gst::Element {
        self.pipeline.by_name("filter").unwrap()
    }

    /// Follows each frame through the filter.
    fn watch(&self) {
        let filter = self.filter();
        let track = self.track.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_FLUSH;
        filter
            .static_pad("sink")
            .unwrap()
            .add_probe(kinds, move |_, info| {
                let mut track = track.lock().unwrap();
                match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => track.inside.push_back(buffer.pts()),
                    // A frame that was on its way is gone with the flush.
                    Some(gst::PadProbeData::Event(event))
                        if event.type_() == gst::EventType::FlushStop =>
                    {
                        track.inside.clear();
                    }
                    _ => {}
                }
                gst::PadProbeReturn::Ok
            });
        let track = self.track.clone();
        let kinds = gst::PadProbeType::BUFFER;
        filter
            .static_pad("src")
            .unwrap()
            .add_probe(kinds, move |_, info| {
                let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else {
                    return gst::PadProbeReturn::Ok;
                };
                let mut track = track.lock().unwrap();
                let expected = track.inside.pop_front();
                if expected != Some(buffer.pts()) {
                    let fault = format!("{:?} left, {expected:?} came", buffer.pts());
                    track.faults.push(fault);
                }
                if let Err(error) = AnomalyMeta::from_buffer(buffer) {
                    track.faults.push(error.to_string());
                }
                track.passed += 1;
                gst::PadProbeReturn::Ok
            });
    }

    /// Other caps from the next frame on.
    fn reshape(&self, kind: usize) {
        let (width, height, format) =
            [(320, 240, "I420"), (160, 120, "BGRx"), (200, 150, "NV12")][kind];
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", format)
            .field("width", width)
            .field("height", height)
            .field("framerate", gst::Fraction::new(30, 1))
            .build();
        self.pipeline
            .by_name("caps")
            .unwrap()
            .set_property("caps", caps);
    }

    fn pause(&self) {
        quickly("to PAUSED", || {
            self.pipeline.set_state(gst::State::Paused).unwrap()
        });
        thread::sleep(Duration::from_millis(20));
        quickly("to PLAYING again", || {
            self.pipeline.set_state(gst::State::Playing).unwrap()
        });
    }

    fn seek(&self, second: u64, flags: gst::SeekFlags) {
        let position = gst::ClockTime::from_seconds(second);
        // One that comes while the pipeline has no frame yet is refused.
        quickly("a seek", || {
            drop(self.pipeline.seek_simple(flags, position))
        });
    }

    fn stop(&self) {
        quickly("to NULL", || {
            self.pipeline.set_state(gst::State::Null).unwrap()
        });
    }

    /// What has gone wrong, by the bus, the probes and the clock; counts warnings.
    fn check(&mut self, number: usize, warnings: &mut usize) {
        let bus = self.pipeline.bus().unwrap();
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => panic!("stream {number}: {error:?}"),
                gst::MessageView::Warning(_) => *warnings += 1,
                _ => {}
            }
        }
        let track = self.track.lock().unwrap();
        assert!(
            track.faults.is_empty(),
            "stream {number}: {:?}",
            track.faults
        );
        if self.progress.0 != track.passed {
            self.progress = (track.passed, Instant::now());
        }
        assert!(
            self.progress.1.elapsed() < STUCK,
            "stream {number} is stuck"
        );
    }
}

/// Threads and open files of this process, and the memory that it occupies in MB.
fn resources() -> (usize, usize, f64) {
    let count = |path| fs::read_dir(path).unwrap().count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (
        count("/proc/self/task"),
        count("/proc/self/fd"),
        kilobytes / 1e3,
    )
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// All streams once, so that what is made only once is there.
fn warm_up() {
    let streams: Vec<_> = (0..STREAMS.len()).map(Stream::new).collect();
    thread::sleep(Duration::from_secs(2));
    for stream in streams {
        stream.stop();
    }
}

/// What the tests below run in a process of its own.
#[test]
#[ignore = "a part of the others"]
fn streams() {
    init();
    let minutes: f64 = env::var("IGD_SOAK_MINUTES").map_or(0.2, |text| text.parse().unwrap());
    let length = Duration::from_secs_f64(60.0 * minutes);
    let life = length.min(Duration::from_secs(300)) / 5;
    warm_up();
    let (threads, files, _) = settled();
    let mut streams: Vec<_> = (0..STREAMS.len()).map(Stream::new).collect();
    let (both, other) = (&models().both, &models().global_only);
    let [
        mut pauses,
        mut seeks,
        mut reshapes,
        mut reloads,
        mut bad,
        mut kills,
        mut warnings,
    ] = [0; 7];
    let mut frames = 0;
    let mut memory = Vec::new();
    let mut dice = Dice(7);
    let start = Instant::now();
    let mut killed = start;
    while start.elapsed() < length {
        let number = dice.roll(streams.len());
        let stream = &streams[number];
        match dice.roll(6) {
            0 => {
                stream.pause();
                pauses += 1;
            }
            1 => {
                let flags = [
                    gst::SeekFlags::FLUSH,
                    gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT,
                ];
                stream.seek(dice.roll(60) as u64, flags[dice.roll(2)]);
                seeks += 1;
            }
            2 => {
                stream.reshape(dice.roll(3));
                reshapes += 1;
            }
            3 if dice.roll(4) == 0 => {
                stream.filter().set_property("model", file!());
                bad += 1;
            }
            3 => {
                let path = [both, other][dice.roll(2)];
                stream
                    .filter()
                    .set_property("model", path.to_str().unwrap());
                reloads += 1;
            }
            4 => {
                let overlay = ["none", "heatmap", "regions", "heatmap+regions"][dice.roll(4)];
                stream.filter().set_property_from_str("overlay", overlay);
            }
            _ => {}
        }
        if killed.elapsed() > life.min(Duration::from_secs(60)) {
            killed = Instant::now();
            let victim = dice.roll(streams.len());
            streams[victim].check(victim, &mut warnings);
            streams[victim].stop();
            frames += streams[victim].track.lock().unwrap().passed;
            streams[victim] = Stream::new(victim);
            kills += 1;
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.check(number, &mut warnings);
        }
        memory.push(resources().2);
        thread::sleep(Duration::from_millis(50));
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.check(number, &mut warnings);
        stream.stop();
        frames += stream.track.lock().unwrap().passed;
    }
    drop(streams);
    let (threads_left, files_left, _) = settled();
    let third = memory.len() / 3;
    let (early, late) = (
        median(&memory[third..2 * third]),
        median(&memory[2 * third..]),
    );
    println!(
        "soak: {minutes} minutes, {frames} frames, {pauses} pauses, {seeks} seeks, {reshapes} caps changes, {reloads} reloads, \
         {bad} bad models ({warnings} warnings), {kills} kills, {early:.1} MB then {late:.1} MB, threads {threads} then \
         {threads_left}, files {files} then {files_left}"
    );
    assert!(frames > 0 && kills > 0);
    assert!(warnings <= bad, "warnings");
    assert!(threads_left <= threads, "threads");
    assert!(files_left <= files, "open files");
    // A stream more or less in its largest shape is a few MB. In less than a minute not all of it has been seen once.
    assert!(minutes < 1.0 || late - early < 12.0, "memory");
}

/// When threads that are about to end have done so.
fn settled() -> (usize, usize, f64) {
    let mut last = resources();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(100));
        let now = resources();
        if (now.0, now.1) == (last.0, last.1) {
            return now;
        }
        last = now;
    }
    last
}

/// Runs the streams in a process of their own and returns what it says.
fn run(variables: &[(&str, &str)]) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["streams", "--exact", "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let text = text.concat();
    let last: Vec<_> = text.lines().rev().take(30).collect();
    assert!(
        output.status.success(),
        "{}",
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    );
    text
}

#[test]
fn nothing_grows_and_no_frame_is_lost() {
    init();
    models();
    let text = run(&[]);
    let summary = text.lines().find(|line| line.contains("soak: "));
    println!("{}", summary.unwrap());
}

#[test]
fn nothing_is_left_behind() {
    init();
    models();
    let text = run(&[
        ("IGD_SOAK_MINUTES", "0.1"),
        ("GST_TRACERS", "leaks"),
        ("GST_DEBUG", "GST_TRACER:7"),
        ("GST_DEBUG_NO_COLOR", "1"),
        ("IGD_LEAKS", "1"),
    ]);
    let leaks: Vec<_> = text
        .lines()
        .filter(|line| line.contains("object-alive, type-name=(string)") && !line.contains("%s"))
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
