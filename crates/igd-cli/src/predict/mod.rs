//! `igd predict`

mod picture;
mod video;

use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use igd::data::{is_picture, pictures_in};
use serde::Serialize;

use crate::target::Target;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Write each picture's raw map as `<stem>.npy` (f32, height x width) to this folder
    #[arg(long, value_name = "D")]
    map_dir: Option<PathBuf>,
    /// Write each picture with its heatmap and regions drawn as `<stem>.png` to this folder
    #[arg(long, value_name = "D")]
    overlay_dir: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Pictures, folders of pictures, and videos (files or URIs)
    #[arg(required = true, value_name = "PICTURE|DIR|VIDEO")]
    inputs: Vec<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut lines = Lines(BufWriter::new(stdout().lock()));
    let mut pictures = None;
    for input in &arguments.inputs {
        if input.is_dir() {
            let found = pictures_in(input)?;
            if found.is_empty() {
                bail!("{}: no pictures in it", input.display());
            }
            for path in &found {
                picture::predict(&mut pictures, &arguments, path, &mut lines)?;
            }
        } else if is_picture(input) {
            picture::predict(&mut pictures, &arguments, input, &mut lines)?;
        } else {
            video::predict(&arguments, input, &mut lines)?;
        }
    }
    Ok(())
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

/// `<folder>/<stem of path>.<extension>`, with the folder made if it is not there.
fn beside(folder: &Path, path: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    Ok(folder.join(name))
}
