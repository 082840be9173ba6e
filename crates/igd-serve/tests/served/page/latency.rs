//! From a frame to the screen of a browser on the same machine.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use igd_serve::{Line, LineConfig};
use tokio::runtime::Runtime;

use crate::common::browser::Opened;
use crate::common::dense_model;

const SIZE: (usize, usize) = (640, 360);
const RATE: u32 = 25;
/// Frames bear their number in so many squares at the upper edge, where nothing is inspected.
const BITS: usize = 10;
const SIDE: usize = SIZE.0 / BITS;
const FRAMES: usize = 500;

fn frame(number: usize) -> Vec<u8> {
    let mut frame = vec![90; 3 * SIZE.0 * SIZE.1];
    for (place, pixel) in frame.chunks_mut(3).enumerate() {
        let (x, y) = (place % SIZE.0, place / SIZE.0);
        if y < SIDE {
            pixel.fill(if number >> (x / SIDE) & 1 == 1 {
                255
            } else {
                0
            });
        } else if (x + 5 * number) % 97 < 40 {
            pixel.fill(140);
        }
    }
    frame
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64() * 1000.0
}

/// Of the frames that are shown: their numbers, and when they first were, in milliseconds since 1970.
const LOOK: &str = "window.seen = {}; window.look = () => {
  const canvas = document.querySelector('.picture canvas');
  const scale = canvas.width / 640;
  const row = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 32 * scale, canvas.width, 1).data;
  let number = 0;
  for (let bit = 0; bit < 10; bit += 1) if (row[4 * Math.round((bit + 0.5) * 64 * scale)] > 127) number += 2 ** bit;
  window.seen[number] ??= performance.timeOrigin + performance.now();
  requestAnimationFrame(window.look);
}; window.look()";

#[test]
#[ignore = "long: a time, half a minute of a camera that is watched"]
fn the_live_page_shows_a_frame_soon_after_it_came() {
    let folder = tempfile::tempdir().unwrap();
    dense_model()
        .save(
            &folder.path().join("part.safetensors"),
            igd::model::Storage::F32,
        )
        .unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let text = format!(
        "name = 'test'\n[recipes.part]\nmodel = 'part.safetensors'\nregion = '0,{SIDE},{},{}'\n[cameras.left]\n\
         recipe = 'part'\nsource = 'fdsrc fd={} blocksize={} ! rawvideoparse width={} height={} format=rgb \
         framerate={RATE}/1 ! queue max-size-buffers=1'\n",
        SIZE.0,
        SIZE.1 - SIDE,
        reader.as_raw_fd(),
        3 * SIZE.0 * SIZE.1,
        SIZE.0,
        SIZE.1
    );
    let config = LineConfig::parse(&text, folder.path()).unwrap();
    let runtime = Runtime::new().unwrap();
    let line = Line::start(config, runtime.handle()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/camera/left", listener.local_addr().unwrap());
    runtime.spawn(igd_serve::serve(
        line.clone(),
        listener,
        std::future::pending(),
    ));
    let sent = thread::spawn(move || {
        let mut sent = Vec::with_capacity(FRAMES);
        for number in 0..FRAMES {
            let frame = frame(number);
            sent.push(now());
            writer.write_all(&frame).unwrap();
            thread::sleep(Duration::from_secs(1) / RATE);
        }
        sent
    });
    let page = Opened::new(&url, 1280, false);
    page.until("document.querySelector('.picture canvas').dataset.count > 3");
    page.value(LOOK);
    let sent = sent.join().unwrap();
    let seen = page.value("window.seen");
    // Those that were shown before anybody looked say nothing.
    let mut seen: Vec<_> = seen
        .as_object()
        .unwrap()
        .iter()
        .map(|(number, time)| (number.parse::<usize>().unwrap(), time.as_f64().unwrap()))
        .collect();
    seen.sort_unstable_by_key(|(number, _)| *number);
    let mut latencies: Vec<_> = seen[1..]
        .iter()
        .map(|(number, time)| time - sent[*number])
        .collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{} of {FRAMES} frames were seen; from the frame to the screen {:.0} ms in the median, {:.0} in 95 of 100, {:.0} at most",
        latencies.len(),
        quantile(0.5),
        quantile(0.95),
        quantile(1.0)
    );
    assert!(
        latencies.len() > 100 && quantile(0.5) < 500.0,
        "{latencies:?}"
    );
    line.stop();
}
