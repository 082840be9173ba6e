//! The database's file: its versions, its owner, and those who use it at once.

use std::fs;
use std::thread;

use igd_serve::config::Keep;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Query, Store, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{add, marked, open, record, second};

#[test]
fn parts_come_back_as_they_were_stored() {
    let folder = tempfile::tempdir().unwrap();
    let stored = {
        let store = open(folder.path());
        let records =
            [Verdict::Good, Verdict::Bad, Verdict::None].map(|verdict| record(1, verdict));
        let bare = Record {
            id: Uuid::now_v7(),
            ..Record::default()
        };
        let parts = records
            .into_iter()
            .chain([bare])
            .map(|record| (record, None));
        let stored = store.add(parts.collect()).unwrap();
        assert_eq!(store.add(Vec::new()).unwrap(), []);
        stored
    };
    let store = open(folder.path());
    for part in &stored {
        assert_eq!(store.part(part.record.id).unwrap().as_ref(), Some(part));
    }
    assert_eq!(store.part(Uuid::now_v7()).unwrap(), None);
    assert_eq!(store.after(0, 10).unwrap(), stored);
    let seqs: Vec<_> = stored.iter().map(|part| part.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
}

#[test]
fn what_is_no_number_is_stored_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let odd = Record {
        score: Some(f32::NAN),
        threshold: Some(f32::INFINITY),
        latency_ms: f32::NAN,
        ..record(1, Verdict::Good)
    };
    let id = odd.id;
    add(&store, odd, None);
    let odd = store.part(id).unwrap().unwrap().record;
    assert_eq!((odd.score, odd.threshold), (None, Some(f32::INFINITY)));
    assert!(odd.latency_ms.is_nan());
}

#[test]
fn a_part_that_is_there_is_not_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = add(&store, record(1, Verdict::Bad), Some(super::pictures(8)));
    let files = super::picture_files(folder.path());
    let disk = store.disk();
    assert!(first.pictures && disk > 0);
    let mut all = vec![first.clone()];
    let pictures = || Some(super::pictures(16));
    for given in [[None, None], [pictures(), pictures()]] {
        let [of_first, of_new] = given;
        let new = record(2, Verdict::Good);
        let given = vec![
            (new.clone(), None),
            (first.record.clone(), of_first),
            (new, of_new),
        ];
        let stored = store.add(given).unwrap();
        all.push(stored[0].clone());
        assert_eq!(
            stored,
            [
                all[all.len() - 1].clone(),
                first.clone(),
                all[all.len() - 1].clone()
            ]
        );
        assert_eq!(store.after(0, 10).unwrap(), all);
        assert_eq!(super::picture_files(folder.path()), files);
        assert_eq!(store.disk(), disk);
    }
}

/// The first version's tables with a part that was good, and one that was bad and is marked.
fn first_version(folder: &std::path::Path) -> [Record; 2] {
    let database = Connection::open(folder.join("line.sqlite")).unwrap();
    let tables = include_str!("../../../src/store/schema/1.sql");
    database.execute_batch(tables).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    let records = [record(1, Verdict::Good), record(7200, Verdict::Bad)].map(|record| Record {
        inspected: None,
        ..record
    });
    for record in &records {
        database
            .execute(
                "INSERT INTO parts (id, time, camera, recipe, version, verdict, score, normalized, threshold, drift,
                                    frames, latency_ms, width, height, regions, class, bytes)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
                params![
                    record.id,
                    record.time.as_nanosecond() as i64,
                    record.camera,
                    record.recipe,
                    record.version,
                    record.verdict.name(),
                    record.score,
                    record.normalized,
                    record.threshold,
                    record.drift,
                    record.frames,
                    record.latency_ms,
                    record.size[0],
                    record.size[1],
                    serde_json::to_string(&record.regions).unwrap(),
                ],
            )
            .unwrap();
    }
    database
        .execute_batch(
            "UPDATE parts SET mark = 'bad', mark_area = '[0.1,0.2,0.3,0.4]', mark_by = 'anna',
                              mark_time = 1800000007000000000 WHERE seq = 2;
             INSERT INTO cursors (output, seq) VALUES ('mqtt', 1);",
        )
        .unwrap();
    records
}

