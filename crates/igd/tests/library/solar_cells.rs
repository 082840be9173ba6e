//! The dense profile on real pictures: ELPV's solar cells, fetched once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::common::network::{fetched, has_weights};
use igd::data::{Picture, Selection, TrainingSet, elpv, pictures_in};
use igd::eval::auroc;
use igd::model::{Detection, Detector, Measurement, Precision, calibrate};
use igd::train::{HOLD_OUT, Options, Outcome, TrainingEvent, train};
use tch::Device;

pub const SIDE: usize = 256;
/// Of normal pictures, what the threshold is set for.
pub const RATE: f64 = 0.05;

pub fn open(model: &Path, precision: Precision) -> Detector {
    Detector::open(model, Device::Cpu, precision).unwrap()
}

/// All cells, in a folder that is there: those to train on, and the good and the defective ones to test with. `None`
/// without a network.
pub fn cells(folder: &Path) -> Option<[Vec<PathBuf>; 3]> {
    let elpv = folder.join("elpv");
    fetched("ELPV", elpv::write(&elpv))?;
    has_weights().then(|| {
        ["train/good", "test/good", "test/defective"]
            .map(|kind| pictures_in(&elpv.join(kind)).unwrap())
    })
}

/// Makes a folder with links to pictures.
pub fn link<'a>(folder: &Path, pictures: impl IntoIterator<Item = &'a PathBuf>) {
    fs::create_dir(folder).unwrap();
    for picture in pictures {
        symlink(picture, folder.join(picture.file_name().unwrap())).unwrap();
    }
}

/// Trains; and what the pictures that calibrate are measured as.
pub fn fit(options: &Options) -> (Outcome, Vec<Measurement>) {
    let mut measurements = Vec::new();
    let outcome = train(options, |event| {
        if let TrainingEvent::Judged(judged, _) = event {
            measurements = judged.to_vec();
        }
    });
    (outcome.unwrap(), measurements)
}

/// The shares of scores, of several kinds, above the threshold that is set for that rate.
pub fn flagged<const N: usize>(
    measurements: &[Measurement],
    rate: f64,
    scores: [&Vec<f32>; N],
) -> [f64; N] {
    let threshold = calibrate(measurements, rate).unwrap().threshold;
    scores.map(|scores| {
        let above = scores.iter().filter(|&&score| score > threshold);
        above.count() as f64 / scores.len() as f64
    })
}

pub fn scores(detector: &mut Detector, paths: &[PathBuf]) -> Vec<f32> {
    let judge = |path: &PathBuf| {
        let rgb = Picture::open(path).unwrap().resized((SIDE, SIDE));
        detector.measure(&rgb).unwrap().score
    };
    paths.iter().map(judge).collect()
}

/// The same places each time, all over the picture but for its border.
fn places() -> impl Iterator<Item = (f32, f32, f32)> {
    let fraction = |step: usize, factor: f32| (step as f32 * factor).fract();
    (1..).map(move |step| {
        let along = |factor| 20.0 + 216.0 * fraction(step, factor);
        (
            along(0.754_877_7),
            along(0.569_840_3),
            5.0 + 4.0 * fraction(step, 0.618_034),
        )
    })
}

/// Draws a disc with a soft edge.
fn spot(rgb: &mut [f32], (x, y, radius): (f32, f32, f32), brightness: f32) {
    for (index, value) in rgb.iter_mut().enumerate() {
        let place = index % (SIDE * SIDE);
        let (px, py) = ((place % SIDE) as f32 + 0.5, (place / SIDE) as f32 + 0.5);
        let inside = (radius + 0.5 - (px - x).hypot(py - y)).clamp(0.0, 1.0);
        *value += (brightness - *value) * inside;
    }
}

/// Every sixth of the cells.
#[test]
fn some_cells() {
    judge_cells(6, &[Precision::Auto], 0.9, 0.5);
}

