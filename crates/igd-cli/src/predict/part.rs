//! What a part of a prediction's lines says of itself, in its last line.

use std::fs::File;
use std::io;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Arguments;
use super::plan::Input;
use super::shard::Shard;
use crate::left_out::LeftOut;

/// Of the lines before it. That it is there says that they are all there.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which part it is: I of I/N.
    pub shard: usize,
    pub of: usize,
    /// What was to be done by all parts together: parts of one run have the same.
    pub work: String,
    /// Whether it begins with a video that the part before it has begun.
    pub continues: bool,
    /// Pictures that could not be used.
    pub left_out: usize,
    /// Videos that ended before their time.
    pub ends: usize,
}

impl Part {
    pub fn new(shard: Shard, work: String, inputs: &[Input], left_out: LeftOut) -> Self {
        let first = inputs.first();
        Self {
            shard: shard.number,
            of: shard.of,
            work,
            continues: matches!(first, Some(Input::Video(video)) if video.part.start > 0.0),
            left_out: left_out.pictures,
            ends: left_out.ends,
        }
    }
}

/// A digest of the model, of how it runs, and of the names and sizes of all inputs.
pub fn work(arguments: &Arguments, inputs: &[Input]) -> anyhow::Result<String> {
    let mut digest = Sha256::new();
    let model = &arguments.model;
    let mut file = File::open(model).with_context(|| model.display().to_string())?;
    io::copy(&mut file, &mut digest).with_context(|| model.display().to_string())?;
    digest.update(arguments.target.precision.to_string());
    for input in inputs {
        let path = input.path();
        // One that is not there is told of by whoever reads it.
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        digest.update(path.as_os_str().as_encoded_bytes());
        digest.update([0]);
        digest.update(bytes.to_le_bytes());
    }
    Ok(format!("{:x}", digest.finalize()))
}