#[test]
fn a_database_of_the_first_version_becomes_one_of_the_present() {
    let folder = tempfile::tempdir().unwrap();
    let [good, bad] = first_version(folder.path());
    for _ in 0..2 {
        let store = open(folder.path());
        let parts = store.after(0, 10).unwrap();
        assert_eq!(parts[0].record, good);
        assert_eq!(parts[1].record, bad);
        assert_eq!(parts[1].mark, Some(marked(Mark::Bad)));
        assert_eq!(store.cursor("mqtt").unwrap(), 1);
        // By what the second version has.
        let counts = store.counts(Timestamp::UNIX_EPOCH, None).unwrap();
        assert_eq!((counts.good, counts.bad, counts.none), (1, 1, 0));
        let later = Query {
            from: Some(second(60)),
            ..Query::default()
        };
        assert_eq!(store.parts(&later).unwrap(), parts[1..]);
    }
    assert_eq!(
        add(&open(folder.path()), record(3, Verdict::Good), None).seq,
        3
    );
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    add(&open(folder.path()), record(1, Verdict::Good), None);
    let path = folder.path().join("line.sqlite");
    let version = |version: Option<i64>| {
        let database = Connection::open(&path).unwrap();
        if let Some(version) = version {
            database
                .pragma_update(None, "user_version", version)
                .unwrap();
        }
        database
            .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let present = version(None);
    version(Some(1000));
    let error = Store::open(folder.path(), &Keep::default())
        .err()
        .unwrap()
        .to_string();
    for part in [
        path.to_str().unwrap(),
        "version 1000",
        "a newer igd",
        "`folder`",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(version(Some(present)), present);
    assert_eq!(open(folder.path()).newest().unwrap(), 1);
}

#[test]
fn what_is_no_database_of_ours_is_refused_by_name_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.sqlite");
    let other = folder.path().join("other");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE songs (name)")
        .unwrap();
    let broken = [&b"SQLite format 3\0"[..], &[7; 5000]].concat();
    for content in [
        b"short".to_vec(),
        vec![b'x'; 10_000],
        broken,
        fs::read(other).unwrap(),
    ] {
        fs::write(&path, &content).unwrap();
        let error = Store::open(folder.path(), &Keep::default()).err().unwrap();
        assert!(matches!(error, StoreError::Foreign(_)), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    // Nothing is in an empty file.
    fs::write(&path, b"").unwrap();
    assert_eq!(open(folder.path()).newest().unwrap(), 0);
}

#[test]
fn a_folder_has_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let clone = store.clone();
    drop(store);
    let error = Store::open(folder.path(), &Keep::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(folder.path().to_str().unwrap()) && error.contains("another"),
        "{error}"
    );
    drop(clone);
    open(folder.path());
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("line"), &Keep::default())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn readers_see_whole_transactions_while_a_writer_writes() {
    const BATCHES: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for batch in 0..BATCHES {
                let parts = (0..4).map(|_| (record(batch as i64, Verdict::Good), None));
                store.add(parts.collect()).unwrap();
            }
        });
        thread::scope(|readers| {
            for _ in 0..2 {
                readers.spawn(|| {
                    while !writer.is_finished() {
                        let counts = store.counts(Timestamp::UNIX_EPOCH, None).unwrap();
                        assert_eq!(counts.good % 4, 0);
                        let newest = store.parts(&Query::default()).unwrap();
                        assert!(newest.first().is_none_or(|part| part.seq % 4 == 0));
                    }
                });
            }
        });
        writer.join().unwrap();
    });
    assert_eq!(store.newest().unwrap(), 4 * BATCHES as i64);
}

#[test]
fn a_reader_that_takes_long_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add(&store, record(1, Verdict::Good), None);
    let mut reader = Connection::open(folder.path().join("line.sqlite")).unwrap();
    let reading = reader.transaction().unwrap();
    let count = || {
        let count = reading.query_row("SELECT count(*) FROM parts", [], |row| row.get::<_, i64>(0));
        count.unwrap()
    };
    assert_eq!(count(), 1);
    for second in 2..50 {
        add(&store, record(second, Verdict::Good), None);
    }
    assert_eq!(count(), 1);
    assert_eq!(store.newest().unwrap(), 49);
}

#[test]
fn threads_that_add_at_once_lose_nothing() {
    const EACH: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let added: Vec<Vec<_>> = thread::scope(|scope| {
        let threads = ["left", "right"].map(|camera| {
            let store = store.clone();
            scope.spawn(move || {
                let part = |number: usize| {
                    let record = Record {
                        camera: camera.into(),
                        ..record(number as i64, Verdict::Bad)
                    };
                    let pictures = number.is_multiple_of(10).then(|| super::pictures(8));
                    add(&store, record, pictures)
                };
                (0..EACH).map(part).collect()
            })
        });
        threads.map(|thread| thread.join().unwrap()).into()
    });
    for parts in &added {
        // In the order in which each has added them.
        assert!(parts.is_sorted_by_key(|part| part.seq));
    }
    let mut all: Vec<_> = added.into_iter().flatten().collect();
    all.sort_by_key(|part| part.seq);
    assert_eq!(store.after(0, 1000).unwrap(), all);
    assert_eq!(all.len(), 2 * EACH);
    let files = super::picture_files(folder.path());
    assert_eq!(files.len(), 3 * 2 * EACH / 10);
    assert_eq!(store.disk(), super::bytes_of(&files));
}
