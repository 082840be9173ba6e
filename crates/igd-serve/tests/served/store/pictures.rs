//! Which pictures are kept, and that they never take more than they may.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use igd_serve::config::Keep;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Part, PictureKind, Pictures, Query, Store};
use image::{DynamicImage, GrayImage, RgbImage};

use super::{KINDS, add, bytes_of, marked, picture_files, pictures, record};

/// The most that pictures may take in these tests, in bytes.
const BUDGET: u64 = 1_000_000;

fn open(folder: &std::path::Path) -> Store {
    let keep = Keep {
        disk_mb: 1,
        ..Keep::default()
    };
    Store::open(folder, &keep).unwrap()
}

fn good(second: i64) -> Record {
    record(second, Verdict::Good)
}

fn near(second: i64) -> Record {
    Record {
        normalized: Some(0.47),
        ..good(second)
    }
}

fn bad(second: i64) -> Record {
    record(second, Verdict::Bad)
}

/// Some of which six fit into the room.
fn sixth() -> Option<Pictures> {
    Some(pictures(165))
}

/// Whether its pictures are there: the store says so, and all files agree.
fn has_pictures(store: &Store, part: &Part) -> bool {
    let id = part.record.id;
    let is_there = store.part(id).unwrap().unwrap().pictures;
    for kind in KINDS {
        let path = store.picture(id, kind).unwrap();
        assert_eq!(path.is_some(), is_there);
        assert!(path.is_none_or(|path| path.is_file()));
    }
    is_there
}

#[test]
fn pictures_lie_by_day_and_are_what_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let given = pictures(16);
    let (seen, map) = (given.seen.clone(), given.map.clone());
    let part = add(&store, bad(0), Some(given));
    assert!(part.pictures && has_pictures(&store, &part));
    let path = |kind| store.picture(part.record.id, kind).unwrap().unwrap();
    let id = part.record.id;
    // What second 0 is.
    let day = folder.path().join("pictures/2027-01-15");
    assert_eq!(path(PictureKind::Frame), day.join(format!("{id}.jpg")));
    assert_eq!(path(PictureKind::Seen), day.join(format!("{id}.seen.png")));
    assert_eq!(path(PictureKind::Map), day.join(format!("{id}.map.png")));
    let read = |kind| image::open(path(kind)).unwrap();
    assert!(matches!(
        read(PictureKind::Frame),
        DynamicImage::ImageRgb8(_)
    ));
    assert_eq!(read(PictureKind::Seen), DynamicImage::ImageRgb8(seen));
    assert_eq!(read(PictureKind::Map), DynamicImage::ImageLuma8(map));
    assert_eq!(store.disk(), bytes_of(&picture_files(folder.path())));
    let without = add(&store, bad(1), None);
    assert!(!without.pictures && !has_pictures(&store, &without));
}

#[test]
fn the_policy_wants_bad_and_near_ones_and_some_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |bad, good_every| Keep {
        bad,
        good_every,
        ..Keep::default()
    };
    let of_right = || Record {
        camera: "right".into(),
        ..good(0)
    };
    let nearly_good = || Record {
        normalized: Some(0.52),
        ..bad(0)
    };
    {
        let store = Store::open(folder.path(), &keep(true, 3)).unwrap();
        assert!(store.wants(&bad(0)) && store.wants(&near(0)));
        assert!(!store.wants(&record(0, Verdict::None)));
        let wanted = (0..7).map(|_| store.wants(&good(0))).collect::<Vec<_>>();
        assert_eq!(wanted, [true, false, false, true, false, false, true]);
        // Each camera has its own count, and only those that are not wanted anyway are counted.
        assert!(store.wants(&of_right()) && store.wants(&near(0)));
        assert!(!store.wants(&good(0)) && !store.wants(&good(0)) && store.wants(&good(0)));
    }
    let store = Store::open(folder.path(), &keep(false, 0)).unwrap();
    assert!(!store.wants(&bad(0)) && store.wants(&nearly_good()) && store.wants(&near(0)));
    assert!(!store.wants(&good(0)) && !store.wants(&good(0)));
}

