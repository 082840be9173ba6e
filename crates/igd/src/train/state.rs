//! Where a training stands, on disk: tensors, and a struct in the file's header.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use tch::Tensor;

use super::TrainError;
use crate::model::{ModelError, Tensors, read_tensors, write_tensors};

/// What such a file holds.
pub struct State<T> {
    /// The part that is not tensors.
    pub header: T,
    pub tensors: Tensors,
}

/// The file beside the model file `out`, by what its name has more.
pub fn path(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    out.with_file_name(name)
}

/// Writes it; `entry` is the name of `header` in the file's.
pub fn write(
    path: &Path,
    entry: &str,
    header: &impl Serialize,
    tensors: &[(String, Tensor)],
) -> Result<(), ModelError> {
    let text = serde_json::to_string(header).expect("a plain struct has a JSON form");
    write_tensors(path, HashMap::from([(entry.to_owned(), text)]), tensors)
}

/// Reads it; `None` if there is none.
pub fn read<T: DeserializeOwned>(path: &Path, entry: &str) -> Result<Option<State<T>>, TrainError> {
    if !path.exists() {
        return Ok(None);
    }
    let (header, tensors) = read_tensors(path)?;
    let header = header
        .get(entry)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| TrainError::resume(path, "it is not what such a training has saved"))?;
    Ok(Some(State { header, tensors }))
}
