//! Thresholds of dense models that hold no pictures out.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::common::network::has_weights;
use crate::common::textures::write;
use igd::data::{Sample, Selection, TrainingSet};
use igd::model::{Calibration, CalibrationMethod, DenseConfig, Detector, Model, Precision, Tiling};
use igd::train::{Options, Profile, TrainError, TrainingEvent, dense, measure, train};
use tch::Device;

const SIZE: (u32, u32) = (96, 96);

/// To what lies in the folder, with the calibration left to the fit.
fn options(data: &Path, out: &Path, tiling: Tiling, shared: bool) -> Options {
    let config = DenseConfig {
        tiling,
        shared,
        dimensions: 32,
        ..DenseConfig::usual()
    };
    let profile = dense::Options {
        config,
        ..dense::Options::default()
    };
    let data = TrainingSet::open(data, &Selection::default()).unwrap();
    Options {
        profile: Profile::Dense(profile),
        ..Options::new(data, out.to_owned())
    }
}

/// What the pictures that calibrate have scored, and what came of it.
fn fit(options: &Options) -> (Vec<f32>, Calibration) {
    let mut scores = Vec::new();
    let outcome = train(options, |event| {
        if let TrainingEvent::Judged(measurements, _) = event {
            scores = measurements.iter().map(|one| one.score).collect();
        }
    });
    let calibration = outcome.unwrap().calibration.unwrap();
    let model = Model::open(&options.out, Device::Cpu).unwrap();
    assert_eq!(model.calibration, Some(calibration));
    (scores, calibration)
}

fn mean(scores: &[f32]) -> f32 {
    scores.iter().sum::<f32>() / scores.len() as f32
}

/// But for the projection, which has seen them all; also where tiles have their places in common.
#[test]
fn left_out_pictures_score_as_if_they_were_new() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("good"), folder.path().join("model"));
    write(&data, 0..50, SIZE);
    for (shared, left_out) in [(false, 7), (true, 31)] {
        let all = options(&data, &out, Tiling::new([64, 64], [2, 1]), shared);
        let (scores, calibration) = fit(&all);
        assert_eq!(calibration.method, CalibrationMethod::LeaveOneOut);
        assert_eq!((scores.len(), calibration.pictures), (50, 50));
        let score = |picture: &Sample| {
            let mut detector = Detector::open(&out, Device::Cpu, Precision::Auto).unwrap();
            let picture = std::slice::from_ref(picture);
            measure(&mut detector, picture, |_| Ok(())).unwrap()[0].score
        };
        let fitted = score(&all.data.samples[left_out]);
        let mut others = Options {
            hold_out: Some(0.0),
            ..all.clone()
        };
        let picture = others.data.samples.remove(left_out);
        assert_eq!(train(&others, |_| ()).unwrap().calibration, None);
        let new = score(&picture);
        let found = scores[left_out];
        println!("{shared}: {fitted} fitted to, {new} new, {found} left out");
        assert!((found / new - 1.0).abs() < 0.03, "{found} {new}");
        assert!(fitted < 0.9 * found, "{fitted} {found}");
    }
}

/// Of few, some at once: by what a fit to the others says, which no longer knows them in any way.
#[test]
fn few_left_out_pictures_score_as_new_ones_do() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("good"), folder.path().join("model"));
    write(&data, 0..20, SIZE);
    for (shared, left_out) in [(false, 7), (true, 12)] {
        let all = options(&data, &out, Tiling::new([64, 64], [2, 1]), shared);
        let (scores, calibration) = fit(&all);
        assert_eq!(calibration.method, CalibrationMethod::LeaveOneOut);
        assert_eq!((scores.len(), calibration.pictures), (20, 20));
        // With it, every fifth one was left out.
        let mut others = Options {
            hold_out: Some(0.0),
            ..all.clone()
        };
        let picture = others.data.samples[left_out].clone();
        let samples = others.data.samples.into_iter().enumerate();
        others.data.samples = samples
            .filter(|(index, _)| index % 5 != left_out % 5)
            .map(|(_, sample)| sample)
            .collect();
        train(&others, |_| ()).unwrap();
        let mut detector = Detector::open(&out, Device::Cpu, Precision::Auto).unwrap();
        let new = measure(&mut detector, &[picture], |_| Ok(())).unwrap()[0].score;
        let found = scores[left_out];
        println!("{shared}: {new} new, {found} left out");
        assert!((found / new - 1.0).abs() < 0.01, "{found} {new}");
    }
}

#[test]
fn few_pictures_are_left_out_some_at_once_and_more_one_by_one() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [all, data] = ["all", "part"].map(|name| folder.path().join(name));
    let [once, steps] = ["once", "steps"].map(|name| folder.path().join(name));
    let options = |data: &Path, out: &Path| Options {
        keep: true,
        resume: true,
        ..options(data, out, Tiling::whole([64, 64]), false)
    };
    write(&data, 0..40, SIZE);
    let few = Options {
        hold_out: Some(0.15),
        ..options(&data, &steps)
    };
    let (_, calibration) = fit(&few);
    assert_eq!(calibration.method, CalibrationMethod::HeldOut);
    assert_eq!(calibration.pictures, 6);
    // Those that were held out are fitted to now.
    let (few, calibration) = fit(&options(&data, &steps));
    assert_eq!(calibration.method, CalibrationMethod::LeaveOneOut);
    assert_eq!((calibration.pictures, few.len()), (40, 40));

    // Told to stop, it goes on with all.
    write(&data, 40..55, SIZE);
    let stopped = options(&data, &steps);
    let mut now = String::new();
    let error = train(&stopped, |event| match event {
        TrainingEvent::Stage(stage) => now = stage.to_owned(),
        TrainingEvent::Pictures(..) if now == "calibrating" => {
            stopped.stop.store(true, Ordering::Relaxed)
        }
        _ => {}
    });
    assert!(matches!(error.unwrap_err(), TrainError::Stopped));
    write(&all, 0..60, SIZE);
    let (expected, at_once) = fit(&options(&all, &once));
    write(&data, 55..60, SIZE);
    let (found, in_steps) = fit(&options(&data, &steps));
    assert_eq!(in_steps.method, CalibrationMethod::LeaveOneOut);
    assert_eq!((in_steps.pictures, expected.len()), (60, 60));
    assert!((mean(&found) / mean(&expected) - 1.0).abs() < 2e-3);
    assert!((in_steps.threshold / at_once.threshold - 1.0).abs() < 5e-3);

    // Of an earlier run's pictures that are gone nothing can be said, of those that are there it can.
    for number in 0..20 {
        fs::remove_file(data.join(format!("{number:03}.png"))).unwrap();
    }
    let (_, of_the_rest) = fit(&options(&data, &steps));
    assert_eq!(of_the_rest.pictures, 40);
    let model = Model::open(&steps, Device::Cpu).unwrap();
    assert_eq!(model.provenance.pictures, 60);

    // As a command says that names a share.
    let held_out = Options {
        hold_out: Some(0.1),
        ..options(&all, &folder.path().join("held-out"))
    };
    let (_, calibration) = fit(&held_out);
    assert_eq!(calibration.method, CalibrationMethod::HeldOut);
    assert_eq!(calibration.pictures, 6);
}
