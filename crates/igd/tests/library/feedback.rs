//! Models that learn from marked pictures.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::network::has_weights;
use crate::common::textures::{lined, texture, write};
use crate::common::{small_dense_training, small_model};
use igd::data::{Sample, pictures_in};
use igd::eval::auroc;
use igd::feedback::{FeedbackError, Options, feedback};
use igd::model::{
    CalibrationMethod, Detection, Detector, Model, Precision, ProfileNetworks, Revision, Storage,
};
use igd::train::{self, measure};
use image::GrayImage;
use tch::Device;

const SIZE: (u32, u32) = (96, 96);

fn samples(folder: &Path, pictures: impl Iterator<Item = GrayImage>) -> Vec<Sample> {
    fs::create_dir_all(folder).unwrap();
    for (number, picture) in pictures.enumerate() {
        picture
            .save(folder.join(format!("{number:03}.png")))
            .unwrap();
    }
    let paths = pictures_in(folder).unwrap();
    paths.into_iter().map(Sample::File).collect()
}

/// A small dense model fitted to 60 textures.
fn fit(folder: &Path, hold_out: Option<f64>) -> PathBuf {
    let (data, out) = (folder.join("fitted"), folder.join("model.safetensors"));
    write(&data, 0..60, SIZE);
    let options = train::Options {
        hold_out,
        false_positive_rate: 0.05,
        ..small_dense_training(&data, &out, 96, 64)
    };
    train::train(&options, |_| ()).unwrap();
    out
}

fn options(model: &Path, bad: &[Sample], good: &[Sample]) -> Options {
    Options {
        model: model.to_owned(),
        bad: bad.to_vec(),
        good: good.to_vec(),
        out: model.with_file_name("better.safetensors"),
        false_positive_rate: None,
        strict: false,
    }
}

fn scores(model: &Path, samples: &[Sample]) -> Vec<f32> {
    let mut detector = Detector::open(model, Device::Cpu, Precision::Auto).unwrap();
    let measurements = measure(&mut detector, samples, |_| Ok(())).unwrap();
    measurements.iter().map(|one| one.score).collect()
}

#[test]
fn marks_teach_what_others_of_their_kind_look_like() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = fit(folder.path(), None);
    let before = fs::read(&model).unwrap();
    let pictures = |name: &str, numbers: std::ops::Range<usize>, kind: fn(usize) -> GrayImage| {
        samples(&folder.path().join(name), numbers.map(kind))
    };
    let bad = pictures("bad", 100..130, |number| lined(number, SIZE, true));
    let good = pictures("good", 130..150, |number| lined(number, SIZE, false));
    let new_bad = pictures("new bad", 150..180, |number| lined(number, SIZE, true));
    let new_good = pictures("new good", 180..210, |number| lined(number, SIZE, false));
    let unseen = pictures("unseen", 210..230, |number| texture(number, SIZE));

    let options = options(&model, &bad, &good);
    let outcome = feedback(&options, |_| ()).unwrap();
    let revision = &outcome.revision;
    println!("{revision:?}");
    assert_eq!(
        (revision.bad, revision.good, revision.pictures),
        (30, 20, 60)
    );
    assert!(revision.auroc[1] > revision.auroc[0]);
    assert!(fs::read(&model).unwrap() == before, "the old model stays");

    // On pictures that it has never seen, it keeps what it promised.
    let area = |model: &Path| {
        let good = [&new_good[..], &unseen].concat();
        auroc(&scores(model, &good), &scores(model, &new_bad)).unwrap()
    };
    let (old, new) = (area(&model), area(&options.out));
    println!("{old} {new}");
    assert!(old < 0.9 && new > old + 0.05, "{old} {new}");

    let better = Model::open(&options.out, Device::Cpu).unwrap();
    let calibration = better.calibration.unwrap();
    assert_eq!(calibration.method, CalibrationMethod::CrossValidated);
    assert_eq!(calibration.pictures, 80);
    assert_eq!(calibration, outcome.calibration);
    let [found] = &better.history[..] else {
        panic!("{:?}", better.history);
    };
    // JSON may cost a double its last digit.
    assert!((found.auroc[1] - revision.auroc[1]).abs() < 1e-9);
    let exactly = Revision {
        auroc: revision.auroc,
        ..found.clone()
    };
    assert_eq!(&exactly, revision);

    // The map is that of the model before.
    let rgb = new_bad[0].open_as(None).unwrap().resized((96, 96));
    let maps = [&model, &options.out].map(|model| {
        let mut detector = Detector::open(model, Device::Cpu, Precision::Auto).unwrap();
        let mut detection = Detection::default();
        detector.detect(&rgb, SIZE, &mut detection).unwrap();
        let distance = detection.scales.dense.unwrap().distance;
        assert_eq!(detection.score != distance, model == &options.out);
        detector.raw_map()
    });
    assert_eq!(maps[0], maps[1]);

    it_learns_on(&options, better);
}

