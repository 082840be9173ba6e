//! Pictures a second of the paper's full-size model against the published method as a plain graph:
//! `cargo bench --bench detector`. The sides take turns, so that whatever else the machine does slows both alike.
//!
//! Leaves the model at target/tmp/paper.safetensors, for `igd bench speed` and pipelines.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/plain/mod.rs"]
mod plain;
mod time;

use std::path::Path;

use common::golden::Golden;
use igd::model::{Calibration, Detector, Storage};
use tch::{Device, Kind};
use time::{median, seconds};

const ROUNDS: usize = 5;

fn main() {
    let golden = Golden::read("full");
    let (picture, rgb) = (golden.picture(), golden.rgb());
    let plain = plain::Detector::new(golden.entries());
    save(&golden, &rgb);

    let mut plain_times = Vec::new();
    let mut kinds = vec![Kind::Float];
    if golden.is_quick_in_bf16() {
        kinds.push(Kind::BFloat16);
    }
    let sides = kinds.into_iter().map(|kind| Side {
        kind,
        times: Vec::new(),
    });
    let mut sides: Vec<Side> = sides.collect();
    for _ in 0..ROUNDS {
        // With no detector alive, which would lend the plain graph its memory.
        let _ = plain.measure(&picture);
        plain_times.push(seconds(|| drop(plain.measure(&picture))));
        for side in &mut sides {
            side.measure(&golden, &rgb);
        }
    }
    let plain = median(plain_times);
    println!("plain graph        {plain:.2} s a picture");
    for side in sides {
        let time = median(side.times);
        println!(
            "Detector, {:8} {time:.2} s a picture, {:.2} times sooner",
            format!("{:?}", side.kind),
            plain / time
        );
    }
}

/// The detector in one precision.
struct Side {
    kind: Kind,
    times: Vec<f64>,
}

impl Side {
    fn measure(&mut self, golden: &Golden, rgb: &[f32]) {
        let mut detector = Detector::new(golden.model(), Device::Cpu, self.kind).unwrap();
        detector.measure(rgb).unwrap();
        self.times
            .push(seconds(|| drop(detector.measure(rgb).unwrap())));
    }
}

/// Writes the model with thresholds that leave the picture normal.
fn save(golden: &Golden, rgb: &[f32]) {
    let mut detector = Detector::new(golden.model(), Device::Cpu, Kind::Float).unwrap();
    let score = detector.measure(rgb).unwrap().score;
    let highest = detector.raw_map().iter().copied().fold(0.0, f32::max);
    let mut model = golden.model();
    model.calibration = Some(Calibration {
        threshold: 1.1 * score,
        median: score,
        false_positive_rate: 0.01,
        pixel_threshold: 1.1 * highest,
        pixel_median: 0.0,
        pictures: 1,
        method: Default::default(),
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("paper.safetensors");
    model.save(&path, Storage::F32).unwrap();
    println!("model: {}", path.display());
}
