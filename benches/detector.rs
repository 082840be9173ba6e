//! Pictures a second of the paper's full-size model against the published method as a plain graph:
//! `cargo bench --bench detector`. The sides take turns, so that whatever else the machine does slows both alike.
//!
//! Leaves the model at target/tmp/paper.safetensors, for `igd bench speed` and pipelines.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/plain/mod.rs"]
mod plain;

use std::path::Path;
use std::time::{Duration, Instant};

use common::golden::Golden;
use gstigd::model::{Calibration, Detector, Stage, Storage};
use tch::{Device, Kind, Tensor, no_grad};

const ROUNDS: usize = 5;

fn main() {
    let golden = Golden::read("full");
    let (picture, rgb) = (golden.picture(), golden.rgb());
    let plain = plain::Judge::new(golden.entries());
    let open = |kind| Detector::new(golden.model(), Device::Cpu, kind).unwrap();
    let (mut single, mut half) = (open(Kind::Float), open(Kind::BFloat16));
    save(&golden, &mut single, &rgb);

    let mut times: [Vec<Duration>; 3] = Default::default();
    let mut local = [Duration::ZERO; 2];
    let mut matrix: [Vec<f64>; 2] = Default::default();
    // The first round does not count.
    for round in 0..=ROUNDS {
        let plain = timed(|| drop(plain.judge(&picture)));
        let mut fused = [Duration::ZERO; 2];
        for (side, detector) in [&mut single, &mut half].into_iter().enumerate() {
            let network = |detector: &Detector| {
                let stages = detector.stages();
                stages.of(Stage::LocalEncoder) + stages.of(Stage::LocalDecoder)
            };
            let before = network(detector);
            fused[side] = timed(|| drop(detector.judge(&rgb).unwrap()));
            if round > 0 {
                local[side] += network(detector) - before;
                matrix[side].push(matrix_rate(detector.target().1));
            }
        }
        if round > 0 {
            times[0].push(plain);
            times[1].push(fused[0]);
            times[2].push(fused[1]);
        }
    }
    let [plain, single_time, half_time] = times.map(median);
    let [single_rate, half_rate] = matrix.map(|mut rates| {
        rates.sort_unstable_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("plain graph    {plain:>9.2?} a picture");
    for (name, time, detector, local, rate) in [
        (
            "Detector, f32 ",
            single_time,
            &single,
            local[0],
            single_rate,
        ),
        ("Detector, bf16", half_time, &half, local[1], half_rate),
    ] {
        let operations: f64 = detector
            .operations()
            .iter()
            .filter(|(stage, _)| matches!(stage, Stage::LocalEncoder | Stage::LocalDecoder))
            .map(|(_, operations)| operations)
            .sum();
        let network = operations * ROUNDS as f64 / local.as_secs_f64();
        println!(
            "{name} {time:>9.2?} a picture, {:.2} times sooner; local network {:.0} of {:.0} billion operations a second that a matrix product reaches: {:.0} %",
            plain.as_secs_f64() / time.as_secs_f64(),
            network / 1e9,
            rate / 1e9,
            network / rate * 100.0
        );
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Operations a second of a product of large matrices.
fn matrix_rate(kind: Kind) -> f64 {
    const SIDE: i64 = 2048;
    no_grad(|| {
        let matrix = || Tensor::rand([SIDE, SIDE], (Kind::Float, Device::Cpu)).to_kind(kind);
        let (a, b) = (matrix(), matrix());
        drop(a.matmul(&b));
        let times = (0..3).map(|_| timed(|| drop(a.matmul(&b)))).collect();
        2.0 * (SIDE as f64).powi(3) / median(times).as_secs_f64()
    })
}

/// Writes the model with thresholds that leave the picture normal.
fn save(golden: &Golden, detector: &mut Detector, rgb: &[f32]) {
    let score = detector.judge(rgb).unwrap().score;
    let highest = detector.raw_map().iter().copied().fold(0.0, f32::max);
    let mut model = golden.model();
    model.calibration = Some(Calibration {
        threshold: 1.1 * score,
        median: score,
        false_positive_rate: 0.01,
        pixel_threshold: 1.1 * highest,
        pixel_median: 0.0,
        pictures: 1,
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("paper.safetensors");
    model.save(&path, Storage::F32).unwrap();
    println!("model: {}", path.display());
}
