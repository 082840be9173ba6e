//! Marks, versions, events and cursors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use igd::model::Revision;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Event, Marks, Store, Version};
use uuid::Uuid;

use super::{add, marked, open, pictures, record, second};

#[test]
fn marks_are_set_changed_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let part = add(&store, record(1, Verdict::Good), None);
    let id = part.record.id;
    let bare = super::Marked {
        area: None,
        ..marked(Mark::Good)
    };
    for mark in [Some(marked(Mark::Bad)), Some(bare), None] {
        assert!(store.mark(id, mark.clone()).unwrap());
        assert_eq!(
            store.part(id).unwrap().unwrap(),
            super::Part {
                mark,
                ..part.clone()
            }
        );
    }
    assert!(!store.mark(Uuid::now_v7(), Some(marked(Mark::Bad))).unwrap());
}

#[test]
fn marked_parts_of_a_recipe_are_those_with_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let of = |recipe: &str, with_pictures: bool, is_marked: bool| {
        let record = Record {
            recipe: recipe.into(),
            ..record(1, Verdict::Bad)
        };
        let part = add(&store, record, with_pictures.then(|| pictures(8)));
        if is_marked {
            store
                .mark(part.record.id, Some(marked(Mark::Good)))
                .unwrap();
        }
        part.seq
    };
    let first = of("cell", true, true);
    of("cell", false, true);
    of("cell", true, false);
    of("bolt", true, true);
    let last = of("cell", true, true);
    let found = store.marked("cell").unwrap();
    assert_eq!(
        found.iter().map(|part| part.seq).collect::<Vec<_>>(),
        [first, last]
    );
    assert_eq!(store.marked("nut").unwrap(), []);
    let marks = |recipe| store.marks(recipe).unwrap();
    assert_eq!(marks("cell"), Marks { good: 2, bad: 0 });
    assert_eq!(marks("nut"), Marks::default());
}

fn version(recipe: &str, file: &Path) -> Version {
    Version {
        recipe: recipe.into(),
        number: 0,
        file: file.into(),
        created: second(1),
        revision: None,
        taught: None,
        threshold: None,
        active: true,
    }
}

/// The numbers of those that judge.
fn active(store: &Store, recipe: &str) -> Vec<u32> {
    let versions = store.versions(recipe).unwrap().into_iter();
    versions
        .filter(|version| version.active)
        .map(|version| version.number)
        .collect()
}

#[test]
fn versions_are_numbered_and_one_of_each_recipe_is_active() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.versions("cell").unwrap(), []);
    let elsewhere = folder.path().with_extension("elsewhere");
    let given = [
        version("cell", &elsewhere.join("cell.safetensors")),
        Version {
            revision: Some(Revision {
                of: "cell.safetensors".into(),
                bad: 3,
                auroc: [0.81, 0.97],
                threshold: 0.1,
                ..Revision::default()
            }),
            threshold: Some(0.7),
            // A path need not be text.
            ..version(
                "cell",
                &folder
                    .path()
                    .join(OsStr::from_bytes(b"models/\xff.safetensors")),
            )
        },
    ];
    let numbers = given
        .each_ref()
        .map(|version| store.add_version(version).unwrap());
    assert_eq!(numbers, [1, 2]);
    assert_eq!(
        store.add_version(&version("bolt", Path::new("b"))).unwrap(),
        1
    );
    assert!(active(&store, "cell").is_empty());
    let expected = given.into_iter().zip(1..).map(|(version, number)| Version {
        number,
        active: false,
        ..version
    });
    assert_eq!(
        store.versions("cell").unwrap(),
        expected.collect::<Vec<_>>()
    );

    assert!(store.activate("bolt", 1).unwrap());
    for number in [1, 2, 2, 1] {
        assert!(store.activate("cell", number).unwrap());
        assert_eq!(active(&store, "cell"), [number]);
    }
    assert!(!store.activate("cell", 3).unwrap() && !store.activate("nut", 1).unwrap());
    assert_eq!(
        (active(&store, "cell"), active(&store, "bolt")),
        (vec![1], vec![1])
    );

    assert!(store.set_threshold("cell", 1, Some(0.25)).unwrap());
    assert!(store.set_threshold("cell", 2, None).unwrap());
    assert!(!store.set_threshold("cell", 3, None).unwrap());
    let thresholds = store
        .versions("cell")
        .unwrap()
        .into_iter()
        .map(|version| version.threshold);
    assert_eq!(thresholds.collect::<Vec<_>>(), [Some(0.25), None]);
}

#[test]
fn versions_in_the_line_s_folder_move_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
    let model = Path::new("models/cell.safetensors");
    let store = open(&here);
    store
        .add_version(&version("cell", &here.join(model)))
        .unwrap();
    drop(store);
    std::fs::rename(&here, &there).unwrap();
    let store = open(&there);
    assert_eq!(store.versions("cell").unwrap()[0].file, there.join(model));
    assert_eq!(store.model_files().unwrap(), [there.join(model)]);
}

#[test]
fn threads_that_activate_at_once_leave_one_active() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for _ in 0..4 {
        store.add_version(&version("cell", Path::new("m"))).unwrap();
    }
    thread::scope(|scope| {
        for number in 1..=4 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..25 {
                    assert!(store.activate("cell", number).unwrap());
                    assert_eq!(active(store, "cell").len(), 1);
                }
            });
        }
    });
}

#[test]
fn events_come_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<_> = (0..5)
        .map(|number| Event {
            time: second(number),
            kind: "camera-lost".into(),
            of: "left".into(),
            text: format!("\"{number}\"\n"),
        })
        .collect();
    {
        let store = open(folder.path());
        events
            .iter()
            .for_each(|event| store.add_event(event).unwrap());
    }
    let newest: Vec<_> = events.into_iter().rev().take(3).collect();
    assert_eq!(open(folder.path()).events(3).unwrap(), newest);
}

#[test]
fn an_output_goes_on_where_it_was_and_a_new_one_begins_at_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let stored = {
        let store = open(folder.path());
        assert_eq!(
            (store.newest().unwrap(), store.cursor("mqtt").unwrap()),
            (0, 0)
        );
        let parts = (0..5).map(|seconds| (record(seconds, Verdict::Good), None));
        let stored = store.add(parts.collect()).unwrap();
        assert_eq!(
            (store.newest().unwrap(), store.cursor("hook").unwrap()),
            (5, 5)
        );
        store.set_cursor("mqtt", 2).unwrap();
        stored
    };
    let store = open(folder.path());
    assert_eq!(
        (store.cursor("mqtt").unwrap(), store.cursor("hook").unwrap()),
        (2, 5)
    );
    assert_eq!(store.after(2, 2).unwrap(), stored[2..4]);
    assert_eq!(store.after(4, 100).unwrap(), stored[4..]);
    assert_eq!(store.after(5, 100).unwrap(), []);
    store.set_cursor("unknown", 3).unwrap();
    assert_eq!(store.cursor("unknown").unwrap(), 3);
}
