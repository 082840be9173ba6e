//! `igd predict`

mod picture;
mod plan;
mod video;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use self::picture::Pictures;
use self::plan::{Input, plan};
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
    #[command(flatten)]
    target: Target,
    /// Pictures, folders with pictures in them or below, and videos (files or URIs)
    #[arg(required = true, value_name = "PICTURE|DIR|VIDEO")]
    inputs: Vec<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (maps, overlays) = (&arguments.map_dir, &arguments.overlay_dir);
    let inputs = plan(&arguments.inputs, maps.as_deref(), overlays.as_deref())?;
    let mut lines = Lines(BufWriter::new(stdout()));
    let mut pictures = Pictures::new(&arguments);
    let mut ends = 0;
    for input in &inputs {
        match input {
            Input::Picture(picture) => pictures.predict(picture, &mut lines)?,
            Input::Video(path) => ends += video::predict(&arguments, path, &mut lines)?,
        }
    }
    let left_out = LeftOut {
        pictures: pictures.left_out(),
        ends,
        ..LeftOut::default()
    };
    Ok(left_out.check()?)
}

/// Writes each line at once, for whoever reads along.
struct Lines<W: Write>(BufWriter<W>);

impl<W: Write> Lines<W> {
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
