//! What the targets share.

#[path = "../../crates/igd/tests/common/mod.rs"]
pub mod models;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};

use igd::model::{Detection, Detector, Model, Precision, Storage};
use igd::tch::{Device, set_num_threads};
use tempfile::TempDir;

/// A file in memory, for readers that take a path.
pub struct Input {
    file: File,
    path: PathBuf,
    _folder: TempDir,
}

impl Input {
    /// Some readers choose by the ending of its name.
    pub fn new(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a folder for temporary files");
        let path = folder.path().join(name);
        Self {
            file: File::create(&path).expect("a temporary file"),
            path,
            _folder: folder,
        }
    }

    /// The file's path, after it holds `bytes` and nothing else.
    pub fn of(&self, bytes: &[u8]) -> &Path {
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(bytes, 0));
        written.expect("room in memory");
        &self.path
    }
}

/// Opens the model that `bytes` are, in the file. If it can be opened, one in many judges a gray picture, which takes
/// a thousand times as long.
pub fn open_model(input: &Input, bytes: &[u8]) {
    set_num_threads(1);
    let path = input.of(bytes);
    if Model::open(path, Device::Cpu).is_err() || checksum(bytes) % 256 != 0 {
        return;
    }
    let Ok(mut detector) = Detector::open(path, Device::Cpu, Precision::F32) else {
        return;
    };
    let (width, height) = detector.input_size();
    let gray = vec![128.0; 3 * width * height];
    let _ = detector.detect(&gray, (64, 48), &mut Detection::default());
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(7, |sum: u32, &byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    })
}

/// Registers the elements; a warning of GLib or GStreamer is an error from here on.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().expect("GStreamer");
        set_num_threads(1);
        glib::log_set_always_fatal(
            glib::LogLevels::LEVEL_ERROR
                | glib::LogLevels::LEVEL_CRITICAL
                | glib::LogLevels::LEVEL_WARNING,
        );
        gstigd::plugin_register_static().expect("the elements");
    });
}

/// A small model in a file, until the process ends.
pub fn model_file() -> &'static Path {
    static FILE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let path = folder.path().join("model.safetensors");
        let saved = models::global_model().save(&path, Storage::F32);
        saved.expect("room for a model");
        (folder, path)
    });
    &FILE.1
}
