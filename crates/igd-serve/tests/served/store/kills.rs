//! SIGKILL at random moments of a process that adds parts with pictures and marks some: what it was told is stored is
//! there, and nothing half. `IGD_KILLS` is how many there are in `tests/long`, 100 unless set.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use igd_serve::config::Keep;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Part, PictureKind, Store};
use uuid::Uuid;

use super::{KINDS, bytes_of, marked, picture_files, pictures, record};
use crate::common::alone::{again, is_alone};

/// Of the process to be killed: where its store is.
const FOLDER: &str = "IGD_TEST_STORE";

/// What `add` gets at once.
const BATCH: usize = 3;

/// So many parts are marked.
const MARKED: usize = 5;

fn open(folder: &Path) -> Store {
    // Little enough that some are evicted all the time.
    let keep = Keep {
        disk_mb: 1,
        ..Keep::default()
    };
    Store::open(folder, &keep).unwrap()
}

/// Adds until it is killed, and notes what it was told is stored.
fn add_for_ever(folder: &Path) {
    let store = open(folder);
    let mut told = File::options()
        .append(true)
        .create(true)
        .open(folder.join("told"))
        .unwrap();
    for second in 0.. {
        let batch = Uuid::now_v7();
        let parts = (0..BATCH).map(|number| {
            let record = Record {
                reason: Some(batch.to_string()),
                ..record(
                    second,
                    if number == 0 {
                        Verdict::Good
                    } else {
                        Verdict::Bad
                    },
                )
            };
            (record, (number < 2).then(|| pictures(80)))
        });
        let added = store.add(parts.collect()).unwrap();
        let mut line: String = added
            .iter()
            .map(|part| format!("{} ", part.record.id))
            .collect();
        // Some alone, so that there is room for others.
        if added[0].pictures && store.marked("cell").unwrap().len() < MARKED {
            let id = added[0].record.id;
            assert!(store.mark(id, Some(marked(Mark::Good))).unwrap());
            line += &id.to_string();
        }
        // In one write.
        told.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// The ids that were told of by whole lines, and those of marked ones.
fn told(folder: &Path) -> (Vec<Uuid>, Vec<Uuid>) {
    let text = fs::read_to_string(folder.join("told")).unwrap_or_default();
    let (mut added, mut marked) = (Vec::new(), Vec::new());
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let mut ids = line
            .split_whitespace()
            .map(|id| id.parse::<Uuid>().unwrap());
        added.extend(ids.by_ref().take(BATCH));
        marked.extend(ids);
    }
    (added, marked)
}

fn assert_whole(folder: &Path, before: usize) -> usize {
    let store = open(folder);
    let (added, marked) = told(folder);
    for id in &added {
        assert!(store.part(*id).unwrap().is_some(), "{id} is lost");
    }
    for id in marked {
        let part = store.part(id).unwrap().unwrap();
        assert!(part.mark.is_some() && part.pictures, "{part:?}");
    }
    assert!(store.marked("cell").unwrap().len() <= MARKED);
    let mut parts = Vec::new();
    loop {
        let more = store
            .after(parts.last().map_or(0, |part: &Part| part.seq), 1000)
            .unwrap();
        if more.is_empty() {
            break;
        }
        parts.extend(more);
    }
    // One batch, and one alone, may be stored that nobody was told of.
    assert!(parts.len() >= before && parts.len().is_multiple_of(BATCH));
    for batch in parts.chunks(BATCH) {
        assert!(
            batch
                .iter()
                .all(|part| part.record.reason == batch[0].record.reason)
        );
    }
    let mut expected = Vec::new();
    for part in parts.iter().filter(|part| part.pictures) {
        for kind in KINDS {
            let path = store.picture(part.record.id, kind).unwrap().unwrap();
            expected.push(path);
        }
    }
    expected.sort();
    let files = picture_files(folder);
    assert_eq!(files, expected);
    assert_eq!(bytes_of(&files), store.disk());
    assert!(store.disk() <= 1_000_000);
    if let Some(part) = parts.iter().rfind(|part| part.pictures) {
        let path = store
            .picture(part.record.id, PictureKind::Seen)
            .unwrap()
            .unwrap();
        assert_eq!(image::open(path).unwrap().into_rgb8(), pictures(80).seen);
    }
    parts.len()
}

fn kills(name: &str, kills: usize) {
    if is_alone() {
        return add_for_ever(Path::new(&env::var_os(FOLDER).unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(1);
    let (mut parts, mut left_overs) = (0, 0);
    for _ in 0..kills {
        let lines = told(folder.path()).0.len();
        let mut child = again(name)
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while told(folder.path()).0.len() == lines {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it has ended by itself"
            );
            assert!(start.elapsed() < Duration::from_secs(60), "it adds nothing");
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_micros(random.u64(..100_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let before = picture_files(folder.path());
        parts = assert_whole(folder.path(), parts);
        left_overs += usize::from(before != picture_files(folder.path()));
    }
    println!("{kills} kills: {parts} parts; {left_overs} times files were left");
}

#[test]
fn what_was_added_is_there() {
    kills("store::kills::what_was_added_is_there", 8);
}

#[test]
#[ignore = "long"]
fn what_was_added_is_there_many() {
    let count = env::var("IGD_KILLS").map_or(100, |count| count.parse().unwrap());
    kills("store::kills::what_was_added_is_there_many", count);
}
