//! From a trigger to its verdict: how long it took, as a histogram of each camera.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast::{self, error::RecvError};

use crate::lock::lock;
use crate::store::Part;

/// Upper ends in seconds.
pub(super) const ENDS: [f64; 12] = [
    0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Of each camera.
#[derive(Default)]
pub(super) struct Latencies(Mutex<BTreeMap<String, Histogram>>);

/// Of a camera's parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Parts that took at most so long.
    pub up_to: [u64; ENDS.len()],
    pub count: u64,
    /// In seconds.
    pub sum: f64,
}

impl Latencies {
    pub fn all(&self) -> BTreeMap<String, Histogram> {
        lock(&self.0).clone()
    }

    fn count(&self, camera: &str, seconds: f64) {
        let mut cameras = lock(&self.0);
        let histogram = cameras.entry(camera.to_owned()).or_default();
        for (count, end) in histogram.up_to.iter_mut().zip(ENDS) {
            *count += u64::from(seconds <= end);
        }
        histogram.count += 1;
        histogram.sum += seconds;
    }
}

/// Counts parts until there are no more.
pub(super) async fn measure(mut parts: broadcast::Receiver<Arc<Part>>, latencies: Arc<Latencies>) {
    loop {
        match parts.recv().await {
            Ok(part) => {
                let record = &part.record;
                latencies.count(&record.camera, f64::from(record.latency_ms) / 1000.0);
            }
            // Others are counted.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_took_at_most_so_long() {
        let latencies = Latencies::default();
        for seconds in [0.02, 0.04, 20.0] {
            latencies.count("left", seconds);
        }
        let histogram = &latencies.all()["left"];
        assert_eq!(histogram.up_to[..4], [0, 1, 1, 2]);
        assert_eq!((histogram.up_to[11], histogram.count), (2, 3));
        assert!((histogram.sum - 20.06).abs() < 1e-9);
    }
}
