//! Which pictures of a data set are for training and which for testing, in each layout on disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use igd::data::{Picture, Sample, Selection, TestPicture, normal_pictures, test_pictures};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage};

/// A folder of data sets, with pictures at those places.
fn data(places: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for place in places {
        let path = folder.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::new(8, 8).save(path).unwrap();
    }
    folder
}

fn names(root: &Path, samples: &[Sample]) -> Vec<String> {
    let name = |sample: &Sample| {
        let name = sample.name();
        name.strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    samples.iter().map(name).collect()
}

fn training(root: &Path, selection: &Selection) -> Vec<String> {
    names(root, &normal_pictures(root, selection).unwrap())
}

/// Name, kind, and whether it is anomalous.
fn testing(root: &Path, selection: &Selection) -> Vec<(String, String, bool)> {
    let pictures = test_pictures(root, selection).unwrap();
    let name = |picture: &TestPicture| names(root, std::slice::from_ref(&picture.sample)).remove(0);
    pictures
        .iter()
        .map(|picture| (name(picture), picture.kind.clone(), picture.anomalous))
        .collect()
}

fn test_names(root: &Path, selection: &Selection) -> Vec<String> {
    testing(root, selection)
        .into_iter()
        .map(|(name, ..)| name)
        .collect()
}

#[test]
fn mvtec_with_masks() {
    let data = data(&[
        "train/good/000.png",
        "train/good/001.png",
        "test/good/000.png",
        "test/crack/000.png",
        "test/crack/001.png",
        "test/crack/002.png",
        "ground_truth/crack/000_mask.png",
        "ground_truth/crack/001.png",
        "ground_truth/good/000_mask.png",
    ]);
    let (root, usual) = (data.path(), Selection::default());
    assert_eq!(
        training(root, &usual),
        ["train/good/000.png", "train/good/001.png"]
    );
    let pictures = test_pictures(root, &usual).unwrap();
    let mask = |number: usize| pictures[number].mask.clone();
    let path = |name: &str| Some(root.join("ground_truth").join(name));
    let kinds: Vec<_> = pictures
        .iter()
        .map(|picture| picture.kind.as_str())
        .collect();
    assert_eq!(kinds, ["crack", "crack", "crack", "good"]);
    assert_eq!(
        [mask(0), mask(1), mask(2), mask(3)],
        [
            path("crack/000_mask.png"),
            path("crack/001.png"),
            None,
            None
        ]
    );
    let anomalous: Vec<_> = pictures.iter().map(|picture| picture.anomalous).collect();
    assert_eq!(anomalous, [true, true, true, false]);
}

/// The value of the gray pixel (x, y) of all pictures below.
fn light(x: u32, y: u32) -> u8 {
    (40 * x + 15 * y) as u8
}

#[test]
fn every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let gray = GrayImage::from_fn(6, 4, |x, y| Luma([light(x, y)]));
    let colour = RgbImage::from_fn(6, 4, |x, y| Rgb([light(x, y), 10, 200]));
    // The upper byte is what counts.
    let deep = ImageBuffer::from_fn(6, 4, |x, y| Luma([257 * u16::from(light(x, y))]));
    let deep = DynamicImage::ImageLuma16(deep);
    let with_alpha = DynamicImage::from(colour.clone()).into_rgba8();
    let save = |picture: &DynamicImage, name: &str| picture.save(folder.path().join(name)).unwrap();
    for extension in ["png", "bmp", "tif", "TIFF", "jpg", "JPEG"] {
        save(&gray.clone().into(), &format!("gray.{extension}"));
        save(&colour.clone().into(), &format!("colour.{extension}"));
    }
    save(&deep, "gray-16.tif");
    save(&deep, "gray-16.png");
    save(&with_alpha.into(), "colour-alpha.png");
    palette(&folder.path().join("gray-palette.png"));
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();

    let samples = normal_pictures(folder.path(), &Selection::default()).unwrap();
    assert_eq!(samples.len(), 12 + 4);
    for sample in samples {
        let picture = sample.open().unwrap().into_rgb();
        assert_eq!(picture.dimensions(), (6, 4), "{sample}");
        let name = sample
            .file()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_lowercase();
        // JPEG is not exact, in colour less so.
        let tolerance = match (name.contains(".jp"), name.starts_with("gray")) {
            (true, true) => 6,
            (true, false) => 40,
            (false, _) => 0,
        };
        for (x, y, pixel) in picture.enumerate_pixels() {
            let expected = match name.starts_with("gray") {
                true => [light(x, y); 3],
                false => [light(x, y), 10, 200],
            };
            for (found, expected) in pixel.0.into_iter().zip(expected) {
                assert!(
                    found.abs_diff(expected) <= tolerance,
                    "{name} ({x}, {y}): {pixel:?}"
                );
            }
            if name.starts_with("gray") {
                assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2], "{name}");
            }
        }
    }
}

/// Writes the gray picture as a PNG whose pixels are places in a palette, in reverse.
fn palette(path: &Path) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), 6, 4);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    let lights: Vec<u8> = (0..24).map(|place| light(place % 6, place / 6)).collect();
    encoder.set_palette(
        lights
            .iter()
            .rev()
            .flat_map(|&light| [light; 3])
            .collect::<Vec<_>>(),
    );
    let places: Vec<u8> = (0..24).rev().collect();
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&places)
        .unwrap();
}

