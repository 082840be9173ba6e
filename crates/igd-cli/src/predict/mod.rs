//! `igd predict`

mod part;
mod picture;
mod plan;
mod shard;
mod video;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use igd::files::{Draft, advised, is_same};
use serde::Serialize;

pub use self::part::Part;
use self::picture::Pictures;
use self::plan::{Input, plan};
use self::shard::Shard;
use crate::left_out::LeftOut;
use crate::output::stdout;
use crate::target::Target;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Write each picture's raw map as `<name>.npy` (f32, height x width) to this folder; pictures of folders in
    /// folders go to such folders
    #[arg(long, value_name = "D")]
    map_dir: Option<PathBuf>,
    /// Write each picture with its heatmap and regions drawn as `<name>.png` to this folder
    #[arg(long, value_name = "D")]
    overlay_dir: Option<PathBuf>,
    /// Stop at a picture that cannot be used, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// Write the lines to this file instead, which is there once all of them are
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Judge one of N equal parts, the first of which is 1: pictures, videos, and a range of a video that lies across two
    /// parts. `igd merge` makes one of the files
    #[arg(long, value_name = "I/N", requires = "out")]
    shard: Option<Shard>,
    #[command(flatten)]
    target: Target,
    /// Pictures, folders with pictures in them or below, and videos (files or URIs)
    #[arg(required = true, value_name = "PICTURE|DIR|VIDEO")]
    inputs: Vec<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (maps, overlays) = (&arguments.map_dir, &arguments.overlay_dir);
    let inputs = plan(&arguments.inputs, maps.as_deref(), overlays.as_deref())?;
    let Some(out) = &arguments.out else {
        return Ok(predict(&arguments, &inputs, &mut Lines::new(stdout()))?.check()?);
    };
    // Where nothing is yet nothing is written over.
    let is_given = out.exists() && {
        let mut given = inputs.iter().map(Input::path).chain([&*arguments.model]);
        given.any(|given| is_same(given, out))
    };
    if is_given {
        bail!("{}: --out would overwrite it", out.display());
    }
    let named = |error| anyhow::Error::new(advised(error)).context(out.display().to_string());
    let mut lines = Lines::new(Draft::new(out).map_err(named)?);
    let left_out = match arguments.shard {
        None => predict(&arguments, &inputs, &mut lines)?,
        Some(shard) => {
            let work = part::work(&arguments, &inputs)?;
            let inputs = shard.take(inputs)?;
            let left_out = predict(&arguments, &inputs, &mut lines)?;
            lines.serialize(&Part::new(shard, work, &inputs, left_out))?;
            left_out
        }
    };
    let draft = lines
        .0
        .into_inner()
        .map_err(|error| named(error.into_error()))?;
    draft.keep().map_err(named)?;
    Ok(left_out.check()?)
}

/// Writes a line of each picture and frame.
fn predict<W: Write>(
    arguments: &Arguments,
    inputs: &[Input],
    lines: &mut Lines<W>,
) -> anyhow::Result<LeftOut> {
    let mut pictures = Pictures::new(arguments);
    let mut ends = 0;
    for input in inputs {
        match input {
            Input::Picture(picture) => pictures.predict(picture, lines)?,
            Input::Video(plan) => ends += video::predict(arguments, plan, lines)?,
        }
    }
    Ok(LeftOut {
        pictures: pictures.left_out(),
        ends,
        ..LeftOut::default()
    })
}

/// Writes each line at once, for whoever reads along.
struct Lines<W: Write>(BufWriter<W>);

impl<W: Write> Lines<W> {
    fn new(writer: W) -> Self {
        Self(BufWriter::new(writer))
    }

    /// One that is JSON and ends already.
    fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.0.write_all(line)?;
        Ok(self.0.flush()?)
    }

    fn serialize(&mut self, line: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.write(&text)
    }
}
