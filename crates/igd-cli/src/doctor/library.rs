//! Why a plugin's file does not load.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde::{Deserialize, Serialize};

use super::child;

/// Of a plugin named igd.
const DESCRIPTOR: &[u8] = b"gst_plugin_igd_get_desc\0";
/// By who installed it.
const BUILD: &str = "in the clone: ./setup && cargo build --release; of a package: sudo apt-get install --reinstall \
                    ./gst-igd_*.deb";

/// What a plugin says of itself.
#[derive(Serialize, Deserialize)]
pub struct Description {
    pub version: String,
    /// The GStreamer that it is made for.
    gstreamer: (u32, u32),
}

/// Why it does not load, and what helps.
pub struct Fault {
    pub reason: String,
    pub cure: String,
}

impl Fault {
    fn new(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cure: cure.into(),
        }
    }
}

/// What the plugin says of itself, if GStreamer can load it.
pub fn diagnose(file: &Path) -> Result<Description, Vec<Fault>> {
    File::open(file).map_err(|error| {
        let reason = format!("it cannot be read: {error}");
        vec![Fault::new(reason, format!("chmod a+r {}", file.display()))]
    })?;
    // Before any of it runs. Our own process has libtorch and GStreamer, and the loader would take them for the
    // plugin's.
    let faults = faults_of_loading(&loader_says(file));
    if !faults.is_empty() {
        return Err(faults);
    }
    let description: Description = child::ask([OsStr::new("--ask-library"), file.as_os_str()])
        .map_err(|reason| vec![Fault::new(reason, BUILD)])?;
    let (major, minor) = description.gstreamer;
    let (our_major, our_minor, ..) = gst::version();
    if major == our_major && minor <= our_minor {
        Ok(description)
    } else {
        Err(vec![Fault::new(
            format!(
                "it is made for GStreamer {major}.{minor}, and this is {our_major}.{our_minor}"
            ),
            BUILD,
        )])
    }
}

/// Answers in a child process: the initialisers of the library run.
pub fn describe(file: &Path) -> anyhow::Result<Description> {
    // SAFETY: GStreamer does the same with every file of its folders.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }?;
    // SAFETY: a plugin's function of that name is of this type, and the descriptor is static.
    let descriptor = unsafe {
        library
            .get::<unsafe extern "C" fn() -> *const gst::ffi::GstPluginDesc>(DESCRIPTOR)
            .context("it is no GStreamer plugin named igd")?()
        .as_ref()
        .context("it has no descriptor")?
    };
    // SAFETY: a descriptor's version is a static text.
    let version = unsafe { CStr::from_ptr(descriptor.version) };
    let answer = Description {
        version: version.to_string_lossy().into_owned(),
        gstreamer: (
            u32::try_from(descriptor.major_version)?,
            u32::try_from(descriptor.minor_version)?,
        ),
    };
    // Plugins do not like to be unloaded.
    std::mem::forget(library);
    Ok(answer)
}

/// What the loader says of a library and of all that it needs, without running any of it.
fn loader_says(file: &Path) -> String {
    let said = Command::new("ldd")
        .arg("-r")
        .arg(file)
        .env("LC_ALL", "C")
        .output();
    said.map_or_else(
        |_| String::new(),
        |said| {
            [said.stdout, said.stderr]
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .join("\n")
        },
    )
}

fn faults_of_loading(said: &str) -> Vec<Fault> {
    let lines = || said.lines().map(str::trim);
    if lines().any(|line| line == "not a dynamic executable") {
        return vec![Fault::new("it is damaged or no library", BUILD)];
    }
    let missing: Vec<Fault> = lines()
        .filter_map(|line| line.strip_suffix("=> not found"))
        .map(|library| missing(library.trim()))
        .collect();
    if !missing.is_empty() {
        // Their symbols are missing as well.
        return missing;
    }
    // As in: libc.so.6: version `GLIBC_2.99' not found (required by libgstigd.so)
    let versions =
        lines().filter(|line| line.contains(": version `") && line.contains("not found"));
    let versions: Vec<Fault> = versions
        .map(|line| Fault::new(format!("it was built on a newer system: {line}"), BUILD))
        .collect();
    if !versions.is_empty() {
        return versions;
    }
    let undefined: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("undefined symbol: "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    match undefined[..] {
        [] => Vec::new(),
        [first, ..] => vec![Fault::new(
            format!(
                "undefined symbol {first} ({} in all): its libraries are of another version than it was built with",
                undefined.len()
            ),
            BUILD,
        )],
    }
}

fn missing(library: &str) -> Fault {
    let cure = if library.starts_with("libtorch") || library.starts_with("libc10") {
        format!("{BUILD}; or name the folder of libtorch 2.11: export LD_LIBRARY_PATH=DIR")
    } else {
        match package_of(library) {
            Some(package) => format!("sudo apt-get install {package}"),
            None => {
                format!("install the package that has it; `apt-file search {library}` tells which")
            }
        }
    };
    Fault::new(format!("it needs {library}, which is not found"), cure)
}

/// The Debian package of what the plugin itself is linked to.
fn package_of(library: &str) -> Option<&'static str> {
    match library.split(".so").next()? {
        "libgstreamer-1.0" | "libgstbase-1.0" => Some("libgstreamer1.0-0"),
        "libgstvideo-1.0" | "libgstapp-1.0" => Some("libgstreamer-plugins-base1.0-0"),
        "libglib-2.0" | "libgobject-2.0" => Some("libglib2.0-0"),
        "libstdc++" => Some("libstdc++6"),
        "libgomp" => Some("libgomp1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_says_is_understood() {
        let reasons = |said: &str| -> Vec<String> {
            faults_of_loading(said)
                .into_iter()
                .map(|fault| fault.reason)
                .collect()
        };
        assert_eq!(
            reasons("\tnot a dynamic executable\n"),
            ["it is damaged or no library"]
        );
        assert!(reasons("\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n").is_empty());
        assert_eq!(
            reasons("\tlibtorch_cpu.so => not found\nundefined symbol: igd\t(./libgstigd.so)\n"),
            ["it needs libtorch_cpu.so, which is not found"]
        );
        assert_eq!(
            reasons(
                "./libgstigd.so: /lib/libc.so.6: version `GLIBC_2.99' not found (required by ./libgstigd.so)"
            ),
            [
                "it was built on a newer system: ./libgstigd.so: /lib/libc.so.6: version `GLIBC_2.99' not found \
                (required by ./libgstigd.so)"
            ]
        );
    }
}
