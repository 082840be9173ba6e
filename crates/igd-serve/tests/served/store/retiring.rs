//! What is too old goes.

use std::thread;

use igd_serve::config::Keep;
use igd_serve::record::{Mark, Verdict};
use igd_serve::store::{Event, Query, Store};
use jiff::Timestamp;

use super::{add, bytes_of, marked, picture_files, pictures, record, second};

const DAY: i64 = 24 * 3600;

fn open(folder: &std::path::Path) -> Store {
    let keep = Keep {
        days: 2,
        ..Keep::default()
    };
    Store::open(folder, &keep).unwrap()
}

#[test]
fn old_parts_go_with_their_pictures_and_marked_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [old, held, new] = [0, 10, 3 * DAY]
        .map(|seconds| add(&store, record(seconds, Verdict::Bad), Some(pictures(8))));
    // On the very limit, and stored late.
    let limit = add(&store, record(DAY, Verdict::Good), None);
    let late = add(&store, record(DAY - 1, Verdict::None), None);
    assert!(
        store
            .mark(held.record.id, Some(marked(Mark::Good)))
            .unwrap()
    );
    for seconds in [0, 3 * DAY] {
        let event = Event {
            time: second(seconds),
            kind: "camera-lost".into(),
            of: "left".into(),
            text: seconds.to_string(),
        };
        store.add_event(&event).unwrap();
    }
    store
        .retire(limit.record.time + jiff::SignedDuration::from_hours(48))
        .unwrap();
    for (part, is_there) in [
        (&old, false),
        (&held, true),
        (&new, true),
        (&limit, true),
        (&late, false),
    ] {
        assert_eq!(
            store.part(part.record.id).unwrap().is_some(),
            is_there,
            "{part:?}"
        );
    }
    let files = picture_files(folder.path());
    assert_eq!(files.len(), 6);
    assert_eq!(store.disk(), bytes_of(&files));
    assert_eq!(store.marked("cell").unwrap().len(), 1);
    let counts = store.counts(Timestamp::UNIX_EPOCH, None).unwrap();
    assert_eq!((counts.good, counts.bad, counts.none), (1, 2, 0));
    let events = store.events(10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].text, (3 * DAY).to_string());
    // Marked ones are found by their time as before.
    let of_then = Query {
        to: Some(second(3600)),
        ..Query::default()
    };
    assert_eq!(store.parts(&of_then).unwrap()[0].record.id, held.record.id);

    // It goes once it is no longer marked, and so does its day.
    store.mark(held.record.id, None).unwrap();
    let day = folder.path().join("pictures/2027-01-15");
    assert!(day.exists());
    store.retire(second(4 * DAY)).unwrap();
    assert_eq!(store.part(held.record.id).unwrap(), None);
    assert!(!day.exists());
    store.retire(second(100 * DAY)).unwrap();
    assert_eq!(store.parts(&Query::default()).unwrap(), []);
    assert_eq!((store.disk(), picture_files(folder.path()).len()), (0, 0));
    // Outputs still know where they are.
    assert_eq!(store.newest().unwrap(), 5);
    assert_eq!(add(&store, record(101 * DAY, Verdict::Good), None).seq, 6);
}

#[test]
fn what_an_output_never_delivered_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.cursor("mqtt").unwrap(), 0);
    assert_eq!(store.cursor("hook").unwrap(), 0);
    let parts = (0..1000).map(|seconds| (record(seconds, Verdict::Good), None));
    let parts = store.add(parts.collect()).unwrap();
    store.set_cursor("mqtt", parts[699].seq).unwrap();
    assert_eq!(store.cursor("late").unwrap(), 1000);
    store
        .mark(parts[999].record.id, Some(marked(Mark::Good)))
        .unwrap();
    store.retire(second(100 * DAY)).unwrap();
    let lost = ["mqtt", "hook", "late", "nobody"].map(|output| store.lost(output).unwrap());
    assert_eq!(lost, [299, 999, 0, 0]);
    // What is left is still to be delivered.
    let left = store.after(store.cursor("hook").unwrap(), 10).unwrap();
    assert_eq!(left.iter().map(|part| part.seq).collect::<Vec<_>>(), [1000]);
}

#[test]
fn others_write_while_much_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for batch in 0..10 {
        let parts = (0..1000).map(|number| (record(batch * 1000 + number, Verdict::Good), None));
        store.add(parts.collect()).unwrap();
    }
    let written = thread::scope(|scope| {
        let retiring = scope.spawn(|| store.retire(second(100 * DAY)).unwrap());
        let mut written = 0;
        while !retiring.is_finished() {
            add(&store, record(100 * DAY, Verdict::Good), None);
            written += 1;
        }
        written
    });
    let left = store.after(0, 100_000).unwrap();
    assert_eq!(left.len(), written);
    assert!(left.iter().all(|part| part.seq > 10_000));
}
