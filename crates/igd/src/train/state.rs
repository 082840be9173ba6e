//! Where a training stands, on disk: tensors, and a struct in the file's header.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use tch::Tensor;

use super::{Options, TrainError};
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

/// One kind of such files.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What its name has more than the model file's.
    pub ending: &'static str,
    /// The name of the header's entry.
    pub entry: &'static str,
    /// How the name of one of its tensors begins that no other kind has.
    pub tensor: &'static str,
}

impl Kind {
    /// Whether the file is of this kind, whatever its name is.
    fn is_of(&self, path: &Path) -> Result<bool, ModelError> {
        let (header, tensors) = read_tensors(path)?;
        let has_tensor = tensors.keys().any(|name| name.starts_with(self.tensor));
        Ok(header.contains_key(self.entry) && has_tensor)
    }
}

/// The file of that kind to go on from, of the `kinds` that there are; `None` if there is none, or it shall not be.
pub fn earlier(
    options: &Options,
    kind: Kind,
    kinds: &[Kind],
) -> Result<Option<PathBuf>, ModelError> {
    if !options.resume {
        return Ok(None);
    }
    let named = options.resume_from.as_deref().unwrap_or(&options.out);
    let beside = path(&model_of(named, kinds), kind.ending);
    if beside.exists() {
        return Ok(Some(beside));
    }
    let is_other_name = options.resume_from.is_some() && named.is_file();
    Ok((is_other_name && kind.is_of(named)?).then(|| named.to_owned()))
}

/// The model file that a checkpoint lies beside, by its name; other names are the model's own.
fn model_of(named: &Path, kinds: &[Kind]) -> PathBuf {
    let name = named.file_name().unwrap_or_default().as_bytes();
    let stem = kinds.iter().find_map(|kind| {
        name.strip_suffix(kind.ending.as_bytes())?
            .strip_suffix(b".")
    });
    named.with_file_name(OsStr::from_bytes(stem.unwrap_or(name)))
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

/// Reads it.
pub fn read<T: DeserializeOwned>(path: &Path, entry: &str) -> Result<State<T>, TrainError> {
    let (header, tensors) = read_tensors(path)?;
    let header = header
        .get(entry)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| TrainError::resume(path, "it is not what such a training has saved"))?;
    Ok(State { header, tensors })
}
