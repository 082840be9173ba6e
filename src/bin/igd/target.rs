//! Where a model runs.

use std::path::Path;

use clap::Args;
use gstigd::model::{Detector, Precision};
use tch::Device;

#[derive(Args)]
pub struct Target {
    /// What the networks compute in: auto, f32, bf16, or f16
    #[arg(long, value_name = "P", default_value = "auto")]
    pub precision: Precision,
}

impl Target {
    /// Opens a model there.
    pub fn open(&self, model: &Path) -> anyhow::Result<Detector> {
        Ok(Detector::open(model, Device::Cpu, self.precision)?)
    }
}
