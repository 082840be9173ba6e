//! Drift on real pictures: ELPV's solar cells, fetched once.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use igd::criterion::{DRIFT_WINDOW, Drift, FEWEST_FOR_DRIFT};
use igd::data::{Picture, Sample, Selection, TrainingSet};
use igd::model::{Detector, Measurement, Model, Precision, Storage};
use igd::train::{Options, train};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use tch::Device;

use crate::common::network::has_weights;
use crate::common::{small_dense_training, textures};
use crate::solar_cells::{SIDE, cells, drawn, link, open};

/// Orders of frames.
const DRAWS: u64 = 200;

pub type Change = fn(&mut Vec<f32>, &Path);

pub const CHANGES: [(&str, Change); 7] = [
    ("brightness 0.8", |rgb, _| each(rgb, |_, value| 0.8 * value)),
    ("gamma 1.3", |rgb, _| {
        each(rgb, |_, value| 255.0 * (value / 255.0).powf(1.3))
    }),
    ("gradient 0.8 to 1.2", |rgb, _| {
        each(rgb, |x, value| (value * (0.8 + 0.4 * x)).min(255.0))
    }),
    ("shift 4", |rgb, _| {
        for row in rgb.chunks_exact_mut(SIDE) {
            row.copy_within(..SIDE - 4, 4);
            row[..4].reverse();
        }
    }),
    ("blur 1", |rgb, _| blur(rgb)),
    ("noise 10", |rgb, path| {
        let mut rng = Rng::with_seed(path.as_os_str().len() as u64);
        each(rgb, |_, value| {
            let gaussian = (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0;
            (value + 10.0 * gaussian).clamp(0.0, 255.0)
        });
    }),
    ("JPEG 50", |rgb, _| *rgb = jpeg(rgb)),
];

/// Of each value and its x in 0..1.
fn each(rgb: &mut [f32], mut change: impl FnMut(f32, f32) -> f32) {
    for (index, value) in rgb.iter_mut().enumerate() {
        *value = change((index % SIDE) as f32 / SIDE as f32, *value);
    }
}

/// By a Gaussian of one pixel, along rows and columns.
fn blur(rgb: &mut [f32]) {
    let weights = [-2.0_f32, -1.0, 0.0, 1.0, 2.0].map(|x| (-x * x / 2.0).exp());
    let sum: f32 = weights.iter().sum();
    for step in [1, SIDE] {
        let before = rgb.to_vec();
        for (index, value) in rgb.iter_mut().enumerate() {
            let (plane, place) = (index - index % (SIDE * SIDE), index % (SIDE * SIDE));
            let along = place / step % SIDE;
            let near = (0..5).map(|tap| (along + tap).saturating_sub(2).min(SIDE - 1));
            let values = near.map(|at| before[plane + place - along * step + at * step]);
            *value = values
                .zip(weights)
                .map(|(value, weight)| value * weight / sum)
                .sum();
        }
    }
}

fn jpeg(rgb: &[f32]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cell.jpg");
    let picture = RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let place = y as usize * SIDE + x as usize;
        image::Rgb([0, 1, 2].map(|plane| rgb[plane * SIDE * SIDE + place].round() as u8))
    });
    let file = fs::File::create(&path).unwrap();
    JpegEncoder::new_with_quality(file, 50)
        .encode_image(&picture)
        .unwrap();
    Picture::open(&path).unwrap().resized((SIDE, SIDE))
}

/// What drift takes of each picture.
fn pooled(detector: &mut Detector, paths: &[PathBuf], change: Option<Change>) -> Vec<Vec<f32>> {
    let one = |path: &PathBuf| {
        let mut rgb = Picture::open(path).unwrap().resized((SIDE, SIDE));
        if let Some(change) = change {
            change(&mut rgb, path);
        }
        detector.measure(&rgb).unwrap();
        detector.pooled().to_vec()
    };
    paths.iter().map(one).collect()
}

