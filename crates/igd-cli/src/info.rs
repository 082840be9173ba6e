//! `igd info`

use std::io::{self, Write, stdout};
use std::path::PathBuf;

use clap::Args;
use igd::model::{DenseConfig, Model, ModelConfig, PaperConfig, Tiling};
use serde_json::json;
use tch::Device;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(value_name = "M.safetensors")]
    model: PathBuf,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let path = arguments.model;
    let model = Model::open(&path, Device::Cpu)?;
    let weights: usize = model
        .networks
        .weights
        .values()
        .map(|weight| weight.tensor.numel())
        .sum();
    let bytes = std::fs::metadata(&path)?.len();
    let (config, provenance) = (&model.config, &model.provenance);
    if json {
        let line = json!({
            "model": path,
            "bytes": bytes,
            "weights": weights,
            "config": config,
            "calibration": model.calibration,
            "provenance": provenance,
        });
        writeln!(stdout(), "{line}")?;
        return Ok(());
    }
    let mega = |count: f64| count / 1e6;
    writeln!(stdout(), "{}", path.display())?;
    writeln!(stdout(), "  profile      {}", config.describe())?;
    let [width, height] = config.input();
    writeln!(stdout(), "  input        {width} x {height}")?;
    match config {
        ModelConfig::Paper(config) => print_networks(config)?,
        ModelConfig::Dense(config) => print_descriptors(config)?,
    }
    writeln!(
        stdout(),
        "  size         {:.1} million numbers, {:.1} MB",
        mega(weights as f64),
        mega(bytes as f64)
    )?;
    match &model.calibration {
        Some(calibration) => {
            writeln!(
                stdout(),
                "  threshold    {:.4} (median {:.4}), pixels {:.4} (median {:.4})",
                calibration.threshold,
                calibration.median,
                calibration.pixel_threshold,
                calibration.pixel_median
            )?;
            writeln!(
                stdout(),
                "  calibration  {} held-out pictures, false-positive rate {} %",
                calibration.pictures,
                calibration.false_positive_rate * 100.0
            )?;
        }
        None => writeln!(
            stdout(),
            "  threshold    none: igd calibrate sets it from normal pictures"
        )?,
    }
    writeln!(
        stdout(),
        "  trained on   {} ({} pictures, {} epochs, seed {})",
        provenance.data,
        provenance.pictures,
        provenance.epochs,
        provenance.seed
    )?;
    let created = i64::try_from(provenance.created)
        .ok()
        .and_then(|seconds| glib::DateTime::from_unix_utc(seconds).ok())
        .and_then(|date| date.format("%Y-%m-%d %H:%M UTC").ok());
    writeln!(
        stdout(),
        "  written by   igd {} at {}",
        provenance.version,
        created.as_deref().unwrap_or("an unknown time")
    )?;
    for (what, licence) in [
        ("data", &provenance.data_licence),
        ("encoder", &provenance.encoder_licence),
    ] {
        if let Some(licence) = licence {
            writeln!(stdout(), "  licence      {what}: {licence}")?;
        }
    }
    Ok(())
}

fn print_networks(config: &PaperConfig) -> anyhow::Result<()> {
    if let Some(global) = &config.global {
        let encoder = serde_json::to_value(global.encoder)?;
        writeln!(
            stdout(),
            "  global       encoder {}, width {}, latent {}",
            encoder.as_str().unwrap_or_default(),
            global.width,
            global.latent
        )?;
    }
    if let Some(local) = &config.local {
        writeln!(
            stdout(),
            "  local        encoder {} of width {}, width {}, latent {}",
            if local.frozen_encoder {
                "imported"
            } else {
                "trained"
            },
            local.encoder_width,
            local.width,
            local.latent
        )?;
    }
    Ok(())
}

fn print_descriptors(config: &DenseConfig) -> io::Result<()> {
    let Tiling {
        tile,
        tiles,
        overlap,
    } = config.tiling;
    if tiles != [1, 1] {
        writeln!(
            stdout(),
            "  tiles        {} x {} of {} x {} pixels, {overlap} pixels overlap, descriptors {}",
            tiles[0],
            tiles[1],
            tile[0],
            tile[1],
            if config.shared { "for all" } else { "for each" }
        )?;
    }
    writeln!(
        stdout(),
        "  backbone     EfficientNet-Lite0 to its sixth stage, frozen"
    )?;
    writeln!(
        stdout(),
        "  descriptors  {} places, {} directions",
        config.places(),
        config.dimensions
    )?;
    Ok(())
}