#[test]
#[ignore = "long"]
fn all_cells() {
    judge_cells(1, &[Precision::F32, Precision::Auto], 0.925, 2.0 / 3.0);
}

/// Fits to every so many-th cell and judges every so many-th of the test set: at least that AUROC, and that share
/// found.
fn judge_cells(every: usize, precisions: &[Precision], least: f64, least_found: f64) {
    let folder = tempfile::tempdir().unwrap();
    let (elpv, data) = (folder.path().join("elpv"), folder.path().join("cells"));
    if fetched("ELPV", elpv::write(&elpv)).is_none() || !has_weights() {
        return;
    }
    let pictures = |kind: &str| -> Vec<PathBuf> {
        let all = pictures_in(&elpv.join(kind)).unwrap();
        all.into_iter().step_by(every).collect()
    };
    link(&data, &pictures("train/good"));
    let out = folder.path().join("cells.safetensors");
    let cells = TrainingSet::open(&data, &Selection::default()).unwrap();
    let options = Options {
        false_positive_rate: RATE,
        ..Options::new(cells, out.clone())
    };
    let start = Instant::now();
    let outcome = train(&options, |_| ()).unwrap();
    println!(
        "fitted to {} pictures in {:.1?}",
        outcome.pictures,
        start.elapsed()
    );
    // They look alike, and some are of one wafer's block: no reason for a warning.
    assert_eq!(outcome.doubles, None);
    assert!(std::fs::metadata(&out).unwrap().len() <= 25_000_000);

    let (good, defective) = (pictures("test/good"), pictures("test/defective"));
    for &precision in precisions {
        let mut detector = open(&out, precision);
        let (normal, anomalous) = (
            scores(&mut detector, &good),
            scores(&mut detector, &defective),
        );
        let area = auroc(&normal, &anomalous).unwrap();
        let threshold = detector.threshold();
        let above = |scores: &[f32]| scores.iter().filter(|&&score| score > threshold).count();
        let (alarms, found) = (above(&normal), above(&anomalous));
        println!(
            "{precision}: AUROC {area:.4}, {alarms} of {} good and {found} of {} defective cells flagged",
            normal.len(),
            anomalous.len()
        );
        assert!(area >= least, "{area}");
        // The held-out pictures are a sample too: both count for how far the rate may be off.
        let held_out = outcome.calibration.unwrap().pictures as f64;
        let variance = RATE * (1.0 - RATE) * (1.0 / normal.len() as f64 + 1.0 / held_out);
        let rate = alarms as f64 / normal.len() as f64;
        assert!((rate - RATE).abs() < 1.96 * variance.sqrt(), "{rate}");
        assert!(found as f64 > least_found * anomalous.len() as f64);
    }

    // Fewer tell no drift.
    if every == 1 {
        changed_light_is_drift(&mut open(&out, Precision::Auto), &good);
    }
    spots_are_where_the_map_says(&mut open(&out, Precision::Auto), &good);
}

/// What the thresholds of fits to some of the good cells let through of all that is tested: without pictures held out,
/// and with.
#[test]
#[ignore = "long"]
fn thresholds_of_some_cells() {
    let folder = tempfile::tempdir().unwrap();
    let Some([training, good, defective]) = cells(folder.path()) else {
        return;
    };
    let draws = [10, 20, 50, 100, 200]
        .into_iter()
        .flat_map(|count| (1..=4).map(move |draw| (count, draw)));
    println!(
        "| cells | threshold from | AUROC | at 1 %: good, defective | at 5 %: good, defective | fit |"
    );
    for (count, draw) in draws.chain([(training.len(), 1)]) {
        let data = folder.path().join(format!("{count}-{draw}"));
        link(&data, drawn(&training, count, draw));
        for hold_out in [Some(HOLD_OUT), None] {
            let out = folder.path().join("cells.safetensors");
            let cells = TrainingSet::open(&data, &Selection::default()).unwrap();
            let options = Options {
                hold_out,
                ..Options::new(cells, out.clone())
            };
            let start = Instant::now();
            let (outcome, measurements) = fit(&options);
            let time = start.elapsed();
            let origin = outcome.calibration.unwrap().origin();
            let mut detector = open(&out, Precision::Auto);
            let [normal, anomalous] = [&good, &defective].map(|paths| scores(&mut detector, paths));
            let flagged = |rate| flagged(&measurements, rate, [&normal, &anomalous]);
            let [[false_1, found_1], [false_5, found_5]] = [0.01, 0.05].map(flagged);
            println!(
                "| {count}, draw {draw} | {origin} | {:.4} | {false_1:.3}, {found_1:.3} | {false_5:.3}, {found_5:.3} | \
                {time:.1?} |",
                auroc(&normal, &anomalous).unwrap()
            );
            // More defective cells than good ones. Few cells may make a threshold that next to none is above.
            assert!(count < 50 || found_1 > false_1 && found_5 > false_5);
        }
    }
}