#[test]
fn the_room_is_never_exceeded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut most = 0;
    for second in 0..400 {
        let record = match second % 3 {
            0 => good(second),
            1 => near(second),
            _ => bad(second),
        };
        let part = add(&store, record, Some(pictures(60 + second as u32 % 50)));
        assert!(part.pictures && has_pictures(&store, &part));
        let files = picture_files(folder.path());
        assert!(files.len().is_multiple_of(3));
        let bytes = bytes_of(&files);
        assert_eq!(bytes, store.disk());
        most = most.max(bytes);
    }
    assert!((BUDGET * 9 / 10..=BUDGET).contains(&most), "{most}");
    assert_eq!(store.newest().unwrap(), 400);
    assert_eq!(store.left_out(), 0);
}

#[test]
fn threads_at_once_do_not_exceed_it_either() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for second in 0..60 {
                    add(&store, bad(second), sixth());
                    assert!(store.disk() <= BUDGET);
                }
            });
        }
    });
    let files = picture_files(folder.path());
    assert_eq!(bytes_of(&files), store.disk());
    assert!(store.disk() <= BUDGET);
    let with = Query {
        pictures: Some(true),
        ..Query::default()
    };
    assert_eq!(store.parts(&with).unwrap().len() * 3, files.len());
}

#[test]
fn good_ones_go_first_then_near_ones_then_bad_ones_and_the_oldest_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Bad, good and near, twice over: all that fit.
    let records = [bad(0), good(1), near(2), bad(3), good(4), near(5)];
    let parts = records.map(|record| add(&store, record, sixth()));
    let there = || parts.each_ref().map(|part| has_pictures(&store, part));
    assert_eq!(there(), [true; 6]);
    for (gone, left) in [
        (1, [true, false, true, true, true, true]),
        (4, [true, false, true, true, false, true]),
        (2, [true, false, false, true, false, true]),
        (5, [true, false, false, true, false, false]),
        (0, [false, false, false, true, false, false]),
        (3, [false; 6]),
    ] {
        add(&store, bad(10 + gone), sixth());
        assert_eq!(there(), left, "{gone}");
    }
    // The records are still there.
    assert_eq!(store.parts(&Query::default()).unwrap().len(), 12);
}

#[test]
fn marked_ones_stay_and_others_are_left_out_where_they_take_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let six: Vec<_> = (0..6)
        .map(|second| add(&store, good(second), sixth()))
        .collect();
    for part in &six {
        assert!(
            store
                .mark(part.record.id, Some(marked(Mark::Good)))
                .unwrap()
        );
    }
    for second in 0..3 {
        let part = add(&store, bad(second), sixth());
        assert!(!part.pictures && !has_pictures(&store, &part));
    }
    assert_eq!(store.left_out(), 3);
    assert!(six.iter().all(|part| has_pictures(&store, part)));
    assert_eq!(store.marked("cell").unwrap().len(), 6);
    // Told once, not of each.
    let events = store.events(10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&*events[0].kind, &*events[0].of),
        ("pictures-full", "left")
    );
    // What fits is still kept.
    assert!(add(&store, bad(4), Some(pictures(8))).pictures);
    // One whose mark is taken away goes like others.
    store.mark(six[2].record.id, None).unwrap();
    assert!(add(&store, bad(5), sixth()).pictures);
    assert!(!has_pictures(&store, &six[2]) && has_pictures(&store, &six[1]));
    assert_eq!(bytes_of(&picture_files(folder.path())), store.disk());
    assert!(store.disk() <= BUDGET);
}

#[test]
fn pictures_that_no_room_is_large_enough_for_drive_none_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let kept = add(&store, good(0), sixth());
    let part = add(&store, bad(1), Some(pictures(600)));
    assert!(!part.pictures && has_pictures(&store, &kept));
    assert_eq!(store.left_out(), 1);
}

