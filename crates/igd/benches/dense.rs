//! Pictures a second of a dense model against the same method as a plain graph, operation by operation as eager PyTorch
//! runs it: `cargo bench --bench dense`. The sides take turns, so that whatever else the machine does slows both alike.

#[path = "../tests/common/mod.rs"]
mod common;
mod time;

use common::dense_model;
use igd::model::{DenseNetworks, Detection, Detector, Precision, ProfileNetworks};
use igd::nn::dense;
use tch::{Device, Kind, Tensor, no_grad};
use time::{median, seconds};

const ROUNDS: usize = 7;
/// Pictures a round.
const PICTURES: usize = 30;
const SIDE: i64 = 256;

/// The smoothed distances of places: (1, 1, rows, columns).
fn smooth(distances: &Tensor) -> Tensor {
    let side = SIDE / dense::CELL;
    let kernel = Tensor::from_slice(&[1.0f32, 2.0, 1.0]);
    let kernel = kernel.outer(&kernel).view([1, 1, 3, 3]) / 16.0;
    distances
        .view([1, 1, side, side])
        .replication_pad2d([1, 1, 1, 1])
        .conv2d(&kernel, None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1)
}

/// Score and map of a picture with values in 0..=255. `matrices` are those of places and of details.
fn plain(networks: &DenseNetworks, matrices: &[Tensor; 2], picture: &Tensor) -> (f64, Tensor) {
    let stages = networks.backbone.forward(&((picture - 127.0) / 128.0));
    let distances = networks
        .field
        .distances(&dense::join(&stages), &matrices[0]);
    let places = smooth(&distances);
    let details = networks.details.as_ref().expect("the model has details");
    let details = details.distances(&dense::details(&stages), &matrices[1]);
    let side = SIDE / dense::DETAIL;
    let details = details.view([1, 1, side, side]);
    let score = places.max();
    let [places, details] =
        [places, details].map(|map| map.upsample_bilinear2d([SIDE, SIDE], false, None, None));
    let map = &places * details.sqrt();
    let near = map.masked_fill(&places.lt_tensor(&(places.max() * 0.5)), 0.0);
    (score.double_value(&[]), map * (places.max() / near.max()))
}

fn main() {
    let picture = Tensor::rand([1, 3, SIDE, SIDE], (Kind::Float, Device::Cpu)) * 255.0;
    let rgb = Vec::<f32>::try_from(picture.flatten(0, -1)).unwrap();
    let ProfileNetworks::Dense(networks) = dense_model().networks.profile else {
        unreachable!("the model is dense");
    };
    let details = networks.details.as_ref().expect("the model has details");
    let matrices = [&networks.field, details].map(|field| field.matrices());
    let mut plain_times = Vec::new();
    let mut sides: Vec<(Kind, Vec<f64>)> = vec![(Kind::Float, Vec::new())];
    if Precision::Auto.on(Device::Cpu) == Ok(Kind::BFloat16) {
        sides.push((Kind::BFloat16, Vec::new()));
    }
    for _ in 0..ROUNDS {
        let judge = || drop(no_grad(|| plain(&networks, &matrices, &picture)));
        judge();
        plain_times.push(seconds(|| (0..PICTURES).for_each(|_| judge())));
        for (kind, times) in &mut sides {
            let mut detector = Detector::new(dense_model(), Device::Cpu, *kind).unwrap();
            let mut detection = Detection::default();
            let mut judge = || detector.detect(&rgb, (256, 256), &mut detection).unwrap();
            judge();
            times.push(seconds(|| (0..PICTURES).for_each(|_| judge())));
        }
    }
    let milliseconds = |times| median(times) * 1e3 / PICTURES as f64;
    let plain = milliseconds(plain_times);
    println!("plain graph        {plain:.1} ms a picture");
    for (kind, times) in sides {
        let time = milliseconds(times);
        println!(
            "Detector, {:8} {time:.1} ms a picture, {:.2} times sooner",
            format!("{kind:?}"),
            plain / time
        );
    }
}
