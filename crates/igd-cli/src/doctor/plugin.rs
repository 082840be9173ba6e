//! The plugin: where it is, whether it loads, and whether GStreamer knows it.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use gstigd::VERSION;
use walkdir::WalkDir;

use super::finding::Finding;
use super::folders::{PLUGIN, folders, setting};
use super::library::{Description, diagnose};
use super::registry::{self, removal};

const SUBJECT: &str = "plugin";
/// GStreamer does not go deeper.
const DEEPEST: usize = 10;

/// Beside what GStreamer knows of it.
pub fn check(known: Option<&registry::Plugin>) -> Vec<Finding> {
    let copies = copies();
    let Some(used) = known.map(|known| &known.path).or(copies.first()) else {
        return vec![nowhere()];
    };
    let (description, mut findings) = check_file(used);
    findings.extend(check_registry(known, description.is_some()));
    findings.extend(description.and_then(|description| check_version(used, &description)));
    findings.extend(check_copies(used, &copies));
    findings
}

/// Where GStreamer does not start.
pub fn check_files() -> Vec<Finding> {
    let copies = copies();
    copies
        .first()
        .map_or_else(|| vec![nowhere()], |used| check_file(used).1)
}

fn check_file(file: &Path) -> (Option<Description>, Vec<Finding>) {
    let path = file.display();
    match diagnose(file) {
        Ok(description) => {
            let text = format!("{path} loads, version {}", description.version);
            (Some(description), vec![Finding::ok(SUBJECT, text)])
        }
        Err(faults) => {
            let findings = faults
                .into_iter()
                .map(|fault| {
                    let text = format!("{path} does not load: {}", fault.reason);
                    Finding::failure(SUBJECT, text, fault.cure)
                })
                .collect();
            (None, findings)
        }
    }
}

fn check_registry(known: Option<&registry::Plugin>, loads: bool) -> Option<Finding> {
    match (known, loads) {
        (Some(known), true) if known.blacklisted => Some(Finding::failure(
            SUBJECT,
            "it loads now, but GStreamer remembers that it once did not, and has it blacklisted until the file changes",
            removal(),
        )),
        (Some(known), false) if known.blacklisted => Some(Finding::failure(
            SUBJECT,
            "so GStreamer has it blacklisted, and does not look again before the file changes",
            format!("after the above: {}", removal()),
        )),
        (None, true) => Some(Finding::failure(
            SUBJECT,
            "GStreamer does not know it, though it is in one of its folders",
            format!("unset GST_REGISTRY_UPDATE; {}", removal()),
        )),
        _ => None,
    }
}

fn check_version(file: &Path, description: &Description) -> Option<Finding> {
    (description.version != VERSION).then(|| {
        Finding::warning(
            SUBJECT,
            format!(
                "its version is {}, and that of this igd is {VERSION}",
                description.version
            ),
            format!(
                "build both anew: cargo build --release; or remove the older: rm {}",
                file.display()
            ),
        )
    })
}

/// Which of several wins depends on the order of the folders.
fn check_copies(used: &Path, copies: &[PathBuf]) -> Vec<Finding> {
    let contents = fs::read(used).ok();
    let others = copies
        .iter()
        .filter(|copy| *copy != used && fs::read(copy).ok() != contents);
    others
        .map(|other| {
            Finding::warning(
                SUBJECT,
                format!(
                    "there is another one, {}; GStreamer takes {}",
                    other.display(),
                    used.display()
                ),
                format!(
                    "remove the one that is not wanted, as in rm {}",
                    other.display()
                ),
            )
        })
        .collect()
}

fn nowhere() -> Finding {
    let beside = env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(PathBuf::from))
        .filter(|folder| folder.join(PLUGIN).exists());
    match beside {
        Some(folder) => Finding::failure(
            SUBJECT,
            format!(
                "{PLUGIN} is in {}, beside this program, and GStreamer does not look there",
                folder.display()
            ),
            setting(&folder),
        ),
        None => Finding::failure(
            SUBJECT,
            format!("there is no {PLUGIN} in any of those folders"),
            "install the package, or in the clone: ./setup && cargo build --release && export \
            GST_PLUGIN_PATH=$PWD/target/release",
        ),
    }
}

/// All in the folders that GStreamer looks in, in its order; a file with several names counts once.
fn copies() -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    folders()
        .into_iter()
        .flat_map(|folder| {
            WalkDir::new(folder.path)
                .max_depth(DEEPEST)
                .follow_links(true)
        })
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name() == PLUGIN)
        .filter(|entry| {
            let metadata = fs::metadata(entry.path());
            metadata.is_ok_and(|metadata| seen.insert((metadata.dev(), metadata.ino())))
        })
        .map(walkdir::DirEntry::into_path)
        .collect()
}
