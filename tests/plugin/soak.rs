//! Eight streams that are paused, sought, reshaped, given other models and killed at random: no frame may be lost or
//! come twice, no result be of another frame than it says, and nothing may grow or stay. `tests/long` does it for
//! `IGD_SOAK_MINUTES`.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{self, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::common::alone;
use crate::common::memory::occupied;
use crate::element::model::models;
use crate::element::{init, threads};
use gst::prelude::*;
use gstigd::meta::AnomalyMeta;

/// Of an ordinary test run, and of a long one where `IGD_SOAK_MINUTES` does not say.
const SHORT: f64 = 0.02;
const LONG: f64 = 5.0;
/// Streams of the short one, the first of all.
const FEW: usize = 4;
/// What is asked of a pipeline that takes longer hangs, and so does a stream that does not get on for as long.
const STUCK: Duration = Duration::from_secs(60);
/// Megabytes more at the end that are no growth: the allocator's.
const NOISE: f64 = 16.0;

/// Files that are no models.
const BAD_MODELS: [&str; 2] = [file!(), "/nowhere"];

/// How a stream inspects, and whether its sink shows frames in time.
const STREAMS: [(&str, bool); 8] = [
    ("model-instance-id=soak overlay=none", false),
    ("model-instance-id=soak batch-size=2 batch-timeout=5", true),
    ("model-instance-id=soak smoothing=0.5 attach-map=true", true),
    ("model-instance-id=soak inference-interval=3", true),
    (
        "model-instance-id=soak region=20,20,100,80 batch-size=4",
        true,
    ),
    ("model-instance-id=soak inference-mode=latest", true),
    (
        "model-instance-id=soak inference-mode=latest overlay-method=composition",
        true,
    ),
    ("overlay=regions", false),
];

/// Frames that a result may be behind.
const REMEMBERED: usize = 10_000;

/// What is being done since when.
static DOING: Mutex<Option<(String, Instant)>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn quickly<T>(what: String, work: impl FnOnce() -> T) -> T {
    *lock(&DOING) = Some((what, Instant::now()));
    let result = work();
    *lock(&DOING) = None;
    result
}

/// Ends the process where something does not end.
fn watch() {
    loop {
        thread::sleep(Duration::from_millis(100));
        if let Some((what, since)) = &*lock(&DOING)
            && since.elapsed() > STUCK
        {
            eprintln!("soak: stuck: {what} takes longer than {STUCK:?}");
            process::abort();
        }
    }
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize]
    }
}

/// What pad probes and the bus have seen of a stream.
#[derive(Default)]
struct Track {
    /// Presentation times of the frames since the last cut.
    entered: VecDeque<Option<gst::ClockTime>>,
    /// The last one of them is in the filter.
    inside: bool,
    caps: Option<gst::Caps>,
    /// The frame that the last message is about.
    inferred: Option<gst::ClockTime>,
    passed: u64,
    results: u64,
    flushed: u64,
    warnings: u64,
    faults: Vec<String>,
}

impl Track {
    /// No result goes from before to after.
    fn cut(&mut self) {
        self.entered.clear();
        self.inferred = None;
    }

    /// A flush or a stop: the one frame in the filter may go with it.
    fn flush(&mut self) {
        self.flushed += u64::from(self.inside);
        self.inside = false;
        self.cut();
    }

    fn enter(&mut self, buffer: &gst::Buffer) {
        if self.inside {
            let lost = self.entered.back();
            self.faults.push(format!("frame {lost:?} is lost"));
        }
        self.inside = true;
        self.entered.push_back(buffer.pts());
        if self.entered.len() > REMEMBERED {
            self.entered.pop_front();
        }
    }

