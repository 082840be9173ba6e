//! Where GStreamer looks for plugins.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use igd::libtorch::loaded_from;

use super::finding::Finding;

/// The plugin's file.
pub const PLUGIN: &str = "libgstigd.so";
const SUBJECT: &str = "plugin path";

/// A folder that GStreamer looks for plugins in, and who says so.
pub struct Folder {
    pub path: PathBuf,
    pub named_by: Option<&'static str>,
}

/// In the order in which GStreamer looks; the first plugin of a name wins.
pub fn folders() -> Vec<Folder> {
    let mut folders = Vec::new();
    if let Some((name, value)) = variable(["GST_PLUGIN_PATH_1_0", "GST_PLUGIN_PATH"]) {
        folders.extend(split(name, &value));
    }
    match variable(["GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH"]) {
        Some((name, value)) => folders.extend(split(name, &value)),
        None => {
            let users = glib::user_data_dir().join("gstreamer-1.0/plugins");
            // Beside the library itself, which need not be where this program was built.
            let systems = loaded_from("libgstreamer-1.0.so")
                .map(|library| library.with_file_name("gstreamer-1.0"));
            folders.extend([users].into_iter().chain(systems).map(|path| Folder {
                path,
                named_by: None,
            }));
        }
    }
    folders
}

/// The setting that has GStreamer look in one more folder.
pub fn setting(folder: &Path) -> String {
    let name = match variable(["GST_PLUGIN_PATH_1_0"]) {
        Some((name, _)) => name,
        None => "GST_PLUGIN_PATH",
    };
    let others = match env::var_os(name) {
        Some(others) if !others.is_empty() => format!(":${name}"),
        _ => String::new(),
    };
    format!("export {name}={}{others}", folder.display())
}

pub fn check() -> Vec<Finding> {
    let findings = folders().into_iter().filter_map(|folder| {
        let path = folder.path.display();
        match folder.named_by {
            Some(name) if folder.path.is_dir() => {
                Some(Finding::ok(SUBJECT, format!("{path} ({name})")))
            }
            Some(name) => Some(Finding::warning(
                SUBJECT,
                format!("{path} is in {name}, and is no folder"),
                format!("take it out of {name}, or put the folder there that was meant"),
            )),
            None => folder
                .path
                .is_dir()
                .then(|| Finding::ok(SUBJECT, format!("{path} (default)"))),
        }
    });
    findings.collect()
}

/// The first of these variables that is set: the one with the version hides the other, also where it is empty.
fn variable<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, OsString)> {
    let mut set = names
        .into_iter()
        .filter_map(|name| Some((name, env::var_os(name)?)));
    set.next()
}

fn split(name: &'static str, value: &OsString) -> impl Iterator<Item = Folder> {
    let paths: Vec<PathBuf> = env::split_paths(value)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    paths.into_iter().map(move |path| Folder {
        path,
        named_by: Some(name),
    })
}
