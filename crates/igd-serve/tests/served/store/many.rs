//! How long it takes, and a store of a year.

use std::time::{Duration, Instant};

use fastrand::Rng;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Query, Store};
use jiff::Timestamp;

use super::{marked, open, pictures, record, second};

/// The median, and the longest.
fn times(mut work: impl FnMut(), count: usize) -> String {
    let time = |()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let mut times: Vec<Duration> = std::iter::repeat_n((), count).map(time).collect();
    times.sort();
    format!(
        "{:.2?} (median of {count}), {:.2?} at most",
        times[count / 2],
        times[count - 1]
    )
}

#[test]
#[ignore = "long: tells times"]
fn how_long_it_takes_to_add() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for count in [1, 16, 256] {
        let add = || {
            let parts = (0..count).map(|seconds| (record(seconds, Verdict::Bad), None));
            store.add(parts.collect()).unwrap();
        };
        println!("add of {count}: {}", times(add, 300));
    }
    let with = || {
        let parts = vec![(record(0, Verdict::Bad), Some(pictures(256)))];
        store.add(parts).unwrap();
    };
    println!(
        "add of 1 with pictures of 256x256 of noise: {}",
        times(with, 50)
    );
}

/// A million parts of 116 days, of four cameras and one recipe after the other, one in fifty bad.
fn fill(store: &Store) {
    let mut random = Rng::with_seed(1);
    for batch in 0..1000 {
        let parts = (0..1000).map(|number| {
            let number = batch * 1000 + number;
            let verdict = match random.u32(..1000) {
                0 => Verdict::None,
                1..20 => Verdict::Bad,
                _ => Verdict::Good,
            };
            let normalized = match verdict {
                Verdict::Good => Some(random.f32() * 0.5),
                Verdict::Bad => Some(0.5 + random.f32() * 0.5),
                Verdict::None => None,
            };
            let record = Record {
                camera: format!("camera-{}", number % 4),
                recipe: format!("recipe-{}", number / 100_000),
                normalized,
                ..record(number * 10, verdict)
            };
            (record, None)
        });
        store.add(parts.collect()).unwrap();
    }
}

#[test]
#[ignore = "long: tells times"]
fn pages_of_a_million_parts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let start = Instant::now();
    fill(&store);
    println!("1,000,000 parts stored in {:.1?}", start.elapsed());
    let size = folder.path().join("line.sqlite").metadata().unwrap().len();
    println!("the database takes {} MB", size / 1_000_000);
    for seq in (1..1_000_000).step_by(10_000) {
        let id = store.after(seq, 1).unwrap()[0].record.id;
        store.mark(id, Some(marked(Mark::Bad))).unwrap();
    }
    let hour = |hour: i64| Some(second(hour * 3600));
    let all = Query::default;
    let bad = || Query {
        verdict: Some(Verdict::Bad),
        ..all()
    };
    let nearest = || Query {
        nearest: true,
        ..all()
    };
    let camera = || Some("camera-3".to_owned());
    let recipe = |number| Some(format!("recipe-{number}"));
    let queries = [
        ("all", all()),
        (
            "all, page 10,000",
            Query {
                before: Some(500_000),
                ..all()
            },
        ),
        (
            "a camera's",
            Query {
                camera: camera(),
                ..all()
            },
        ),
        (
            "the first recipe's",
            Query {
                recipe: recipe(0),
                ..all()
            },
        ),
        ("bad", bad()),
        (
            "bad of a camera",
            Query {
                camera: camera(),
                ..bad()
            },
        ),
        (
            "bad of a camera and the first recipe",
            Query {
                camera: camera(),
                recipe: recipe(0),
                ..bad()
            },
        ),
        (
            "a camera's of the first recipe",
            Query {
                camera: camera(),
                recipe: recipe(0),
                ..all()
            },
        ),
        (
            "of a shift long ago",
            Query {
                from: hour(100),
                to: hour(108),
                ..all()
            },
        ),
        (
            "bad of a shift long ago",
            Query {
                from: hour(100),
                to: hour(108),
                ..bad()
            },
        ),
        (
            "marked",
            Query {
                marked: Some(true),
                ..all()
            },
        ),
        (
            "not marked",
            Query {
                marked: Some(false),
                ..all()
            },
        ),
        (
            "with pictures, of which there are none",
            Query {
                pictures: Some(true),
                ..all()
            },
        ),
        ("nearest", nearest()),
        (
            "nearest of the first recipe",
            Query {
                recipe: recipe(0),
                ..nearest()
            },
        ),
        (
            "nearest of a camera and a recipe",
            Query {
                camera: camera(),
                recipe: recipe(3),
                ..nearest()
            },
        ),
        (
            "nearest of a shift",
            Query {
                from: hour(100),
                to: hour(108),
                ..nearest()
            },
        ),
        (
            "nearest of a month",
            Query {
                from: hour(0),
                to: hour(720),
                ..nearest()
            },
        ),
        (
            "nearest with pictures, of which there are none",
            Query {
                pictures: Some(true),
                ..nearest()
            },
        ),
    ];
    for (what, query) in queries {
        let page = || drop(store.parts(&query).unwrap());
        println!(
            "{what}: {} parts, {}",
            store.parts(&query).unwrap().len(),
            times(page, 20)
        );
    }
    for (what, since) in [
        ("of all", Timestamp::UNIX_EPOCH),
        ("of the last day", second(10_000_000 - 86_400)),
    ] {
        let count = || assert!(store.counts(since, None).is_ok());
        println!("counts {what}: {}", times(count, 20));
    }
    let add = || {
        drop(
            store
                .add(vec![(record(10_000_000, Verdict::Bad), None)])
                .unwrap(),
        )
    };
    println!("add of 1: {}", times(add, 300));
    let start = Instant::now();
    store.retire(second(10_000_000)).unwrap();
    println!(
        "{} parts left after {:.1?} of retiring",
        store.after(0, 2_000_000).unwrap().len(),
        start.elapsed()
    );
    drop(store);
    let start = Instant::now();
    open(folder.path());
    println!("opened in {:.1?}", start.elapsed());
}