    fn leave(&mut self, buffer: &gst::Buffer, is_sync: bool) {
        let pts = buffer.pts();
        if !self.inside || self.entered.back() != Some(&pts) {
            self.faults.push(format!("frame {pts:?} never came"));
        }
        self.inside = false;
        self.passed += 1;
        match AnomalyMeta::from_buffer(buffer) {
            Ok(Some(result)) => {
                self.results += 1;
                let back = result.age as usize + 1;
                let source = self.entered.len().checked_sub(back);
                let source = source.and_then(|index| self.entered[index]);
                let is_old = is_sync && result.age > 2;
                if source.is_none() || source != self.inferred || is_old {
                    self.faults.push(format!(
                        "frame {pts:?} has a result of age {}, which is {source:?}, but {:?} was inferred",
                        result.age, self.inferred
                    ));
                }
            }
            Ok(None) if is_sync => self.faults.push(format!("frame {pts:?} has no result")),
            Ok(None) => {}
            Err(error) => self.faults.push(error.to_string()),
        }
    }

    fn event(&mut self, event: &gst::EventRef) {
        match event.view() {
            gst::EventView::FlushStop(_) => self.flush(),
            gst::EventView::Caps(caps) if self.caps.as_deref() != Some(caps.caps()) => {
                self.caps = Some(caps.caps_owned());
                self.cut();
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &gst::Message) {
        match message.view() {
            gst::MessageView::Error(error) => self.faults.push(format!("{error:?}")),
            gst::MessageView::Warning(warning) => {
                self.warnings += 1;
                let text = warning.error().to_string();
                if !text.starts_with("the model before goes on") {
                    self.faults.push(text);
                }
            }
            gst::MessageView::Element(element) => {
                let structure = element.structure().filter(|s| s.name() == "igd-anomaly");
                if let Some(structure) = structure {
                    self.inferred = structure.get("timestamp").unwrap();
                }
            }
            _ => {}
        }
    }
}

struct Stream {
    number: usize,
    pipeline: gst::Pipeline,
    filter: gst::Element,
    track: Arc<Mutex<Track>>,
    /// Frames that had passed, and since when.
    progress: (u64, Instant),
}

impl Stream {
    fn new(number: usize) -> Self {
        let (properties, in_time) = STREAMS[number];
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc pattern=ball ! capsfilter name=caps caps-change-mode=delayed \
             ! igdfilter name=filter model={} messages=all {properties} ! fakesink sync={in_time}",
            models().both.display()
        ));
        let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
        let stream = Self {
            number,
            filter: pipeline.by_name("filter").unwrap(),
            pipeline,
            track: Arc::default(),
            progress: (0, Instant::now()),
        };
        stream.follow(!properties.contains("latest"));
        stream.reshape(("I420", 320, 240));
        stream.go_to(gst::State::Playing);
        stream
    }