#[test]
fn normal_beside_abnormal_is_divided_by_lot() {
    let places: Vec<String> = (0..10)
        .map(|number| format!("normal/{number}.png"))
        .chain((0..3).map(|number| format!("abnormal/{number}.png")))
        .collect();
    let data = data(&places.iter().map(String::as_str).collect::<Vec<_>>());
    let root = data.path();
    let usual = Selection::default();
    let parts = |selection: &Selection| {
        let training: BTreeSet<_> = training(root, selection).into_iter().collect();
        let testing: BTreeSet<_> = test_names(root, selection).into_iter().collect();
        assert!(training.is_disjoint(&testing));
        let all: BTreeSet<_> = training.union(&testing).cloned().collect();
        assert_eq!(all, places.iter().cloned().collect());
        training
    };
    let first = parts(&usual);
    assert_eq!(first.len(), 8);
    assert_eq!(first, parts(&usual), "the same is drawn each time");
    for (_, kind, anomalous) in testing(root, &usual) {
        assert_eq!(anomalous, kind == "abnormal");
    }
    let others = (2..8).map(|seed| {
        parts(&Selection {
            seed,
            ..usual.clone()
        })
    });
    assert!(others.into_iter().any(|other| other != first));
    let half = Selection {
        test_share: 0.5,
        ..usual
    };
    assert_eq!(parts(&half).len(), 5);
}

#[test]
fn names_that_the_user_gives() {
    let data = data(&[
        "train/ok/a.png",
        "train/fine/b.png",
        "train/bent/c.png",
        "test/ok/d.png",
        "test/bent/e.png",
        "test/dirty/f.png",
        "ok/g.png",
        "bent/h.png",
    ]);
    let root = data.path();
    let named = |normal: &[&str], abnormal: &[&str]| Selection {
        normal: normal.iter().map(|&name| name.to_owned()).collect(),
        abnormal: abnormal.iter().map(|&name| name.to_owned()).collect(),
        only_named: !abnormal.is_empty(),
        ..Selection::default()
    };
    let selection = named(&["ok", "fine"], &[]);
    assert_eq!(
        training(root, &selection),
        ["train/ok/a.png", "train/fine/b.png"]
    );
    assert_eq!(
        test_names(root, &selection),
        ["test/bent/e.png", "test/dirty/f.png", "test/ok/d.png"]
    );
    let selection = named(&["ok"], &["bent"]);
    assert_eq!(training(root, &selection), ["train/ok/a.png"]);
    assert_eq!(
        test_names(root, &selection),
        ["test/bent/e.png", "test/ok/d.png"]
    );

    // Beside each other, with no division on disk.
    for part in ["train", "test"] {
        fs::remove_dir_all(root.join(part)).unwrap();
    }
    let all = Selection {
        test_share: 0.0,
        ..selection
    };
    assert_eq!(training(root, &all), ["ok/g.png"]);
    assert_eq!(
        testing(root, &all),
        [("bent/h.png".to_owned(), "bent".to_owned(), true)]
    );
}

#[test]
fn good_parts_alone() {
    let plain = data(&["b.png", "a.png"]);
    let usual = Selection::default();
    assert_eq!(training(plain.path(), &usual), ["a.png", "b.png"]);
    let inner = data(&["good/a.png", "other/b.png"]);
    assert_eq!(training(inner.path(), &usual), ["good/a.png"]);
}

#[test]
fn empty_folders_say_what_was_looked_for() {
    let usual = Selection::default();
    let said = |root: &Path| {
        [
            normal_pictures(root, &usual).unwrap_err().to_string(),
            test_pictures(root, &usual).unwrap_err().to_string(),
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let [train, test] = said(root);
    assert!(
        train.contains("no pictures") && train.contains("good or normal"),
        "{train}"
    );
    assert!(
        test.contains("test/good") && test.contains("--abnormal"),
        "{test}"
    );
    for inner in ["train/good", "test/good", "test/crack"] {
        fs::create_dir_all(root.join(inner)).unwrap();
    }
    fs::write(root.join("train/good/notes.txt"), "").unwrap();
    for text in said(root) {
        assert!(
            text.contains("no pictures") && text.contains(".png"),
            "{text}"
        );
    }
    for text in said(&root.join("missing")) {
        assert!(text.contains("missing: No such file"), "{text}");
    }
    let file = root.join("train/good/notes.txt");
    for text in said(&file) {
        assert!(text.contains("notes.txt: Not a directory"), "{text}");
    }
}

/// What is left of a file after a part of it.
fn truncated(path: &Path, share: f64) -> PathBuf {
    let bytes = fs::read(path).unwrap();
    let cut = path.with_file_name(format!(
        "cut-{share}-{}",
        path.file_name().unwrap().display()
    ));
    fs::write(&cut, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
    cut
}

#[test]
fn truncated_pictures_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let noise = RgbImage::from_fn(64, 64, |_, _| Rgb([(); 3].map(|()| rng.u8(..))));
    for extension in ["png", "jpg", "bmp", "tif"] {
        let path = folder.path().join(format!("noise.{extension}"));
        noise.save(&path).unwrap();
        assert!(Picture::open(&path).is_ok());
        for share in [0.0, 0.01, 0.5, 0.9] {
            let cut = truncated(&path, share);
            let error = Picture::open(&cut).unwrap_err().to_string();
            assert!(error.contains(cut.to_str().unwrap()), "{error}");
        }
    }
}
