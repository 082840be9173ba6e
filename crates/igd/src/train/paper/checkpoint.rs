//! Where a training stands, on disk: everything needed to go on as if it had not been stopped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::model::{ModelError, Tensors, read_tensors, write_tensors};

/// The entry of the file's header that holds [`Progress`].
const PROGRESS: &str = "progress";

/// The part of a checkpoint that is not tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What the run was told, in words: another run's checkpoint is refused.
    pub run: String,
    pub steps: usize,
    pub seconds: f64,
    /// How often the descriptor was due to be estimated.
    pub estimates: usize,
}

impl Progress {
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

/// The checkpoint of the network `scale` beside the model file `out`.
pub fn path(out: &Path, scale: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{scale}-checkpoint"));
    out.with_file_name(name)
}

pub fn write(
    path: &Path,
    progress: &Progress,
    tensors: &[(String, Tensor)],
) -> Result<(), ModelError> {
    let text = serde_json::to_string(progress).expect("a plain struct has a JSON form");
    let header = HashMap::from([(PROGRESS.to_owned(), text)]);
    write_tensors(path, header, tensors)
}

/// Reads a checkpoint; `None` if there is none.
pub fn read(path: &Path) -> Result<Option<(Progress, Tensors)>, ModelError> {
    if !path.exists() {
        return Ok(None);
    }
    let (header, tensors) = read_tensors(path)?;
    let progress = header
        .get(PROGRESS)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| ModelError::NotAModel {
            path: path.to_owned(),
            reason: "it is no checkpoint of a training".to_owned(),
        })?;
    Ok(Some((progress, tensors)))
}