/// So many of the pictures, as good as by lot and the same each time.
pub fn drawn(pictures: &[PathBuf], count: usize, draw: u64) -> Vec<&PathBuf> {
    // SplitMix64 (Steele, Lea & Flood, 2014).
    let lot = |index: usize| {
        let bits = (index as u64 + 1 + (draw << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    };
    let mut order: Vec<usize> = (0..pictures.len()).collect();
    order.sort_by_key(|&index| lot(index));
    order[..count]
        .iter()
        .map(|&index| &pictures[index])
        .collect()
}

/// The good cells, as they are and a fifth darker. Shuffled: module after module, as they lie in the set, they are lots
/// that differ from each other, and that is told as drift.
fn changed_light_is_drift(detector: &mut Detector, good: &[PathBuf]) {
    let good = drawn(good, good.len(), 1);
    let drifts = [1.0, 0.8].map(|brightness| {
        let mut drift = detector.drift().unwrap();
        let statistic = good.iter().filter_map(|path| {
            let mut rgb = Picture::open(path).unwrap().resized((SIDE, SIDE));
            rgb.iter_mut().for_each(|value| *value *= brightness);
            detector.measure(&rgb).unwrap();
            drift.push(detector.pooled())
        });
        let statistics: Vec<f32> = statistic.collect();
        println!("brightness {brightness}: T {statistics:.1?}");
        statistics
            .iter()
            .filter(|&&statistic| drift.is_drift(statistic))
            .count()
    });
    let windows = good.len() - 49;
    assert_eq!(drifts, [0, windows]);
}

/// Bright and dark ones on cells that are good else; every second cell, to save time.
fn spots_are_where_the_map_says(detector: &mut Detector, good: &[PathBuf]) {
    let (mut drawn, mut flagged, mut near) = (0, 0, 0);
    let mut detection = Detection::default();
    let mut places = places();
    for path in good.iter().step_by(2) {
        let rgb = Picture::open(path).unwrap().resized((SIDE, SIDE));
        for brightness in [250.0, 5.0] {
            let place = places.next().unwrap();
            let mut rgb = rgb.clone();
            spot(&mut rgb, place, brightness);
            detector.detect(&rgb, (256, 256), &mut detection).unwrap();
            drawn += 1;
            if !detection.anomalous {
                continue;
            }
            flagged += 1;
            let map = detector.raw_map();
            let map = map.iter().enumerate();
            let (peak, _) = map.max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap();
            let (x, y) = ((peak % SIDE) as f32 + 0.5, (peak / SIDE) as f32 + 0.5);
            near += usize::from((x - place.0).hypot(y - place.1) <= 16.0);
            assert!(!detection.regions.is_empty());
        }
    }
    println!("{drawn} spots, {flagged} flagged, {near} of them within 16 pixels of the map's peak");
    assert!(flagged * 10 > drawn * 9);
    assert!(near as f64 >= 0.95 * f64::from(flagged));
}
