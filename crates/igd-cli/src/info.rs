//! `igd info`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use igd::model::{
    Alignment, Calibration, DenseConfig, Model, ModelConfig, PaperConfig, ProfileNetworks,
    Provenance, Revision, Tiling,
};
use igd::nn::LocalEncoderKind;
use serde_json::json;
use tch::Device;

use crate::output::stdout;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(value_name = "M.safetensors")]
    model: PathBuf,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let path = arguments.model;
    let model = Model::open(&path, Device::Cpu)?;
    let size = Size {
        weights: model
            .networks
            .weights
            .values()
            .map(|weight| weight.tensor.numel())
            .sum(),
        bytes: std::fs::metadata(&path)?.len(),
    };
    if json {
        let line = json!({
            "model": path,
            "bytes": size.bytes,
            "weights": size.weights,
            "config": model.config,
            "calibration": model.calibration,
            "promise": model.calibration.map(|calibration| calibration.promise()),
            "provenance": model.provenance,
            "learns_from": pictures_kept(&model),
            "head": has_head(&model),
            "history": model.history,
        });
        writeln!(stdout(), "{line}")?;
    } else {
        write!(stdout(), "{}", page(&path, &model, &size))?;
    }
    Ok(())
}

struct Size {
    /// Numbers in all weights.
    weights: usize,
    /// Of the file.
    bytes: u64,
}