/// All marks count each time, and what it was is in its history.
fn it_learns_on(options: &Options, better: Model) {
    let again = Options {
        model: options.out.clone(),
        out: options.out.with_file_name("third.safetensors"),
        ..options.clone()
    };
    feedback(&again, |_| ()).unwrap();
    let third = Model::open(&again.out, Device::Cpu).unwrap();
    assert_eq!(third.history.len(), 2);
    let head = |model: Model| match model.networks.profile {
        ProfileNetworks::Dense(networks) => networks.head.unwrap(),
        ProfileNetworks::Paper(_) => unreachable!(),
    };
    assert_eq!(head(third), head(better));
    let no_defects = Options {
        bad: Vec::new(),
        out: options.out.with_file_name("fourth.safetensors"),
        ..again
    };
    let error = feedback(&no_defects, |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::NoDefects), "{error}");
}

#[test]
fn marks_that_help_nothing_make_no_model() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = fit(folder.path(), None);
    let ordinary = |name: &str, first: usize| {
        let pictures = (first..first + 12).map(|number| texture(number, SIZE));
        samples(&folder.path().join(name), pictures)
    };
    let (bad, good) = (ordinary("bad", 100), ordinary("good", 120));
    let mut options = options(&model, &bad, &good);
    let error = feedback(&options, |_| ()).unwrap_err();
    let is_refused = matches!(
        error,
        FeedbackError::NotBetter(_) | FeedbackError::NothingToLearn
    );
    assert!(is_refused, "{error}");
    assert!(!options.out.exists());

    options.bad.truncate(4);
    let error = feedback(&options, |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::TooFew(4)), "{error}");
    (options.bad, options.good) = (Vec::new(), Vec::new());
    let error = feedback(&options, |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::NoMarks), "{error}");
    options.out.clone_from(&model);
    let error = feedback(&options, |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::Exists(_)), "{error}");
}

#[test]
fn good_marks_alone_raise_the_threshold() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = fit(folder.path(), None);
    let flagged = (100..140).map(|number| {
        let mut picture = lined(number, SIZE, false);
        for x in 20..60 {
            picture.get_pixel_mut(x, 50).0[0] = 255;
        }
        picture
    });
    let good = samples(&folder.path().join("good"), flagged);
    let options = options(&model, &[], &good);
    let outcome = feedback(&options, |_| ()).unwrap();
    assert!(outcome.calibration.threshold > outcome.threshold_before);
    assert!(outcome.revision.after.good < outcome.revision.before.good);
    let old = Model::open(&model, Device::Cpu).unwrap();
    let apart = outcome.threshold_before / old.calibration.unwrap().threshold - 1.0;
    assert!(apart.abs() < 1e-5, "{apart}");
}

#[test]
fn models_that_keep_nothing_of_their_pictures_are_refused() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let held_out = fit(folder.path(), Some(0.15));
    let error = feedback(&options(&held_out, &[], &[]), |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::NothingKept(_)), "{error}");
    let paper = folder.path().join("paper.safetensors");
    small_model().save(&paper, Storage::F32).unwrap();
    let error = feedback(&options(&paper, &[], &[]), |_| ()).unwrap_err();
    assert!(matches!(error, FeedbackError::NotDense(_)), "{error}");
}
