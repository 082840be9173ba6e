//! What the machine can do at best, to hold the networks against.

use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

/// Side of the matrices: large enough that the multiplications outweigh the memory.
const SIDE: i64 = 2048;
/// Values that are copied, 256 MiB of them: far more than fits in a cache.
const VALUES: i64 = 64 << 20;
const RUNS: usize = 7;

/// Operations a second of a matrix product on that device.
pub fn matrix_rate(device: Device, kind: Kind) -> f64 {
    let matrix = || Tensor::rand([SIDE, SIDE], (Kind::Float, device)).to_kind(kind);
    let (a, b) = (matrix(), matrix());
    let time = median(RUNS, || {
        let _ = a.matmul(&b);
        wait(device);
    });
    2.0 * (SIDE as f64).powi(3) / time.as_secs_f64()
}

/// Bytes a second that are read and written in a copy.
pub fn copy_rate(device: Device) -> f64 {
    let from = Tensor::rand([VALUES], (Kind::Float, device));
    let mut to = from.zeros_like();
    let time = median(RUNS, || {
        to.copy_(&from);
        wait(device);
    });
    2.0 * 4.0 * VALUES as f64 / time.as_secs_f64()
}

/// The median time of that many runs, after one that does not count.
pub fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// GPUs take orders and go on by themselves.
fn wait(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}
