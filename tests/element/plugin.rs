//! The plugin's file, for programs that load it by themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, fs};

use tempfile::TempDir;

/// A program that finds the plugin, and is ended after two minutes.
pub fn program(program: impl AsRef<Path>) -> Command {
    within(120, program)
}

/// The same with so many seconds.
pub fn within(seconds: u32, program: impl AsRef<Path>) -> Command {
    let mut command = unlimited("timeout");
    command.arg(seconds.to_string()).arg(program.as_ref());
    command
}

/// The same without an end, for one that is to be killed itself.
pub fn unlimited(program: impl AsRef<Path>) -> Command {
    let home = home();
    let mut command = Command::new(program.as_ref());
    command
        .env("GST_PLUGIN_PATH", home.join("plugins"))
        .env("GST_REGISTRY_1_0", home.join("registry"))
        .env("G_DEBUG", "fatal_warnings")
        // Other tests run beside it: two threads that wait for each other would take the time of both.
        .env("OMP_NUM_THREADS", "1")
        .env_remove("IGD_MODEL");
    command
}

/// A folder with the plugin and GStreamer's registry, which takes seconds to make: once for all tests of this program.
fn home() -> &'static Path {
    static HOME: OnceLock<TempDir> = OnceLock::new();
    let home = HOME.get_or_init(|| {
        // On the disk of the plugin, so that it can be linked.
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        install(&home.path().join("plugins"));
        good(
            Command::new("gst-inspect-1.0")
                .arg("igdfilter")
                .env("GST_PLUGIN_PATH", home.path().join("plugins"))
                .env("GST_REGISTRY_1_0", home.path().join("registry")),
        );
        home
    });
    home.path()
}

/// The output of a program that has to end well.
#[track_caller]
pub fn good(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{errors}");
    String::from_utf8(stdout).unwrap()
}

fn install(plugins: &Path) {
    fs::create_dir(plugins).unwrap();
    let plugin = built();
    let installed = plugins.join(plugin.file_name().unwrap());
    fs::hard_link(&plugin, &installed)
        .or_else(|_| fs::copy(&plugin, &installed).map(drop))
        .unwrap();
}

/// The plugin that cargo has built beside this test.
fn built() -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let name = format!(
        "{}gstigd{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    );
    // `cargo build` leaves a second one above; it may be older.
    let newest = [folder, folder.parent().unwrap()]
        .map(|folder| folder.join(&name))
        .into_iter()
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .max();
    newest.expect("cargo builds the plugin before its tests").1
}