#[test]
fn a_smaller_room_holds_from_the_next_start_on() {
    let folder = tempfile::tempdir().unwrap();
    let add_all = |store: &Store| {
        let parts = (0..8).map(|second| add(store, good(second), sixth()));
        let parts: Vec<_> = parts.collect();
        store
            .mark(parts[0].record.id, Some(marked(Mark::Bad)))
            .unwrap();
        parts
    };
    let parts = add_all(&super::open(folder.path()));
    assert!(bytes_of(&picture_files(folder.path())) > BUDGET);
    let store = open(folder.path());
    assert!(bytes_of(&picture_files(folder.path())) <= BUDGET);
    assert!(has_pictures(&store, &parts[0]) && !has_pictures(&store, &parts[1]));
    assert!(has_pictures(&store, &parts[7]));
}

#[test]
fn records_are_stored_where_pictures_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // A file where the folder of the day has to be.
    let place = folder.path().join("pictures");
    fs::write(&place, "").unwrap();
    let part = add(&store, bad(0), Some(pictures(8)));
    let empty = Pictures {
        frame: RgbImage::new(0, 0),
        seen: RgbImage::new(0, 0),
        map: GrayImage::new(0, 0),
    };
    let other = add(&store, bad(1), Some(empty));
    assert!(!part.pictures && !other.pictures);
    assert_eq!((store.left_out(), store.disk()), (2, 0));
    let events = store.events(10).unwrap();
    assert_eq!(events.len(), 1);
    assert!(
        events[0].kind == "pictures-failed" && events[0].text.contains("pictures"),
        "{events:?}"
    );
    fs::remove_file(place).unwrap();
    assert!(add(&store, bad(2), Some(pictures(8))).pictures);
}

#[test]
fn the_store_knows_what_became_of_files_while_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<_> = {
        let store = open(folder.path());
        (0..3)
            .map(|second| add(&store, bad(second), Some(pictures(20))))
            .collect()
    };
    let path = |part: &Part, ending: &str| {
        let id = part.record.id;
        folder
            .path()
            .join(format!("pictures/2027-01-15/{id}{ending}"))
    };
    fs::remove_file(path(&parts[0], ".seen.png")).unwrap();
    // Left by one that was killed while it wrote, and a file of somebody else.
    let stray = path(&add_to_other_store(), ".jpg");
    let half = stray.with_file_name(".igd-x.jpg-abcdef");
    let note = stray.with_file_name("note.txt");
    for file in [&stray, &half, &note] {
        fs::write(file, "x").unwrap();
    }
    let day_before = folder.path().join("pictures/2027-01-14");
    fs::create_dir(&day_before).unwrap();
    let store = open(folder.path());
    assert!(!has_pictures(&store, &parts[0]));
    assert!(has_pictures(&store, &parts[1]) && has_pictures(&store, &parts[2]));
    let files = picture_files(folder.path());
    assert_eq!(files.len(), 7);
    assert!(note.exists() && !day_before.exists());
    assert_eq!(store.disk(), bytes_of(&files) - 1);
}

/// A part that the store knows nothing of.
fn add_to_other_store() -> Part {
    let folder = tempfile::tempdir().unwrap();
    add(&open(folder.path()), bad(0), None)
}

#[test]
fn files_that_cannot_be_removed_still_take_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let six: Vec<_> = (0..6)
        .map(|second| add(&store, good(second), sixth()))
        .collect();
    let path = store
        .picture(six[0].record.id, PictureKind::Frame)
        .unwrap()
        .unwrap();
    let day = path.parent().unwrap();
    fs::set_permissions(day, Permissions::from_mode(0o555)).unwrap();
    if fs::write(day.join("root"), "").is_ok() {
        // Permissions are nothing to root: a folder in the file's place cannot be removed as a file either.
        fs::remove_file(day.join("root")).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
    }
    let before = store.disk();
    add(&store, bad(10), sixth());
    fs::set_permissions(day, Permissions::from_mode(0o755)).unwrap();
    assert!(store.disk() <= BUDGET, "{}", store.disk());
    assert!(store.disk() >= before * 5 / 6);
    assert_eq!(store.newest().unwrap(), 7);
}
