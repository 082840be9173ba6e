//! What the CPU can do for the networks.

use std::fs;

use igd::model::Precision;
use tch::{Device, Kind};

use super::finding::Finding;

const SUBJECT: &str = "CPU";
/// As Linux names them, and what without them makes the networks slow.
const FEATURES: [&str; 4] = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"];
const LEAST: &str = FEATURES[0];

pub fn check() -> Finding {
    let has = features();
    let kind = match Precision::Auto.on(Device::Cpu) {
        Ok(Kind::BFloat16) => "bf16",
        _ => "f32",
    };
    let text = format!(
        "{}; precision=auto computes in {kind}",
        FEATURES
            .map(|feature| {
                let sign = if has.iter().any(|found| found == feature) {
                    ""
                } else {
                    "no "
                };
                format!("{sign}{feature}")
            })
            .join(", ")
    );
    if cfg!(target_arch = "x86_64") && !has.iter().any(|found| found == LEAST) {
        Finding::warning(
            SUBJECT,
            text,
            "the networks are slow here: take another machine, or raise inference-interval; in a virtual machine, \
            pass the host's CPU through",
        )
    } else {
        Finding::ok(SUBJECT, text)
    }
}

fn features() -> Vec<String> {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = text
        .lines()
        .find_map(|line| line.strip_prefix("flags")?.split_once(':'));
    flags.map_or_else(Vec::new, |(_, flags)| {
        flags.split_whitespace().map(str::to_owned).collect()
    })
}
