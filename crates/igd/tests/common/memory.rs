//! What this process takes of the system's memory.

use std::fs;

/// Memory that it occupies, in MB.
pub fn occupied() -> f64 {
    megabytes("VmRSS:")
}

/// The most that it has occupied, in MB.
pub fn peak() -> f64 {
    megabytes("VmHWM:")
}

fn megabytes(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field));
    let kilobytes: Option<f64> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kilobytes.unwrap() / 1e3
}
