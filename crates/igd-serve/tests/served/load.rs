//! Many cameras on one machine, for as long as IGD_LOAD_MINUTES says, and people who watch some.

use std::env;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use igd::model::Storage;
use igd_serve::record::Verdict;
use igd_serve::{Line, LineConfig};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::error::RecvError;

use crate::common::dense_model;
use crate::http::client::Ask;

const CAMERAS: usize = 8;
/// Of a part, in milliseconds.
const DEADLINE: u64 = 500;
/// Until all cameras run.
const WARM_UP: Duration = Duration::from_secs(10);

/// Seconds of the processors that this process has used so far.
fn cpu() -> f64 {
    seconds(&fs::read_to_string("/proc/self/stat").unwrap())
}

/// The same of any process, by its `/proc/*/stat`.
pub fn seconds(stat: &str) -> f64 {
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: f64 = [11, 12]
        .map(|field| fields[field].parse::<f64>().unwrap())
        .iter()
        .sum();
    // Linux tells a hundred ticks a second everywhere.
    ticks / 100.0
}

/// Megabytes in memory.
fn memory() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / 1e6
}

fn config(cameras: usize, rate: u32) -> String {
    // Its moving bar takes a twenty-fifth of what the ball takes, so that the cores are for the cameras' verdicts and not
    // for drawing what they see.
    let source = format!(
        "videotestsrc is-live=true pattern=bar ! video/x-raw,format=I420,width=1280,height=720,framerate={rate}/1"
    );
    let camera = |number: usize| {
        format!(
            "[cameras.camera-{number}]\nrecipe = 'part'\ntrigger.deadline-ms = {DEADLINE}\nsource = '{source}'\n"
        )
    };
    let cameras: String = (0..cameras).map(camera).collect();
    format!("name = 'load'\n[recipes.part]\nmodel = 'part.safetensors'\n{cameras}")
}

#[test]
#[ignore = "long: a rate, minutes of eight cameras"]
fn eight_cameras_get_their_verdicts_and_memory_stays() {
    let minutes = env::var("IGD_LOAD_MINUTES")
        .ok()
        .and_then(|text| text.parse().ok());
    let minutes: u64 = minutes.unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("part.safetensors");
    dense_model().save(&model, Storage::F32).unwrap();
    let runtime = Runtime::new().unwrap();
    let config = LineConfig::parse(&config(CAMERAS, 25), folder.path()).unwrap();
    let line = Line::start(config, runtime.handle()).unwrap();
    let mut parts = line.parts();
    runtime.block_on(async {
        // What comes while all begin says nothing.
        tokio::time::sleep(WARM_UP).await;
        parts = line.parts();
    });
    let frames = || {
        line.cameras()
            .iter()
            .map(|camera| camera.frames)
            .sum::<u64>()
    };
    let (start, cpu_before, frames_before) = (Instant::now(), cpu(), frames());
    let until = start + Duration::from_secs(60 * minutes);
    let (mut latencies, mut late, mut missed) = (Vec::new(), 0, 0);
    let mut curve = vec![memory()];
    runtime.block_on(async {
        while Instant::now() < until {
            match parts.recv().await {
                Ok(part) => {
                    latencies.push(part.record.latency_ms);
                    late += usize::from(part.record.verdict == Verdict::None);
                }
                Err(RecvError::Lagged(count)) => missed += count,
                Err(RecvError::Closed) => panic!("the line has ended"),
            }
            if start.elapsed().as_secs() / 60 >= curve.len() as u64 {
                curve.push(memory());
            }
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let frames = (frames() - frames_before) as f64 / seconds;
    let cores = (cpu() - cpu_before) / seconds;
    let judged = latencies.len() as u64 + missed;
    latencies.sort_by(f32::total_cmp);
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{minutes} minutes of {CAMERAS} cameras: {frames:.1} frames/s came, {:.1} were judged, {:.1} a camera; latency \
         {:.1} ms in the median, {:.1} in 99 of 100, {:.1} at most; {late} of {judged} after {DEADLINE} ms; {cores:.2} \
         cores, {:.1} ms of one a verdict; MB each minute: {curve:.0?}",
        judged as f64 / seconds,
        judged as f64 / seconds / CAMERAS as f64,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        1000.0 * cores * seconds / judged as f64,
    );
    for camera in line.cameras() {
        assert_eq!(camera.reconnects, 0, "{camera:?}");
        assert!(camera.judged > 60 * minutes, "{camera:?}");
    }
    assert_eq!(missed, 0);
    assert!(
        late as f64 <= 0.01 * latencies.len() as f64,
        "{late} were late"
    );
    // The first minute fills what is kept.
    let settled = curve[curve.len().min(2) - 1];
    let last = curve[curve.len() - 1];
    assert!(last < 1.1 * settled + 10.0, "{curve:?}");
    line.stop();
}

/// Cameras that are watched, frames of each a second, and those who watch all of them.
const WATCHED: usize = 4;
const RATE: u32 = 15;
const VIEWERS: usize = 4;

/// What a line did in some time.
pub struct Work {
    /// Verdicts a second.
    pub verdicts: f64,
    /// Milliseconds, in the median and of 99 in 100.
    pub latencies: [f32; 2],
    /// Of the processors.
    pub cores: f64,
}

impl Display for Work {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            verdicts,
            latencies: [median, most],
            cores,
        } = self;
        write!(
            f,
            "{verdicts:.1} verdicts/s, {median:.1} ms in the median and {most:.1} in 99 of 100, {cores:.2} cores"
        )
    }
}

