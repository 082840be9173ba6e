//! Folders of pictures: the layout of MVTec AD, or a plain folder of good parts.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names of files that are taken for pictures.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];
/// The name of normal pictures: of their folder, in `train` and in `test`.
pub const GOOD: &str = "good";

/// Why a folder cannot be used; says what was looked for.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{path}: {cause}", path = .path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{path}: no pictures (looked for {looked_for} with .png, .jpg, .bmp or .tif files)", path = .path.display())]
    Empty { path: PathBuf, looked_for: String },
}

/// A picture to judge a model with.
#[derive(Clone, Debug, PartialEq)]
pub struct TestPicture {
    pub path: PathBuf,
    /// The folder it lies in: `good` or the kind of defect.
    pub kind: String,
    pub anomalous: bool,
}

/// The normal pictures of `folder`, sorted by name: those of `train/good` or `good` if there are such folders, else its own.
pub fn normal_pictures(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let candidates = [folder.join("train").join(GOOD), folder.join(GOOD)];
    let chosen = candidates
        .iter()
        .find(|candidate| candidate.is_dir())
        .map_or(folder, PathBuf::as_path);
    let pictures = pictures_in(chosen)?;
    if pictures.is_empty() {
        return Err(FolderError::Empty {
            path: folder.to_owned(),
            looked_for: "train/good, good or the folder itself".to_owned(),
        });
    }
    Ok(pictures)
}

/// The pictures of each folder in `test`, sorted by name.
pub fn test_pictures(folder: &Path) -> Result<Vec<TestPicture>, FolderError> {
    let mut pictures = Vec::new();
    for kind_folder in sorted_entries(&folder.join("test"))? {
        if !kind_folder.is_dir() {
            continue;
        }
        let kind = file_name(&kind_folder);
        let anomalous = kind != GOOD;
        pictures.extend(
            pictures_in(&kind_folder)?
                .into_iter()
                .map(|path| TestPicture {
                    path,
                    kind: kind.clone(),
                    anomalous,
                }),
        );
    }
    if pictures.is_empty() {
        return Err(FolderError::Empty {
            path: folder.to_owned(),
            looked_for: "folders in test, such as test/good and test/scratch,".to_owned(),
        });
    }
    Ok(pictures)
}

/// The picture files right in `folder`, sorted by name.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut pictures = sorted_entries(folder)?;
    pictures.retain(|path| is_picture(path));
    Ok(pictures)
}

/// Whether there is a file that is named as a picture.
pub fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    }) && path.is_file()
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut entries = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    };
    list().map_err(|cause| FolderError::Io {
        path: folder.to_owned(),
        cause,
    })
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The file beside `test` that sorts pictures into groups, such as types of cell, to look at one by one: a line
/// `file name,group` a picture.
pub const GROUPS: &str = "groups.csv";

/// The group of each picture by its file name; empty where the data set has none.
pub fn group_of(folder: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(folder.join(GROUPS)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(','))
        .map(|(name, group)| (name.to_owned(), group.trim().to_owned()))
        .collect()
}
