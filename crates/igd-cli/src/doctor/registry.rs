//! What GStreamer knows, and the file that it remembers it in.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::folders::PLUGIN;
use super::{child, elements};

/// The oldest that the plugin works with.
const OLDEST: (u32, u32) = (1, 22);

/// What GStreamer knows, after it looked through its folders.
#[derive(Serialize, Deserialize)]
pub struct Known {
    pub plugin: Option<Plugin>,
    /// Elements of pipelines that it does not have.
    pub missing: Vec<String>,
}

/// What GStreamer knows of the plugin.
#[derive(Serialize, Deserialize)]
pub struct Plugin {
    pub path: PathBuf,
    /// GStreamer could not load it once, and does not try again before the file changes.
    pub blacklisted: bool,
}

pub fn version() -> Finding {
    let (major, minor, micro, _) = gst::version();
    let text = format!("version {major}.{minor}.{micro}");
    if (major, minor) >= OLDEST {
        Finding::ok("GStreamer", text)
    } else {
        Finding::failure(
            "GStreamer",
            format!("{text} is too old: {}.{} is needed", OLDEST.0, OLDEST.1),
            "upgrade to Debian 12, Ubuntu 24.04 or newer",
        )
    }
}

/// Answers in a child process: GStreamer loads plugins itself where it does not find its helper for that.
pub fn know() -> anyhow::Result<Known> {
    gst::init()?;
    let registry = gst::Registry::get();
    let plugins = registry.plugins();
    let plugin = plugins.iter().find_map(|plugin| {
        let path = plugin.filename()?;
        (path.file_name() == Some(OsStr::new(PLUGIN))).then(|| Plugin {
            blacklisted: plugin
                .plugin_flags()
                .contains(gst::PluginFlags::BLACKLISTED),
            path,
        })
    });
    let missing = elements::names().filter(|name| gst::ElementFactory::find(name).is_none());
    Ok(Known {
        plugin,
        missing: missing.map(str::to_owned).collect(),
    })
}

pub fn read() -> Result<Known, Finding> {
    child::ask(["--ask-registry"]).map_err(|reason| {
        Finding::failure(
            "GStreamer",
            format!("does not start: {reason}"),
            format!(
                "{}; if it is the same after that: GST_DEBUG=4 gst-inspect-1.0",
                removal()
            ),
        )
    })
}

/// The command that has GStreamer look anew.
pub fn removal() -> String {
    format!("rm -f {}", file().display())
}

/// Whether GStreamer can remember what it found.
pub fn cache() -> Finding {
    let file = file();
    // GStreamer makes the folders that are missing, and replaces the file. The dot asks for a folder.
    let there = file.ancestors().skip(1).find(|path| path.exists());
    let folder = there.unwrap_or(Path::new("/")).join(".");
    match access(&folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok("registry", file.display().to_string()),
        Err(error) => Finding::warning(
            "registry",
            format!(
                "{} cannot be written ({error}), so that every start looks through all plugins",
                file.display()
            ),
            "export GST_REGISTRY=FILE with a file that you may write, or give yourself that one with chown",
        ),
    }
}

fn file() -> PathBuf {
    let named = ["GST_REGISTRY_1_0", "GST_REGISTRY"]
        .into_iter()
        .find_map(env::var_os);
    named.map_or_else(
        || glib::user_cache_dir().join(format!("gstreamer-1.0/registry.{}.bin", env::consts::ARCH)),
        PathBuf::from,
    )
}
