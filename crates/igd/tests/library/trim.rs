//! Fits that drop what does not fit: defects among the pictures that are trained on.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::common::network::has_weights;
use crate::common::small_dense_training;
use crate::common::textures::{lined, write};
use crate::solar_cells::{cells, drawn, fit, flagged, link, open, scores};
use igd::data::{Selection, TrainingSet};
use igd::eval::auroc;
use igd::model::{Model, Precision};
use igd::train::{Options, Outcome, Profile, TrainError, TrainingEvent, train};
use tch::Device;

const SIZE: (u32, u32) = (96, 96);
/// Good pictures that are dropped at most: some are odd too.
const FEW: usize = 10;

/// The same training of a dense model, with `--trim` or without.
fn trimming(mut options: Options, trim: bool) -> Options {
    match &mut options.profile {
        Profile::Dense(dense) => dense.trim = trim,
        Profile::Paper(_) => unreachable!("it is none"),
    }
    options
}

/// A small model of textures.
fn small(data: &Path, out: &Path, trim: bool) -> Options {
    trimming(small_dense_training(data, out, 96, 64), trim)
}

/// Writes pictures with lines, which textures do not have.
fn spoil(folder: &Path, numbers: std::ops::Range<usize>) -> HashSet<PathBuf> {
    let written = numbers.map(|number| {
        let path = folder.join(format!("spoilt-{number}.png"));
        lined(number, SIZE, number % 2 == 0).save(&path).unwrap();
        path
    });
    written.collect()
}

fn threshold(outcome: &Outcome) -> f32 {
    outcome.calibration.unwrap().threshold
}

/// Good pictures, and six with lines among them: their folder, and those.
fn dirty(folder: &Path) -> (PathBuf, HashSet<PathBuf>) {
    let dirty = folder.join("dirty");
    write(&dirty, 0..60, SIZE);
    let spoilt = spoil(&dirty, 100..106);
    (dirty, spoilt)
}

/// Fits to what is left of pictures, of which these and few others must be dropped.
fn trimmed(options: &Options, spoilt: &HashSet<PathBuf>) -> Outcome {
    let mut told = HashSet::new();
    let outcome = train(options, |event| {
        if let TrainingEvent::Trimmed(trimmed) = event {
            assert_eq!((trimmed.size, trimmed.rgb.len()), ((96, 96), 3 * 96 * 96));
            told.insert(trimmed.sample.name());
        }
    });
    let outcome = outcome.unwrap();
    assert!(told.is_superset(spoilt), "{told:?}");
    assert!(told.len() <= spoilt.len() + FEW, "{told:?}");
    let listed: HashSet<_> = outcome.trimmed.iter().cloned().collect();
    assert_eq!(listed, told);
    let provenance = Model::open(&options.out, Device::Cpu).unwrap().provenance;
    assert_eq!(
        (provenance.trimmed, provenance.pictures),
        (told.len(), outcome.pictures)
    );
    assert_eq!(outcome.pictures + told.len(), options.data.samples.len());
    outcome
}

#[test]
fn what_does_not_fit_is_dropped_as_if_it_had_never_been_there() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [good, out] = ["good", "model.safetensors"].map(|name| folder.path().join(name));
    write(&good, 0..60, SIZE);
    let clean = trimmed(&small(&good, &out, true), &HashSet::new());
    let (dirty, spoilt) = dirty(folder.path());
    let without = train(&small(&dirty, &out, false), |_| ()).unwrap();
    assert!(without.trimmed.is_empty() && without.pictures == 66);
    let outcome = trimmed(&small(&dirty, &out, true), &spoilt);
    let ratio = threshold(&outcome) / threshold(&clean);
    assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
    assert!(threshold(&without) > 1.2 * threshold(&clean));
}

/// Where a fit goes on with more pictures, those that it dropped come again and are dropped again.
#[test]
#[ignore = "long"]
fn what_was_dropped_is_judged_anew() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let (dirty, spoilt) = dirty(folder.path());
    for more in [60..60, 60..63] {
        write(&dirty, more, SIZE);
        let options = Options {
            keep: true,
            resume: true,
            ..small(&dirty, &out, true)
        };
        trimmed(&options, &spoilt);
    }
}

#[test]
fn few_pictures_cannot_be_trimmed() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [data, out] = ["good", "model.safetensors"].map(|name| folder.path().join(name));
    write(&data, 0..20, SIZE);
    let error = train(&small(&data, &out, true), |_| ()).unwrap_err();
    assert!(
        matches!(error, TrainError::TooFewToTrim { found: 20, .. }),
        "{error}"
    );
    assert!(!out.exists());
}

/// A tenth of the training cells are defective ones; the other defective ones and the good ones are judged.
#[test]
#[ignore = "long"]
fn a_tenth_of_solar_cells() {
    const DEFECTIVE: usize = 121;
    const DRAWS: u64 = 4;
    let folder = tempfile::tempdir().unwrap();
    let Some([training, good, defective]) = cells(folder.path()) else {
        return;
    };
    println!(
        "| defective among the cells | draw | --trim | dropped: good, defective | AUROC | at 1 %: good, defective | \
         at 5 %: good, defective |"
    );
    for draw in 0..=DRAWS {
        let data = folder.path().join(format!("cells-{draw}"));
        // Of draw 0 none is defective.
        let bad: HashSet<&PathBuf> = match draw {
            0 => HashSet::new(),
            _ => drawn(&defective, DEFECTIVE, draw).into_iter().collect(),
        };
        let kept = drawn(&training, training.len() - bad.len(), draw);
        link(&data, kept.into_iter().chain(bad.iter().copied()));
        let rest = defective.iter().filter(|one| !bad.contains(one));
        let rest: Vec<PathBuf> = rest.cloned().collect();
        let is_bad = |name: &&PathBuf| bad.iter().any(|one| one.file_name() == name.file_name());
        let mut found_before = 0.0;
        for trim in [false, true] {
            let out = folder.path().join("cells.safetensors");
            let cells = TrainingSet::open(&data, &Selection::default()).unwrap();
            let options = trimming(Options::new(cells, out.clone()), trim);
            let (Outcome { trimmed, .. }, measurements) = fit(&options);
            let dropped_bad = trimmed.iter().filter(is_bad).count();
            let mut detector = open(&out, Precision::Auto);
            let [normal, anomalous] = [&good, &rest].map(|paths| scores(&mut detector, paths));
            let flagged = |rate| flagged(&measurements, rate, [&normal, &anomalous]);
            let [[false_1, found_1], [false_5, found_5]] = [0.01, 0.05].map(flagged);
            println!(
                "| {} | {draw} | {trim} | {}, {dropped_bad} | {:.4} | {false_1:.3}, {found_1:.3} | {false_5:.3}, \
                 {found_5:.3} |",
                bad.len(),
                trimmed.len() - dropped_bad,
                auroc(&normal, &anomalous).unwrap()
            );
            if trim && draw > 0 {
                // Five in six of what is dropped are defective ones, and so more of the others are found.
                assert!(
                    dropped_bad > 0 && dropped_bad * 6 >= trimmed.len() * 5,
                    "{trimmed:?}"
                );
                assert!(
                    found_1 > found_before && false_1 <= 0.03,
                    "{found_1} {false_1}"
                );
            }
            found_before = found_1;
        }
    }
}
