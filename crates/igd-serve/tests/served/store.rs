//! The store on real disks: what is stored stays, what is too much goes.

mod database;
mod kills;
mod many;
mod pictures;
mod queries;
mod rest;
mod retiring;

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use igd::model::Region;
use igd_serve::config::Keep;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Marked, Part, PictureKind, Pictures, Store};
use image::{GrayImage, RgbImage};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn open(folder: &Path) -> Store {
    Store::open(folder, &Keep::default()).unwrap()
}

/// A moment so many seconds into the line's life.
fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A part with all that a record can have.
fn record(seconds: i64, verdict: Verdict) -> Record {
    let is_judged = verdict != Verdict::None;
    let normalized = is_judged.then_some(if verdict == Verdict::Bad { 0.9 } else { 0.1 });
    Record {
        id: Uuid::now_v7(),
        time: second(seconds) + SignedDuration::from_nanos(123_456_789),
        camera: "left".into(),
        recipe: "cell".into(),
        version: 2,
        verdict,
        reason: (!is_judged).then(|| "no frame came".into()),
        score: is_judged.then_some(0.1234567),
        normalized,
        threshold: Some(0.3),
        drift: Some(0.25),
        frames: 3,
        latency_ms: 41.5,
        size: [1280, 720],
        inspected: Some([10, 20, 640, 480]),
        regions: match verdict {
            Verdict::Bad => vec![Region {
                x: 1,
                y: 2,
                w: 3,
                h: 4,
                area: 11,
                score: 0.7654321,
            }],
            _ => Vec::new(),
        },
    }
}

/// One of a size that hardly differs: noise.
fn pictures(side: u32) -> Pictures {
    let mut random = Rng::with_seed(side.into());
    let mut noise = |bytes: u32| (0..bytes).map(|_| random.u8(..)).collect::<Vec<_>>();
    Pictures {
        frame: RgbImage::from_raw(side, side, noise(side * side * 3)).unwrap(),
        seen: RgbImage::from_raw(side, side, noise(side * side * 3)).unwrap(),
        map: GrayImage::from_raw(side, side, noise(side * side)).unwrap(),
    }
}

/// Stores one part.
fn add(store: &Store, record: Record, pictures: Option<Pictures>) -> Part {
    let mut parts = store.add(vec![(record, pictures)]).unwrap();
    assert_eq!(parts.len(), 1);
    parts.remove(0)
}

fn marked(mark: Mark) -> Marked {
    Marked {
        mark,
        area: Some([0.1, 0.2, 0.3, 0.4]),
        by: "anna".into(),
        time: second(7),
    }
}

const KINDS: [PictureKind; 3] = [PictureKind::Frame, PictureKind::Seen, PictureKind::Map];

/// All files below the folder of pictures.
fn picture_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(days) = fs::read_dir(folder.join("pictures")) else {
        return files;
    };
    for day in days {
        let entries = fs::read_dir(day.unwrap().path()).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files
}

fn bytes_of(files: &[PathBuf]) -> u64 {
    files
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum()
}
