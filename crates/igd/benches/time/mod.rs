//! What benchmarks measure with.
#![allow(dead_code)]

use std::time::Instant;

/// How long the work takes.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The one in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints what the work takes: the shortest, the middle and the longest of some runs, after one that does not count.
pub fn measure(what: &str, mut work: impl FnMut()) {
    const RUNS: usize = 20;
    work();
    let mut times: Vec<_> = (0..RUNS).map(|_| 1e6 * seconds(&mut work)).collect();
    times.sort_unstable_by(f64::total_cmp);
    let [shortest, middle, longest] = [0, RUNS / 2, RUNS - 1].map(|index| times[index]);
    println!("{what:45} {middle:10.1} µs ({shortest:.1} to {longest:.1})");
}