/// A line of what is printed: what it is of, and what it says.
type Row = (&'static str, String);

fn page(path: &Path, model: &Model, size: &Size) -> String {
    let [width, height] = model.config.input();
    let mut rows = vec![
        ("profile", model.config.describe().to_owned()),
        ("input", format!("{width} x {height}")),
    ];
    rows.extend(match &model.config {
        ModelConfig::Paper(config) => networks(config),
        ModelConfig::Dense(config) => descriptors(config),
    });
    let mega = |count: f64| count / 1e6;
    let (weights, bytes) = (mega(size.weights as f64), mega(size.bytes as f64));
    rows.push((
        "size",
        format!("{weights:.1} million numbers, {bytes:.1} MB"),
    ));
    rows.extend(thresholds(model.calibration.as_ref()));
    rows.extend(origin(&model.provenance));
    rows.extend(marks(model));
    let lines = rows
        .into_iter()
        .map(|(name, text)| format!("  {name:<12} {text}\n"));
    format!("{}\n{}", path.display(), lines.collect::<String>())
}

fn networks(config: &PaperConfig) -> Vec<Row> {
    let global = config.global.as_ref().map(|global| {
        // As it stands in the file.
        let encoder = json!(global.encoder);
        let encoder = encoder.as_str().unwrap_or_default();
        let text = format!(
            "encoder {encoder}, width {}, latent {}",
            global.width, global.latent
        );
        ("global", text)
    });
    let local = config.local.as_ref().map(|local| {
        let encoder = match (local.encoder, local.frozen_encoder) {
            (LocalEncoderKind::Tower, true) => format!("imported of width {}", local.encoder_width),
            (LocalEncoderKind::Tower, false) => format!("trained of width {}", local.encoder_width),
            (kind, _) => json!(kind).as_str().unwrap_or_default().to_owned(),
        };
        let text = format!(
            "encoder {encoder}, width {}, latent {}",
            local.width, local.latent
        );
        ("local", text)
    });
    global.into_iter().chain(local).collect()
}

fn descriptors(config: &DenseConfig) -> Vec<Row> {
    let Tiling {
        tile,
        tiles,
        overlap,
    } = config.tiling;
    let mut rows = Vec::new();
    if tiles != [1, 1] {
        let descriptors = if config.shared { "for all" } else { "for each" };
        let text = format!(
            "{} x {} of {} x {} pixels, {overlap} pixels overlap, descriptors {descriptors}",
            tiles[0], tiles[1], tile[0], tile[1],
        );
        rows.push(("tiles", text));
    }
    if let Some(Alignment { margin }) = config.align {
        let [width, height] = config.tiling.picture();
        let text = format!(
            "looks for the part, and judges {width} x {height} of the input: {} pixels at each side and {} above and \
            below are margin",
            margin[0], margin[1]
        );
        rows.push(("aligns", text));
    }
    let backbone = "EfficientNet-Lite0 to its sixth stage, frozen";
    rows.push(("backbone", backbone.to_owned()));
    let (places, directions) = (config.places(), config.dimensions);
    let text = format!("{places} places, {directions} directions");
    rows.push(("descriptors", text));
    rows
}

fn thresholds(calibration: Option<&Calibration>) -> Vec<Row> {
    let Some(calibration) = calibration else {
        let text = "none: igd calibrate sets it from normal pictures";
        return vec![("threshold", text.to_owned())];
    };
    let threshold = format!(
        "{:.4} (median {:.4}), pixels {:.4} (median {:.4})",
        calibration.threshold,
        calibration.median,
        calibration.pixel_threshold,
        calibration.pixel_median
    );
    let origin = format!(
        "{}, false-positive rate {} %",
        calibration.origin(),
        calibration.false_positive_rate * 100.0
    );
    let promise = calibration.promise().to_string();
    vec![
        ("threshold", threshold),
        ("calibration", origin),
        ("promise", promise),
    ]
}

/// Pictures of the fit that `igd feedback` can learn with.
fn pictures_kept(model: &Model) -> Option<i64> {
    match &model.networks.profile {
        ProfileNetworks::Dense(networks) => Some(networks.left_out.as_ref()?.distances.size()[0]),
        ProfileNetworks::Paper(_) => None,
    }
}

fn has_head(model: &Model) -> bool {
    match &model.networks.profile {
        ProfileNetworks::Dense(networks) => networks.head.is_some(),
        ProfileNetworks::Paper(_) => false,
    }
}

/// What marked pictures have made of it.
fn marks(model: &Model) -> Vec<Row> {
    let kept = pictures_kept(model).map(|kept| {
        let text = format!("what {kept} of its pictures were like is kept for igd feedback");
        ("feedback", text)
    });
    let head = has_head(model).then(|| {
        let text = "scores are distances times what marked pictures have taught";
        ("head", text.to_owned())
    });
    let history = model.history.iter().flat_map(|revision| {
        let Revision { bad, good, of, .. } = revision;
        let made = format!(
            "{}: of {of}, {bad} marked defects and {good} marked good pictures",
            date(revision.created)
        );
        let lines = igd::feedback::lines(revision).into_iter();
        [("learned", made)]
            .into_iter()
            .chain(lines.map(|line| ("", line)))
    });
    kept.into_iter().chain(head).chain(history).collect()
}

/// Seconds since 1970, for people.
fn date(seconds: u64) -> String {
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| glib::DateTime::from_unix_utc(seconds).ok())
        .and_then(|date| date.format("%Y-%m-%d %H:%M UTC").ok());
    date.map_or("an unknown time".to_owned(), Into::into)
}

fn origin(provenance: &Provenance) -> Vec<Row> {
    let trained = format!(
        "{} ({} pictures, {} epochs, seed {})",
        provenance.data, provenance.pictures, provenance.epochs, provenance.seed
    );
    let trimmed = (provenance.trimmed > 0).then(|| {
        let count = provenance.trimmed;
        (
            "dropped",
            format!("{count} pictures that do not fit the others"),
        )
    });
    let bits = provenance
        .significant_bits
        .map(|bits| ("brightness", format!("{bits} of 16 bits")));
    let written = format!("igd {} at {}", provenance.version, date(provenance.created));
    let licences = [
        ("data", &provenance.data_licence),
        ("encoder", &provenance.encoder_licence),
    ];
    let licences = licences.into_iter().filter_map(|(what, licence)| {
        let licence = licence.as_ref()?;
        Some(("licence", format!("{what}: {licence}")))
    });
    let recentred = provenance.recentred.iter().map(|one| {
        let text = format!(
            "{}: of {}, by {} pictures",
            date(one.created),
            one.of,
            one.pictures
        );
        ("recentred", text)
    });
    [("trained on", trained), ("written by", written)]
        .into_iter()
        .chain(recentred)
        .chain(trimmed)
        .chain(bits)
        .chain(licences)
        .collect()
}