/// In how many of the orders a window of frames is told, with so many defective ones in it.
fn told(drift: &mut Drift, good: &[Vec<f32>], defective: &[Vec<f32>], defects: usize) -> usize {
    let draw = |draw: &u64| {
        let mut rng = Rng::with_seed(*draw);
        let mut frames = rng.choose_multiple(good, DRIFT_WINDOW - defects);
        frames.extend(rng.choose_multiple(defective, defects));
        drift.forget();
        let last = frames.iter().fold(None, |_, frame| drift.push(frame));
        drift.is_drift(last.unwrap())
    };
    (0..DRAWS).filter(draw).count()
}

/// A fit to enough pictures has a reference, other pictures renew it, and few take it away.
#[test]
fn pictures_make_and_renew_the_reference() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("good"), folder.path().join("model"));
    textures::write(&data, 0..FEWEST_FOR_DRIFT, (64, 64));
    let options = small_dense_training(&data, &out, 64, 16);
    train(&options, |_| ()).unwrap();
    let reference = || Model::open(&out, Device::Cpu).unwrap();
    assert!(reference().tells_drift());

    let mut detector = open(&out, Precision::Auto);
    let mut drift = detector.drift().unwrap();
    let bright = |sample: &Sample| {
        let mut rgb = sample.open().unwrap().resized((64, 64));
        rgb.iter_mut().for_each(|value| *value *= 0.5);
        detector.measure(&rgb).unwrap()
    };
    let dark: Vec<_> = options.data.samples.iter().map(bright).collect();
    let last = dark.iter().fold(None, |_, one| drift.push(&one.pooled));
    assert!(drift.is_drift(last.unwrap()));

    let save = |pictures: &[Measurement]| {
        let model = reference().renew_drift(pictures).unwrap();
        model.save(&out, Storage::F16).unwrap();
    };
    save(&dark);
    let mut drift = open(&out, Precision::Auto).drift().unwrap();
    let last = dark.iter().fold(None, |_, one| drift.push(&one.pooled));
    assert!(!drift.is_drift(last.unwrap()));
    save(&dark[1..]);
    assert!(!reference().tells_drift() && open(&out, Precision::Auto).drift().is_none());
}

/// What fits to some of the good cells tell of the others, and what the fit to all tells of the cells that are tested.
#[test]
#[ignore = "long"]
fn drift_of_cells() {
    let folder = tempfile::tempdir().unwrap();
    let Some([training, tested, defective]) = cells(folder.path()) else {
        return;
    };
    let mut columns = vec!["cells, draw", "clean", "5 % defects", "20 % defects"];
    columns.extend(CHANGES.map(|(name, _)| name));
    println!(
        "of {DRAWS} orders of {DRIFT_WINDOW} frames\n| {} |",
        columns.join(" | ")
    );
    let some = [400, 600].map(|count| [(count, 1), (count, 2)]);
    for (count, draw) in some.into_iter().flatten().chain([(training.len(), 1)]) {
        let data = folder.path().join(format!("{count}-{draw}"));
        let order = drawn(&training, training.len(), draw);
        link(&data, order[..count].iter().copied());
        // As many as there are tested.
        let others = order[count..].iter().take(tested.len());
        let good: Vec<PathBuf> = match count == training.len() {
            true => tested.clone(),
            false => others.map(|&path| path.clone()).collect(),
        };
        let out = folder.path().join("cells.safetensors");
        let cells = TrainingSet::open(&data, &Selection::default()).unwrap();
        train(&Options::new(cells, out.clone()), |_| ()).unwrap();
        let mut detector = open(&out, Precision::Auto);
        let mut drift = detector.drift().unwrap();
        let odd = pooled(&mut detector, &defective, None);
        let clean = pooled(&mut detector, &good, None);
        let alarms = [0, 3, 10].map(|defects| told(&mut drift, &clean, &odd, defects));
        let found = CHANGES.map(|(_, change)| {
            let changed = pooled(&mut detector, &good, Some(change));
            told(&mut drift, &changed, &odd, 0)
        });
        let counts = alarms.iter().chain(&found);
        let counts: Vec<String> = counts.map(usize::to_string).collect();
        println!("| {count}, {draw} | {} |", counts.join(" | "));
        if count == training.len() {
            assert!(alarms[0] + alarms[1] <= 4, "{alarms:?}");
            assert!(
                found.iter().all(|&found| found as u64 >= DRAWS * 95 / 100),
                "{found:?}"
            );
        }
    }
}