pub fn work(line: &Line, runtime: &Runtime, time: Duration) -> Work {
    let mut parts = line.parts();
    let (start, cpu_before) = (Instant::now(), cpu());
    let mut latencies = Vec::new();
    runtime.block_on(async {
        while start.elapsed() < time {
            latencies.push(parts.recv().await.unwrap().record.latency_ms);
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_by(f32::total_cmp);
    Work {
        verdicts: latencies.len() as f64 / seconds,
        latencies: [0.5, 0.99]
            .map(|share| latencies[((latencies.len() - 1) as f64 * share) as usize]),
        cores: (cpu() - cpu_before) / seconds,
    }
}

/// Counts the pictures of a camera until it is told to stop.
fn watch(address: SocketAddr, camera: usize, count: &AtomicU64, stop: &AtomicBool) {
    let path = format!("/api/v1/cameras/camera-{camera}/live.mjpeg?width=640&fps={RATE}");
    let mut stream = Ask::get(&path).begin(address);
    assert_eq!(stream.head().status, 200);
    while !stop.load(Ordering::Relaxed) {
        let length: usize = stream.find("Content-Length: ").parse().unwrap();
        let mut picture = vec![0; length + 2];
        stream.0.read_exact(&mut picture).unwrap();
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
#[ignore = "long: a rate, a minute of cameras that are watched"]
fn four_viewers_of_four_cameras_do_not_slow_inspection() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("part.safetensors");
    dense_model().save(&model, Storage::F32).unwrap();
    let runtime = Runtime::new().unwrap();
    let config = LineConfig::parse(&config(WATCHED, RATE), folder.path()).unwrap();
    let line = Line::start(config, runtime.handle()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(igd_serve::serve(
        line.clone(),
        listener,
        std::future::pending(),
    ));
    thread::sleep(WARM_UP);
    let time = Duration::from_secs(20);
    let alone = work(&line, &runtime, time);
    let (stop, counts) = (
        Arc::<AtomicBool>::default(),
        [(); WATCHED].map(|()| Arc::<AtomicU64>::default()),
    );
    let viewers: Vec<_> = (0..VIEWERS * WATCHED)
        .map(|number| {
            let camera = number % WATCHED;
            let (count, stop) = (counts[camera].clone(), stop.clone());
            thread::spawn(move || watch(address, camera, &count, &stop))
        })
        .collect();
    thread::sleep(Duration::from_secs(2));
    let seen = || {
        counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum::<u64>()
    };
    let (start, before) = (Instant::now(), seen());
    let watched = work(&line, &runtime, time);
    let pictures = (seen() - before) as f64 / start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    viewers
        .into_iter()
        .for_each(|viewer| viewer.join().unwrap());
    let each = pictures / (VIEWERS * WATCHED) as f64;
    println!(
        "{WATCHED} cameras of 720p{RATE}, alone: {alone}; {VIEWERS} viewers of each: {watched}; {each:.1} pictures/s each"
    );
    assert!(
        watched.verdicts > 0.95 * alone.verdicts,
        "{watched}; {alone}"
    );
    assert!(each > 1.0, "{each}");
    line.stop();
}
