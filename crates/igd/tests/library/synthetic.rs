//! Synthetic defects, drawn on pictures of all sizes and written as a test set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use igd::data::synthetic::{Counts, DefectKind, Options, Source, VISIBLE, write};
use igd::data::{Selection, normal_pictures, pictures_in, test_pictures};
use image::{Luma, Rgb, RgbImage};

/// Stripes with noise, gray or in colour.
fn picture(width: u32, height: u32, colour: bool, rng: &mut Rng) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let light = 90 + 40 * u8::from(x / 4 % 2 == 0) + rng.u8(..30);
        match colour {
            true => Rgb([light, 255 - light, (y % 256) as u8]),
            false => Rgb([light; 3]),
        }
    })
}

const SIZES: [(u32, u32); 7] = [
    (16, 16),
    (32, 32),
    (33, 57),
    (200, 32),
    (32, 300),
    (256, 256),
    (513, 301),
];

#[test]
fn masks_are_what_has_changed() {
    let mut rng = Rng::with_seed(1);
    for (width, height) in SIZES {
        for kind in DefectKind::ALL {
            for round in 0..8 {
                let before = picture(width, height, round % 2 == 0, &mut rng);
                let other = picture(40, 50, round % 4 < 2, &mut rng);
                let (after, mask) = kind.draw(&before, &other, &mut rng);
                let mut pixels = 0;
                for ((before, after), &Luma([mask])) in
                    before.pixels().zip(after.pixels()).zip(mask.pixels())
                {
                    let change = (0..3).map(|channel| before[channel].abs_diff(after[channel]));
                    let expected = match change.max().unwrap() {
                        0 => 0,
                        change => {
                            assert!(change >= VISIBLE, "{kind:?} {width}x{height}: {change}");
                            255
                        }
                    };
                    assert_eq!(mask, expected, "{kind:?} {width}x{height}");
                    pixels += u32::from(mask == 255);
                }
                // A defect is seen, and is not the whole picture.
                let what = format!("{kind:?} {width}x{height}: {pixels} pixels");
                assert!((8..width * height / 2).contains(&pixels), "{what}");
            }
        }
    }
}

#[test]
fn gray_stays_gray() {
    let mut rng = Rng::with_seed(2);
    let gray = picture(96, 64, false, &mut rng);
    let colour = picture(70, 70, true, &mut rng);
    for kind in DefectKind::ALL {
        for _ in 0..20 {
            let (drawn, _) = kind.draw(&gray, &colour, &mut rng);
            let is_gray = |pixel: &Rgb<u8>| pixel[0] == pixel[1] && pixel[1] == pixel[2];
            assert!(drawn.pixels().all(is_gray), "{kind:?}");
        }
    }
}

#[test]
fn pictures_of_one_colour_get_defects_too() {
    for light in [0, 1, 30, 128, 254, 255] {
        let plain = RgbImage::from_pixel(48, 40, Rgb([light; 3]));
        for kind in DefectKind::ALL {
            let (_, mask) = kind.draw(&plain, &plain, &mut Rng::with_seed(3));
            assert!(mask.pixels().any(|mask| mask[0] == 255), "{kind:?} {light}");
        }
    }
}

/// A folder with `count` pictures in each of some folders.
fn pictures(root: &Path, folders: &[&str], count: u32) {
    let mut rng = Rng::with_seed(4);
    for folder in folders {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            picture(64, 48, true, &mut rng)
                .save(folder.join(format!("{number}.png")))
                .unwrap();
        }
    }
}

fn options() -> Options {
    Options {
        kinds: DefectKind::ALL.to_vec(),
        count: 3,
        seed: 7,
    }
}

/// Each file below a folder with its bytes.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(root).unwrap().to_owned();
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_seed_draws_the_same_test_set() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    pictures(&from, &["train/good", "test/good", "test/bent"], 4);
    fs::write(from.join("LICENCE.txt"), "CC0").unwrap();
    let usual = Selection::default();
    let make = |name: &str, options: &Options| {
        let out = folder.path().join(name);
        let counts = write(&from, &usual, &out, options).unwrap();
        (counts, out)
    };
    let (counts, first) = make("first", &options());
    let expected = Counts {
        source: Source::Testing,
        good: 4,
        defective: 15,
    };
    assert_eq!(counts, expected);
    let (_, second) = make("second", &options());
    assert_eq!(files(&first), files(&second));

    // Fewer kinds are the same pictures of those, and more of a kind begin with the same.
    let fewer = Options {
        kinds: vec![DefectKind::Perlin],
        count: 5,
        ..options()
    };
    let (_, third) = make("third", &fewer);
    let (first_files, third) = (files(&first), files(&third));
    let is_there = |name: &&PathBuf| first_files.get(*name) == third.get(*name);
    // Four good ones and the licence, three of the kind with their masks.
    assert_eq!(third.keys().filter(is_there).count(), 5 + 6);
    let other = Options {
        seed: 8,
        ..options()
    };
    let (_, fourth) = make("fourth", &other);
    assert_ne!(first_files, files(&fourth));

    let found = test_pictures(&first, &usual).unwrap();
    assert_eq!(found.len(), 19);
    for picture in &found {
        assert_eq!(picture.anomalous, picture.kind != "good");
        assert_eq!(picture.mask.is_some(), picture.anomalous, "{picture:?}");
    }
    assert_eq!(first_files[Path::new("LICENCE.txt")], b"CC0");
    // What a model is trained on is not among what it is judged with.
    let testing = pictures_in(&from.join("test/good")).unwrap();
    let originals: Vec<_> = testing.iter().map(|path| open(path)).collect();
    for path in pictures_in(&first.join("test/good")).unwrap() {
        assert!(originals.contains(&open(&path)));
    }

    let again = write(&from, &usual, &first, &options())
        .unwrap_err()
        .to_string();
    assert!(
        again.contains("first/test") && again.contains("delete it"),
        "{again}"
    );
}

fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

#[test]
fn other_layouts() {
    let folder = tempfile::tempdir().unwrap();
    let usual = Selection::default();
    // A plain folder becomes a data set of its own.
    let plain = folder.path().join("plain");
    pictures(&plain, &[""], 3);
    let counts = write(&plain, &usual, &plain, &options()).unwrap();
    assert_eq!((counts.source, counts.good), (Source::All, 3));
    assert_eq!(normal_pictures(&plain, &usual).unwrap().len(), 3);
    assert_eq!(test_pictures(&plain, &usual).unwrap().len(), 18);

    // Of what is divided by lot, those that are drawn for testing.
    let divided = folder.path().join("divided");
    pictures(&divided, &["normal", "abnormal"], 10);
    let counts = write(&divided, &usual, &folder.path().join("out"), &options()).unwrap();
    assert_eq!((counts.source, counts.good), (Source::Testing, 2));

    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = write(&empty, &usual, &folder.path().join("none"), &options());
    assert!(error.unwrap_err().to_string().contains("no pictures"));

    let small = folder.path().join("small");
    fs::create_dir(&small).unwrap();
    RgbImage::new(20, 15).save(small.join("a.png")).unwrap();
    let error = write(&small, &usual, &folder.path().join("none"), &options());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("a.png: it is 20x15, at least 16x16"),
        "{error}"
    );
}
