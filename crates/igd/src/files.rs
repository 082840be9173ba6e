//! Files that are there as a whole or not at all, whatever happens while they are written.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// No file can be written there.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}", path = .path.display())]
pub struct NotWritable {
    path: PathBuf,
    cause: io::Error,
}

/// Writes a file under a temporary name beside `path`, has it on disk, and renames it: readers see the old or the new
/// one, and a crash or a full disk leaves the old one.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary_beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Whether [`write_atomically`] can write there, before hours of work end at a folder that cannot be written to.
pub fn check_writable(path: &Path) -> Result<(), NotWritable> {
    temporary_beside(path)
        .map(drop)
        .map_err(|cause| NotWritable {
            path: path.to_owned(),
            cause,
        })
}

/// Removes what writers of `path` that were killed have left beside it. Nobody may be writing it.
pub fn sweep(path: &Path) {
    let prefix = temporary_prefix(path);
    let is_temporary = |name: &OsStr| {
        let rest = name.as_bytes().strip_prefix(prefix.as_bytes());
        rest.is_some_and(|rest| rest.len() == RANDOM_LETTERS)
    };
    // A folder that cannot be read is told of by whoever writes there.
    for entry in fs::read_dir(folder_of(path))
        .into_iter()
        .flatten()
        .flatten()
    {
        if is_temporary(&entry.file_name()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What tells one temporary file from another.
const RANDOM_LETTERS: usize = 6;

fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".igd-");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    tempfile::Builder::new()
        .prefix(&temporary_prefix(path))
        .rand_bytes(RANDOM_LETTERS)
        // tempfile keeps files to their owner; a model is for whoever runs the line.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_writer_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        write_atomically(&path, b"model").unwrap();
        let left = temporary_beside(&path).unwrap().keep().unwrap().1;
        let of_another = folder.path().join("m.safetensors-x");
        let of_another = temporary_beside(&of_another).unwrap().keep().unwrap().1;
        sweep(&path);
        assert!(!left.exists() && of_another.exists() && path.exists());
    }
}
