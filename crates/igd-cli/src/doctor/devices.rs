//! Whether this user may use the cameras and GPUs that the machine has.

use std::fs;
use std::path::PathBuf;

use rustix::fs::{Access, access};

use super::finding::Finding;

/// What names in /dev start with, what it is, and the group that usually may.
const DEVICES: [(&str, &str, &str); 2] = [("video", "camera", "video"), ("nvidia", "GPU", "video")];

pub fn check() -> Vec<Finding> {
    DEVICES
        .into_iter()
        .flat_map(|(prefix, subject, group)| {
            files(prefix).into_iter().map(move |file| {
                let name = file.display();
                match access(&file, Access::READ_OK | Access::WRITE_OK) {
                    Ok(()) => Finding::ok(subject, format!("{name} may be used")),
                    Err(error) => Finding::warning(
                        subject,
                        format!("{name} may not be used: {error}"),
                        format!("sudo usermod -aG {group} $USER, and log in again"),
                    ),
                }
            })
        })
        .collect()
}

/// The devices of a kind, by name; they are numbered.
fn files(prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        })
        .map(|entry| entry.path())
        .collect();
    files.sort_unstable();
    files
}
