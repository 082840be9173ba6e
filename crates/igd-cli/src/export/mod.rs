//! `igd export`

mod differences;
mod runtime;
mod verify;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use igd::files::{is_same, write_atomically};
use igd::model::Model;
use igd::onnx::export;
use serde_json::json;
use tch::Device;

use self::verify::verify;
use crate::output::stdout;

#[derive(Args)]
pub struct Arguments {
    /// As a graph of ONNX, from the picture to the verdict: for dense models
    #[arg(long, required = true)]
    onnx: bool,
    /// The model file
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// The file to write
    #[arg(long, value_name = "F.onnx")]
    out: PathBuf,
    /// Run the file in ONNX Runtime (of python3) on the pictures in this folder and below, and fail where it judges otherwise
    /// than the model
    #[arg(long, value_name = "DIR")]
    verify: Option<PathBuf>,
    /// Verify the file that is there, and write none
    #[arg(long, requires = "verify")]
    existing: bool,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let Arguments {
        model,
        out,
        verify: pictures,
        ..
    } = &arguments;
    if !arguments.existing {
        write(&arguments)?;
    }
    let bytes = std::fs::metadata(out)
        .with_context(|| out.display().to_string())?
        .len();
    let verified = pictures
        .as_ref()
        .map(|pictures| verify(model, out, pictures));
    let verified = verified.transpose()?;
    if json {
        let line = json!({ "model": model, "out": out, "bytes": bytes, "verified": verified });
        writeln!(stdout(), "{line}")?;
    } else {
        writeln!(stdout(), "{}: {:.1} MB", out.display(), bytes as f64 / 1e6)?;
        if let Some(verified) = &verified {
            writeln!(stdout(), "{verified}")?;
        }
    }
    verified.map_or(Ok(()), |verified| verified.check(out))
}

fn write(
    Arguments {
        model: path, out, ..
    }: &Arguments,
) -> anyhow::Result<()> {
    if is_same(path, out) {
        bail!("{}: --out would overwrite the model", out.display());
    }
    let model = Model::open(path, Device::Cpu)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let file = export(&model, &name).with_context(|| path.display().to_string())?;
    write_atomically(out, &file).with_context(|| out.display().to_string())
}
