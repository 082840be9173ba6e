//! Files that are there as a whole or not at all, whatever happens while they are written.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Cursor, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{DynamicImage, ImageFormat};
use tempfile::NamedTempFile;

/// No file can be written there; the text names the file and says why.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}", path = .path.display())]
pub struct NotWritable {
    path: PathBuf,
    cause: io::Error,
}

/// Writes a file under a temporary name beside `path`, has it on disk, and renames it: readers see the old or the new
/// one, and a crash or a full disk leaves the old one. A link stays one: the file that it leads to is replaced. Folders
/// on the way are made. Fails where something other than a file is there, such as a folder or a device.
/// The errors of full and read-only places say what to do.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes).map_err(advised)
}

/// Writes a picture as PNG, as [`write_atomically`] does.
pub fn write_png(path: &Path, picture: &DynamicImage) -> io::Result<()> {
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(io::Error::other)?;
    write_atomically(path, png.get_ref())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = Draft::new(path)?;
    draft.write_all(bytes)?;
    draft.keep()
}

/// A file that grows under a temporary name beside where it will be: for what is too large or too slow to be written at
/// once. See [`write_atomically`]; the errors are the system's, without advice.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// Fails where `path` cannot be written to.
    pub fn new(path: &Path) -> io::Result<Self> {
        let path = replaced_by(path)?;
        let file = temporary_beside(&path)?;
        Ok(Self { file, path })
    }

    /// Has it on disk and puts it in its place. What is dropped before is gone.
    pub fn keep(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An error of writing, with what to do about it behind what the system says.
#[derive(Debug, thiserror::Error)]
#[error("{cause}: {advice}")]
struct Advised {
    cause: String,
    advice: &'static str,
}

/// The same error of writing; where the place is full or read-only, with what to do about it.
pub fn advised(error: io::Error) -> io::Error {
    use io::ErrorKind::*;
    if error.get_ref().is_some_and(|inner| inner.is::<Advised>()) {
        return error;
    }
    let advice = match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => "make room there, or choose another place",
        PermissionDenied | ReadOnlyFilesystem => "choose a place that you may write to",
        _ => return error,
    };
    let text = error.to_string();
    // tempfile adds the name of the temporary file, which is nothing to a user.
    let cause = text.split(" at path \"").next().unwrap_or(&text).to_owned();
    io::Error::new(error.kind(), Advised { cause, advice })
}

/// Whether [`write_atomically`] can write there, before hours of work end at a folder that cannot be written to.
pub fn check_writable(path: &Path) -> Result<(), NotWritable> {
    replaced_by(path)
        .and_then(|path| temporary_beside(&path))
        .map(drop)
        .map_err(|cause| NotWritable {
            path: path.to_owned(),
            cause: advised(cause),
        })
}

/// Whether two paths lead to one file that is there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The file that writing to `path` replaces or makes: behind all links.
fn replaced_by(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let what = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        };
        if what.is_file() {
            return Ok(path);
        }
        if !what.is_symlink() {
            let what = if what.is_dir() { "a folder" } else { "no file" };
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("it is {what}: name a file, which may be there already or not"),
            ));
        }
        path = folder_of(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::other("its links lead nowhere"))
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// Removes what writers of `path` that were killed have left beside it. Nobody may be writing it.
pub(crate) fn sweep(path: &Path) {
    sweep_older(path, Duration::ZERO);
}

/// The same of what nobody can be writing any more.
pub(crate) fn sweep_old(path: &Path) {
    sweep_older(path, LONGEST_WRITE);
}

/// No file of ours takes so long to be written.
const LONGEST_WRITE: Duration = Duration::from_secs(600);

fn sweep_older(path: &Path, age: Duration) {
    // Whoever writes there is told of what it is instead.
    let Ok(path) = replaced_by(path) else {
        return;
    };
    let path = path.as_path();
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
        let is_old = || {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            // Where the clock was set back it is not known.
            modified.is_ok_and(|time| time.elapsed().is_ok_and(|found| found >= age))
        };
        if is_temporary(&entry.file_name()) && (age.is_zero() || is_old()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What tells one temporary file from another.
const RANDOM_LETTERS: usize = 6;

/// A file's name has at most so many bytes.
const LONGEST_NAME: usize = 255;

fn temporary_prefix(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default();
    let mut prefix = OsString::from(".igd-");
    if name.len() + ".igd--".len() + RANDOM_LETTERS <= LONGEST_NAME {
        prefix.push(name);
    } else {
        // As good as the name: nobody else's.
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        prefix.push(format!("{:016x}", hasher.finish()));
    }
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
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::time::SystemTime;

    #[test]
    fn what_a_killed_writer_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        write_atomically(&path, b"model").unwrap();
        let left = temporary_beside(&path).unwrap().keep().unwrap().1;
        let of_another = folder.path().join("m.safetensors-x");
        let of_another = temporary_beside(&of_another).unwrap().keep().unwrap().1;
        sweep_old(&path);
        assert!(left.exists());
        let long_ago = SystemTime::now() - LONGEST_WRITE;
        let file = fs::File::options().write(true).open(&left).unwrap();
        file.set_modified(long_ago).unwrap();
        sweep_old(&path);
        assert!(!left.exists());
        let left = temporary_beside(&path).unwrap().keep().unwrap().1;
        sweep(&path);
        assert!(!left.exists() && of_another.exists() && path.exists());
    }

    #[test]
    fn links_stay_and_lead_to_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let [link, between, file] =
            ["link", "between", "models/m"].map(|name| folder.path().join(name));
        symlink("between", &link).unwrap();
        symlink(&file, &between).unwrap();
        for bytes in [b"one", b"two"] {
            check_writable(&link).unwrap();
            write_atomically(&link, bytes).unwrap();
            assert!(link.is_symlink() && between.is_symlink());
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
        symlink("round", folder.path().join("round")).unwrap();
        write_atomically(&folder.path().join("round"), b"").unwrap_err();
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (folder.path(), "a folder"),
            (Path::new("/dev/null"), "no file"),
            (&socket, "no file"),
        ] {
            let error = write_atomically(path, b"").unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
            let error = check_writable(path).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains(path.to_str().unwrap()));
        }
        assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
    }

    #[test]
    fn the_longest_names_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m".repeat(LONGEST_NAME));
        let left = temporary_beside(&path).unwrap().keep().unwrap().1;
        write_atomically(&path, b"model").unwrap();
        sweep(&path);
        assert!(!left.exists() && fs::read(&path).unwrap() == b"model");
    }
}
