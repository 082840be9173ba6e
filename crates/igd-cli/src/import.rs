//! `igd import`

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use igd::files::is_same;
use igd::model::{ModelConfig, PaperConfig, Storage, import};

use crate::output::stdout;

#[derive(Args)]
#[command(group(clap::ArgGroup::new("networks").required(true).multiple(true).args(["global", "local"])))]
pub struct Arguments {
    /// The global network's state dict with `c` and `sigma` beside the weights: .safetensors, or .pth as the published
    /// code saves it
    #[arg(long, value_name = "G")]
    global: Option<PathBuf>,
    /// The local network's
    #[arg(long, value_name = "L")]
    local: Option<PathBuf>,
    /// The local network sees the whole of small pictures at 32x32, as the published ones for MNIST and CIFAR-10 do
    #[arg(long, requires = "local", conflicts_with = "global")]
    single: bool,
    /// The model file to write
    #[arg(long, value_name = "M.safetensors")]
    out: PathBuf,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let Arguments {
        global,
        local,
        single,
        out,
    } = arguments;
    if [&global, &local]
        .into_iter()
        .flatten()
        .any(|file| is_same(file, &out))
    {
        bail!("{}: --out would overwrite the checkpoint", out.display());
    }
    let mut model = import(global.as_deref(), local.as_deref())?;
    if let (ModelConfig::Paper(config), true) = (&mut model.config, single) {
        *config = PaperConfig::of_small_pictures(config.local.take());
    }
    model.save(&out, Storage::F32)?;
    if !json {
        writeln!(
            stdout(),
            "{}: imported; it has no thresholds yet, igd calibrate sets them from normal pictures",
            out.display()
        )?;
        return Ok(());
    }
    writeln!(
        stdout(),
        "{}",
        serde_json::json!({ "model": out, "config": model.config })
    )?;
    Ok(())
}
