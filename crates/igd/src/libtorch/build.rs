//! Which libtorch this process has.

use std::ffi::{CStr, OsStr, c_char};
use std::fs;
use std::path::{Path, PathBuf};

unsafe extern "C" {
    fn igd_libtorch_configuration() -> *const c_char;
}

/// The version of the libtorch of this process, as `2.11.0`: the one that was loaded, whichever the build was made
/// with. `None` where it does not tell.
pub fn version() -> Option<String> {
    // SAFETY: the text is static and ends with a zero.
    let configuration = unsafe { CStr::from_ptr(igd_libtorch_configuration()) };
    let configuration = configuration.to_string_lossy();
    let (_, rest) = configuration.split_once("TORCH_VERSION=")?;
    let end = rest.find([',', '+', ' ', '\n']).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// The file that a library of this process was loaded from. `library` is its name without the version, such as
/// `libtorch_cpu.so`. `None` where it is not loaded.
pub fn loaded_from(library: &str) -> Option<PathBuf> {
    // Its last column are paths, which are the only part with slashes.
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines()
        .filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])))
        .find(|path| {
            // Versions follow the name that a library is loaded by: libgstreamer-1.0.so.0 is
            // libgstreamer-1.0.so.0.2200.0.
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            name.strip_prefix(library)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_tch_is_made_for() {
        assert!(version().unwrap().starts_with("2.11."));
    }

    #[test]
    fn libtorch_is_found_where_it_was_loaded_from() {
        // Something of it, or nothing would need it.
        assert_eq!(tch::Tensor::from(1.0).numel(), 1);
        let file = loaded_from("libtorch_cpu.so").unwrap();
        assert!(
            file.with_file_name("libc10.so").exists(),
            "{}",
            file.display()
        );
        assert!(loaded_from("libstdc++.so").is_some());
        assert_eq!(loaded_from("libtorch_gpu.so"), None);
    }
}
