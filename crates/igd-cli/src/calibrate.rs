//! `igd calibrate`

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use igd::criterion::FEWEST_FOR_DRIFT;
use igd::data::normal_pictures;
use igd::model::{FALSE_POSITIVE_RATE, Mask, Model, calibrate, read_mask};
use igd::train::measure;
use serde_json::json;
use tch::Device;

use crate::left_out::LeftOut;
use crate::output::stdout;
use crate::progress::Progress;
use crate::selection::Selected;
use crate::target::Target;

#[derive(Args)]
pub struct Arguments {
    /// The model file; it is written anew with the thresholds, and a dense one with what it tells drift by
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Normal pictures that the model was not trained on: a folder of them, or one with `train/good` or `good`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    selection: Selected,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// Share of normal pictures that may be flagged
    #[arg(long, default_value_t = FALSE_POSITIVE_RATE, value_parser = crate::numbers::share)]
    false_positive_rate: f64,
    /// Picture that is white where pictures are inspected: the one that igdfilter is to have as mask-location
    #[arg(long, value_name = "PICTURE")]
    mask: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let pictures = normal_pictures(&arguments.data, &arguments.selection.selection())?;
    let model = Model::open(&arguments.model, Device::Cpu)?;
    let mut detector = arguments.target.open(&arguments.model)?;
    if let Some(path) = &arguments.mask {
        let mask = Mask::new(&read_mask(path)?, detector.input_size())?;
        detector.postprocessor_mut().set_mask(Some(Arc::new(mask)));
    }
    let mut progress = Progress::new();
    progress.stage("calibrating");
    let mut skipped = 0;
    let measurements = measure(&mut detector, &pictures, |done| {
        match done {
            Ok(done) => progress.at(done as f64 / pictures.len() as f64, || {
                format!("{done} of {} pictures", pictures.len())
            }),
            Err(error) if arguments.strict => return Err(error.into()),
            Err(error) => {
                progress.note(&format!("left out: {error}"));
                skipped += 1;
            }
        }
        Ok(())
    });
    progress.finish();
    let measurements = measurements?;
    let calibration = calibrate(&measurements, arguments.false_positive_rate);
    // A model without thresholds finds nothing: better those that it has.
    let calibration = calibration.with_context(|| {
        format!(
            "{}: none of its {} pictures can be used; the model stays as it is",
            arguments.data.display(),
            pictures.len()
        )
    })?;
    let told_drift = model.tells_drift();
    let mut model = model.renew_drift(&measurements)?;
    model.calibration = Some(calibration);
    model.save(&arguments.model, model.config.storage())?;
    if json {
        writeln!(
            stdout(),
            "{}",
            json!({
                "model": arguments.model,
                "calibration": calibration,
                "promise": calibration.promise(),
                "skipped": skipped,
                "tells_drift": model.tells_drift(),
            })
        )?;
    } else {
        writeln!(
            stdout(),
            "{}: threshold {:.4} (median {:.4}) from {} pictures\n{}",
            arguments.model.display(),
            calibration.threshold,
            calibration.median,
            calibration.pictures,
            calibration.promise()
        )?;
        if told_drift && !model.tells_drift() {
            writeln!(
                stdout(),
                "it tells no drift any more: that takes {FEWEST_FOR_DRIFT} pictures"
            )?;
        }
    }
    Ok(LeftOut::pictures(skipped).check()?)
}
