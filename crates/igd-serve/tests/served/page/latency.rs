//! Four cameras on the page: what it costs that somebody watches, by WebRTC and as pictures, and how long a frame takes to
//! the screen of a browser on the same machine.

use std::collections::HashMap;
use std::io::{PipeWriter, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io, process};

use igd::model::{DenseConfig, Storage, Tiling};
use igd_serve::{Line, LineConfig};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::common::browser::Opened;
use crate::common::dense_model_of;
use crate::load::{Work, seconds, work};

const SIZE: (usize, usize) = (1280, 720);
const RATE: u32 = 15;
/// Frames of one camera bear their number in so many squares at the upper edge, where nothing is inspected.
const BITS: usize = 16;
const SIDE: usize = SIZE.0 / BITS;

const ROUNDS: usize = 5;
/// Until a side runs as it does.
const SETTLING: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(12);

/// Who watches. They take turns.
const SIDES: [(&str, Option<&str>); 3] = [
    ("nobody", None),
    ("pictures", Some("delete window.RTCPeerConnection;")),
    ("WebRTC", Some("")),
];

/// I420.
fn frame(number: usize) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut frame = vec![128; width * height * 3 / 2];
    for (y, row) in frame.chunks_mut(width).take(height).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = match (
                y < SIDE,
                number >> (x / SIDE) & 1,
                (x + 5 * number) % 97 < 40,
            ) {
                (true, 1, _) => 235,
                (true, ..) => 16,
                (false, _, true) => 140,
                (false, ..) => 90,
            };
        }
    }
    frame
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64() * 1000.0
}

/// When each frame was sent, in milliseconds since 1970.
type Sent = Arc<Mutex<Vec<f64>>>;

fn send(mut writer: PipeWriter) -> Sent {
    let sent = Sent::default();
    let told = sent.clone();
    thread::spawn(move || {
        let mut next = Instant::now();
        for number in 0.. {
            let frame = frame(number);
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next += Duration::from_secs(1) / RATE;
            told.lock().unwrap().push(now());
            if writer.write_all(&frame).is_err() {
                return;
            }
        }
    });
    sent
}

/// Of the frames that are shown: their numbers, and when they first were, in milliseconds since 1970.
const LOOK: &str = "window.seen = {}; window.look = () => {
  const place = document.querySelector('[data-camera=a] .picture');
  const [shown, video] = [place.querySelector('canvas'), place.querySelector('video')];
  const source = video && !video.hidden ? video : shown;
  const strip = window.strip ??= new OffscreenCanvas(640, 1).getContext('2d', { willReadFrequently: true });
  const scale = (source.videoWidth || source.width) / 640;
  strip.drawImage(source, 0, 20 * scale, 640 * scale, 1, 0, 0, 640, 1);
  const row = strip.getImageData(0, 0, 640, 1).data;
  let number = 0;
  for (let bit = 0; bit < 16; bit += 1) if (row[4 * (20 + 40 * bit)] > 127) number += 2 ** bit;
  window.seen[number] ??= performance.timeOrigin + performance.now();
  requestAnimationFrame(window.look);
}; window.look()";

/// What came of a side in a round.
struct Round {
    work: Work,
    /// Of the browser, of the processors.
    cores: f64,
    /// Frames of the numbered camera, a second.
    shown: f64,
    /// Milliseconds from a frame to the screen.
    latencies: Vec<f64>,
}

/// Seconds of the processors that all that this process has started used so far.
fn browser() -> f64 {
    let mut parents = HashMap::new();
    let mut used = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat"));
        let (Ok(stat), Ok(id)) = (stat, entry.file_name().to_string_lossy().parse::<u32>()) else {
            continue;
        };
        let parent = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1);
        parents.insert(id, parent.unwrap().parse::<u32>().unwrap());
        used.insert(id, seconds(&stat));
    }
    let is_ours = |mut id: u32| {
        while let Some(parent) = parents.get(&id) {
            if *parent == process::id() {
                return true;
            }
            id = *parent;
        }
        false
    };
    let ours = used.iter().filter(|(id, _)| is_ours(**id));
    ours.map(|(_, used)| used).sum()
}

fn round(
    line: &Line,
    runtime: &Runtime,
    page: &Opened,
    side: Option<&str>,
    url: &str,
    sent: &Sent,
) -> Round {
    page.go("about:blank");
    if let Some(script) = side {
        let script = page.ask(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        );
        page.go(url);
        page.ask("Page.removeScriptToEvaluateOnNewDocument", script);
    }
    thread::sleep(SETTLING);
    if side.is_some() {
        page.value(LOOK);
    }
    let before = browser();
    let work = work(line, runtime, MEASURED);
    let cores = (browser() - before) / MEASURED.as_secs_f64();
    let seen = page.value("window.seen ?? {}");
    let sent = sent.lock().unwrap().clone();
    let seen: Vec<_> = seen
        .as_object()
        .unwrap()
        .iter()
        .map(|(number, time)| (number.parse::<usize>().unwrap(), time.as_f64().unwrap()))
        .collect();
    // The first was shown before anybody looked.
    let first = seen.iter().map(|(number, _)| *number).min();
    let latencies = seen
        .iter()
        .filter(|(number, _)| Some(*number) != first)
        .map(|(number, time)| time - sent[*number]);
    Round {
        work,
        cores,
        shown: seen.len() as f64 / MEASURED.as_secs_f64(),
        latencies: latencies.collect(),
    }
}

fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count => values[((count - 1) as f64 * share).round() as usize],
    }
}

#[test]
#[ignore = "long: times and rates, minutes of cameras that are watched"]
fn four_cameras_are_watched_without_slowing_inspection() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("part.safetensors");
    // Two cores judge all frames with it, and have time to spare.
    let config = DenseConfig {
        tiling: Tiling::whole([128, 128]),
        ..DenseConfig::usual()
    };
    let part = dense_model_of(config);
    part.save(&model, Storage::F32).unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let (width, height) = SIZE;
    let numbered = format!(
        "fdsrc fd={} blocksize={} ! rawvideoparse width={width} height={height} format=i420 framerate={RATE}/1 ! queue \
         max-size-buffers=1",
        reader.as_raw_fd(),
        width * height * 3 / 2,
    );
    let bar = format!(
        "videotestsrc is-live=true pattern=bar ! video/x-raw,format=I420,width={width},height={height},framerate={RATE}/1"
    );
    let camera = |(name, source): (&str, &str)| {
        format!("[cameras.{name}]\nrecipe = 'part'\nsource = '{source}'\n")
    };
    let cameras = [("a", &*numbered), ("b", &bar), ("c", &bar), ("d", &bar)].map(camera);
    let text = format!(
        "name = 'test'\n[recipes.part]\nmodel = 'part.safetensors'\nregion = '0,{SIDE},{width},{}'\n{}",
        height - SIDE,
        cameras.concat()
    );
    let config = LineConfig::parse(&text, folder.path()).unwrap();
    let runtime = Runtime::new().unwrap();
    let line = Line::start(config, runtime.handle()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    runtime.spawn(igd_serve::serve(
        line.clone(),
        listener,
        std::future::pending(),
    ));
    let sent = send(writer);
    // Those who watch have machines of their own: what their browser computes here makes way. Of its niceness the browser
    // decides by itself, of this it does not.
    let page = thread::spawn(|| {
        let thread = fs::read_link("/proc/thread-self").unwrap();
        let mut idle = Command::new("chrt");
        idle.args(["--idle", "--pid", "0"])
            .arg(thread.file_name().unwrap());
        assert!(idle.status().unwrap().success());
        Opened::new("about:blank", 1280, false)
    });
    let page = page.join().unwrap();
    let mut rounds = SIDES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, side), rounds) in SIDES.iter().zip(&mut rounds) {
            rounds.push(round(&line, &runtime, &page, *side, &url, &sent));
        }
    }
    println!(
        "4 cameras of {width}x{height} at {RATE} frames/s, medians of {ROUNDS} rounds of {} s each",
        MEASURED.as_secs()
    );
    let verdicts = rounds.each_ref().map(|rounds| {
        let median = |of: &dyn Fn(&Round) -> f64| quantile(rounds.iter().map(of), 0.5);
        median(&|round| round.work.verdicts)
    });
    for ((name, _), rounds) in SIDES.iter().zip(&rounds) {
        let median = |of: &dyn Fn(&Round) -> f64| quantile(rounds.iter().map(of), 0.5);
        let to_screen = |share| {
            quantile(
                rounds.iter().flat_map(|round| round.latencies.clone()),
                share,
            )
        };
        println!(
            "{name:8}: {:.1} verdicts/s, {:.1} ms in the median and {:.1} in 99 of 100, {:.2} cores; browser {:.2} cores, {:.1} \
             frames/s of a camera, {:.0} ms from the frame to the screen in the median, {:.0} in 95 of 100",
            median(&|round| round.work.verdicts),
            median(&|round| f64::from(round.work.latencies[0])),
            median(&|round| f64::from(round.work.latencies[1])),
            median(&|round| round.work.cores),
            median(&|round| round.cores),
            median(&|round| round.shown),
            to_screen(0.5),
            to_screen(0.95),
        );
    }
    for ((name, side), (rounds, rate)) in SIDES.iter().zip(rounds.iter().zip(verdicts)) {
        assert!(rate > 0.97 * verdicts[0], "{name}: {verdicts:?}");
        assert!(
            side.is_none() || rounds.iter().all(|round| round.shown > 1.0),
            "{name}"
        );
    }
    line.stop();
}
