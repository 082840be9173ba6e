//! Where a model runs.

use std::path::Path;

use clap::Args;
use igd::libtorch::choose_device;
use igd::model::{Detector, PaperScale, Precision};

#[derive(Args)]
pub struct Target {
    /// Where the networks run: auto (a GPU where one is usable), cpu, cuda, or cuda:N
    #[arg(long, value_name = "D", default_value = "auto")]
    pub device: String,
    /// What the networks compute in: auto, f32, bf16, or f16
    #[arg(long, value_name = "P", default_value = "auto")]
    pub precision: Precision,
}

impl Target {
    /// Opens a model there.
    pub fn open(&self, model: &Path) -> anyhow::Result<Detector> {
        let device = choose_device(&self.device)?.device;
        Ok(Detector::open(model, device, self.precision)?)
    }

    /// Opens one of a model's two networks there.
    pub fn open_scale(&self, model: &Path, scale: PaperScale) -> anyhow::Result<Detector> {
        let device = choose_device(&self.device)?.device;
        Ok(Detector::open_scale(model, scale, device, self.precision)?)
    }
}