    /// Has each frame, event and message noted.
    fn follow(&self, is_sync: bool) {
        let track = self.track.clone();
        let kinds = gst::PadProbeType::BUFFER
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        let pad = self.filter.static_pad("sink").unwrap();
        pad.add_probe(kinds, move |_, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => lock(&track).enter(buffer),
                Some(gst::PadProbeData::Event(event)) => lock(&track).event(event),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        let track = self.track.clone();
        let pad = self.filter.static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                lock(&track).leave(buffer, is_sync);
            }
            gst::PadProbeReturn::Ok
        });
        let track = self.track.clone();
        self.pipeline
            .bus()
            .unwrap()
            .set_sync_handler(move |_, message| {
                lock(&track).message(message);
                gst::BusSyncReply::Drop
            });
    }

    fn go_to(&self, state: gst::State) {
        quickly(format!("stream {} to {state:?}", self.number), || {
            let faults = || lock(&self.track).faults.clone();
            let set = self.pipeline.set_state(state);
            set.unwrap_or_else(|error| panic!("{error}: {:#?}", faults()));
            self.arrive();
        });
    }

    /// A model that will be refused is named until it is, and no stream starts with it.
    fn await_model(&self) {
        let start = Instant::now();
        while BAD_MODELS.contains(&self.filter.property::<String>("model").as_str()) {
            assert!(
                start.elapsed() < STUCK,
                "stream {}: no model is refused",
                self.number
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn arrive(&self) {
        self.pipeline.state(gst::ClockTime::NONE).0.unwrap();
    }

    /// Other caps from the next frame on.
    fn reshape(&self, (format, width, height): (&str, i32, i32)) {
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", format)
            .field("width", width)
            .field("height", height)
            .field("framerate", gst::Fraction::new(30, 1));
        let filter = self.pipeline.by_name("caps").unwrap();
        filter.set_property("caps", caps.build());
    }

    fn seek(&self, flags: gst::SeekFlags, second: u64) {
        quickly(format!("stream {} seeks, {flags:?}", self.number), || {
            let position = gst::ClockTime::from_seconds(second);
            self.pipeline.seek_simple(flags, position).unwrap();
            self.arrive();
        });
    }

    fn stop(&self) {
        self.go_to(gst::State::Null);
        let mut track = lock(&self.track);
        track.flush();
        track.caps = None;
    }

    /// One that has only just begun may have none yet.
    fn await_result(&mut self) {
        let start = Instant::now();
        while lock(&self.track).results == 0 {
            let (number, since) = (self.number, start.elapsed());
            assert!(since < STUCK, "stream {number} has no result: {since:?}");
            thread::sleep(Duration::from_millis(5));
            self.check();
        }
    }

    fn check(&mut self) {
        let track = lock(&self.track);
        let (number, faults) = (self.number, &track.faults);
        assert!(faults.is_empty(), "stream {number}: {faults:#?}");
        if self.progress.0 != track.passed {
            self.progress = (track.passed, Instant::now());
        }
        let since = self.progress.1.elapsed();
        assert!(since < STUCK, "stream {number} does not get on: {since:?}");
    }
}

/// What has been done and has come of it.
#[derive(Debug, Default)]
struct Sum {
    frames: u64,
    results: u64,
    flushed: u64,
    pauses: u64,
    seeks: u64,
    reshapes: u64,
    overlays: u64,
    reloads: u64,
    bad_models: u64,
    warnings: u64,
    kills: u64,
}

impl Sum {
    /// Stops a stream for good.
    fn end(&mut self, mut stream: Stream) {
        stream.await_result();
        stream.stop();
        stream.check();
        let track = lock(&stream.track);
        self.frames += track.passed;
        self.results += track.results;
        self.flushed += track.flushed;
        self.warnings += track.warnings;
    }

    fn disturb(&mut self, stream: &Stream, dice: &mut Dice) {
        match dice.roll(8) {
            0 => {
                stream.go_to(gst::State::Paused);
                thread::sleep(Duration::from_millis(dice.roll(50)));
                if dice.roll(2) == 0 {
                    stream.seek(gst::SeekFlags::FLUSH, dice.roll(60));
                    self.seeks += 1;
                }
                stream.go_to(gst::State::Playing);
                self.pauses += 1;
            }
            1 | 2 => {
                let flags = [gst::SeekFlags::FLUSH, gst::SeekFlags::empty()];
                let flags = dice.pick(&flags) | gst::SeekFlags::ACCURATE;
                stream.seek(flags, dice.roll(60));
                self.seeks += 1;
            }
            3 => {
                let shapes = [("I420", 320, 240), ("BGRx", 160, 120), ("NV12", 640, 480)];
                stream.reshape(dice.pick(&shapes));
                self.reshapes += 1;
            }
            4 => {
                let overlays = ["none", "heatmap", "regions", "heatmap+regions"];
                let overlay = dice.pick(&overlays);
                stream.filter.set_property_from_str("overlay", overlay);
                self.overlays += 1;
            }
            5 => {
                let model = dice.pick(&[&models().both, &models().global_only]);
                stream.filter.set_property("model", model.to_str().unwrap());
                self.reloads += 1;
            }
            6 => {
                for bad in BAD_MODELS.iter().take(1 + dice.roll(2) as usize) {
                    stream.filter.set_property("model", bad);
                    self.bad_models += 1;
                }
            }
            _ => {}
        }
    }

    /// Whether each way to disturb that leaves traces was taken.
    fn has_done_all(&self) -> bool {
        self.kills > 0 && self.reloads > 0 && self.bad_models > 0
    }

    /// A run from nothing to nothing, longer where not `enough` was done by then.
    fn run(
        &mut self,
        streams: usize,
        length: Duration,
        life: Duration,
        dice: &mut Dice,
        enough: fn(&Self) -> bool,
    ) {
        let mut streams: Vec<_> = (0..streams).map(Stream::new).collect();
        let start = Instant::now();
        let mut killed = start;
        let mut told = start;
        while start.elapsed() < length || !enough(self) {
            let number = dice.roll(streams.len() as u64) as usize;
            if killed.elapsed() > life {
                killed = Instant::now();
                if dice.roll(2) == 0 {
                    streams[number].await_model();
                    streams[number].stop();
                    streams[number].go_to(gst::State::Playing);
                } else {
                    let new = Stream::new(number);
                    self.end(std::mem::replace(&mut streams[number], new));
                }
                self.kills += 1;
            }
            self.disturb(&streams[number], dice);
            streams.iter_mut().for_each(Stream::check);
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                let minutes = start.elapsed().as_secs() / 60;
                eprintln!("soak: after {minutes} minutes {:.1} MB", occupied());
            }
            thread::sleep(Duration::from_millis(dice.roll(60)));
        }
        streams.into_iter().for_each(|stream| self.end(stream));
    }
}

/// Names of this process's threads, and its open files.
fn held() -> (Vec<String>, usize) {
    let mut names = threads();
    names.sort();
    (names, fs::read_dir("/proc/self/fd").unwrap().count())
}

/// What is still there when threads that are about to end have done so, and the memory without what the allocator keeps
/// for later.
fn rest() -> ((Vec<String>, usize), f64) {
    thread::sleep(Duration::from_secs(1));
    // SAFETY: no pointer goes in, and none that is in use is touched.
    unsafe { libc::malloc_trim(0) };
    (held(), occupied())
}

fn run_streams(minutes: f64, streams: usize) {
    init();
    models();
    // Threads that the pool keeps for the next stream would be counted.
    glib::ThreadPool::set_max_unused_threads(Some(0));
    thread::spawn(watch);
    let length = Duration::from_secs_f64(60.0 * minutes);
    let life = (length / 10).min(Duration::from_secs(60));
    let mut dice = Dice(7);
    // What is made only once is there after that, by whichever way to disturb.
    let once = Duration::from_secs(1);
    Sum::default().run(streams, once, life, &mut dice, Sum::has_done_all);
    let (before, _) = rest();
    let mut sum = Sum::default();
    sum.run(streams, length / 4, life, &mut dice, |_| true);
    let (between, early) = rest();
    sum.run(streams, length * 3 / 4, life, &mut dice, Sum::has_done_all);
    let (after, late) = rest();
    eprintln!(
        "soak: {minutes} minutes, {sum:?}, {early:.1} MB after a quarter, {late:.1} MB at the end, {} threads, {} \
        files",
        after.0.len(),
        after.1
    );
    assert_eq!(sum.warnings, sum.bad_models);
    assert_eq!(between, before);
    assert_eq!(after, before);
    assert!(late < early + NOISE, "{early} MB have become {late} MB");
    // SAFETY: nothing of GStreamer is in use any more. The tracer tells of what is still there.
    unsafe { gst::deinit() };
}

#[test]
fn no_frame_is_lost_and_nothing_grows_or_stays() {
    soak(
        "soak::no_frame_is_lost_and_nothing_grows_or_stays",
        SHORT,
        FEW,
    );
}

#[test]
#[ignore = "long"]
fn nor_in_minutes() {
    let minutes = env::var("IGD_SOAK_MINUTES").map_or(LONG, |text| text.parse().unwrap());
    soak("soak::nor_in_minutes", minutes, STREAMS.len());
}

/// In a process of its own, under the tracer that tells what is still there at its end.
fn soak(test: &str, minutes: f64, streams: usize) {
    if alone::is_alone() {
        return run_streams(minutes, streams);
    }
    init();
    models();
    let mut child = alone::again(test)
        .envs([
            ("GST_TRACERS", "leaks"),
            ("GST_DEBUG", "GST_TRACER:7"),
            ("GST_DEBUG_NO_COLOR", "1"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("soak: ") {
            println!("{line}");
        }
        said.push(line);
    }
    let text = said.join("\n");
    assert!(child.wait().unwrap().success(), "{text}");
    let is_leak =
        |line: &&String| line.contains("object-alive, type-name=(string)") && !line.contains("%s");
    let leaks: Vec<_> = said.iter().filter(is_leak).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(text.contains("object-alive"), "the tracer is silent");
}
