//! Folders of pictures: the layout of MVTec AD, folders of normal and of anomalous pictures, or a plain folder of good
//! parts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FolderError;
use super::selection::{GOOD, Selection, draw};
use super::test_picture::TestPicture;

/// Names of files that are taken for pictures.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

/// A folder's pictures in the layouts of MVTec AD, of folders by name, or of good parts alone.
pub struct Folders<'a> {
    root: &'a Path,
    selection: &'a Selection,
}

/// Folders that hold a test set's masks.
pub const GROUND_TRUTH: &str = "ground_truth";

impl<'a> Folders<'a> {
    pub fn new(root: &'a Path, selection: &'a Selection) -> Self {
        Self { root, selection }
    }

    /// The normal pictures to train with, sorted by name: those of `train`, or of a folder with a normal name beside
    /// the others (less those that are drawn for testing), else the folder's own.
    pub fn normal(&self) -> Result<Vec<PathBuf>, FolderError> {
        let train = self.root.join("train");
        let pictures = if train.is_dir() {
            self.of_names(&train, &self.selection.normal)?
        } else if self.is_to_be_split() {
            self.split()?.0
        } else {
            let named = self.of_names(self.root, &self.selection.normal)?;
            match named.is_empty() {
                true => pictures_in(self.root)?,
                false => named,
            }
        };
        let looked_for = || {
            let names = self.selection.normal.join(" or ");
            format!("{names}, in train or beside each other, or pictures in the folder itself")
        };
        self.some(pictures, looked_for)
    }

    /// The pictures to judge a model with, by kind and name: those of the folders in `test`, else all that are not for
    /// training.
    pub fn test(&self) -> Result<Vec<TestPicture>, FolderError> {
        let test = self.root.join("test");
        let mut pictures = Vec::new();
        if test.is_dir() {
            for folder in sorted_entries(&test)? {
                let kind = file_name(&folder);
                if folder.is_dir() && (self.is_normal(&kind) || self.is_abnormal(&kind)) {
                    pictures.extend(self.of_kind(&kind, pictures_in(&folder)?));
                }
            }
        } else {
            let entries = sorted_entries(self.root)?;
            if self.is_to_be_split() {
                for folder in entries {
                    let kind = file_name(&folder);
                    if folder.is_dir() && self.selection.abnormal.contains(&kind) {
                        pictures.extend(self.of_kind(&kind, pictures_in(&folder)?));
                    }
                }
                let kind = self.selection.normal.first().map_or(GOOD, String::as_str);
                pictures.extend(self.of_kind(kind, self.split()?.1));
            }
        }
        self.some(pictures, || {
            "folders in test, such as test/good and test/scratch, or folders named as --normal and --abnormal say"
                .to_owned()
        })
    }

    /// Anomalous pictures that are for training: in `train`, in folders with no normal name.
    pub fn contaminants(&self) -> Result<Vec<PathBuf>, FolderError> {
        let train = self.root.join("train");
        let mut pictures = Vec::new();
        for folder in sorted_entries(&train)? {
            if folder.is_dir() && self.is_abnormal(&file_name(&folder)) {
                pictures.extend(pictures_in(&folder)?);
            }
        }
        self.some(pictures, || {
            "anomalous pictures to train with, in folders such as train/scratch".to_owned()
        })
    }

    fn is_normal(&self, name: &str) -> bool {
        self.selection.normal.iter().any(|normal| normal == name)
    }

    fn is_abnormal(&self, name: &str) -> bool {
        let abnormal = &self.selection.abnormal;
        let is_named = abnormal.iter().any(|abnormal| abnormal == name);
        !self.is_normal(name) && (is_named || !self.selection.only_named)
    }

    /// Whether normal and anomalous pictures lie beside each other, without a division into training and testing.
    fn is_to_be_split(&self) -> bool {
        let is_there = |name: &String| self.root.join(name).is_dir();
        !self.root.join("test").is_dir()
            && !self.root.join("train").is_dir()
            && self.selection.normal.iter().any(is_there)
            && self.selection.abnormal.iter().any(is_there)
    }

    /// The normal pictures, divided by lot: (training, testing), each sorted by name.
    fn split(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), FolderError> {
        let pictures = self.of_names(self.root, &self.selection.normal)?;
        let for_test = (pictures.len() as f64 * self.selection.test_share).round() as usize;
        let (testing, training) = draw(pictures, for_test, self.selection.seed);
        Ok((training, testing))
    }

    fn of_names(&self, folder: &Path, names: &[String]) -> Result<Vec<PathBuf>, FolderError> {
        let mut pictures = Vec::new();
        for folder in names.iter().map(|name| folder.join(name)) {
            if folder.is_dir() {
                pictures.extend(pictures_in(&folder)?);
            }
        }
        Ok(pictures)
    }

    fn of_kind<'b>(
        &'b self,
        kind: &'b str,
        paths: Vec<PathBuf>,
    ) -> impl Iterator<Item = TestPicture> + 'b {
        let anomalous = !self.is_normal(kind);
        let masks = match anomalous {
            true => self.masks(kind),
            false => HashMap::new(),
        };
        paths.into_iter().map(move |path| TestPicture {
            mask: mask_of(&path, &masks),
            sample: path.into(),
            kind: kind.to_owned(),
            anomalous,
        })
    }

    /// The masks of a kind's pictures, by what their files are called: any kind of picture file.
    fn masks(&self, kind: &str) -> HashMap<OsString, PathBuf> {
        // A folder that is not there has none.
        let masks = pictures_in(&self.root.join(GROUND_TRUTH).join(kind)).unwrap_or_default();
        let by_stem = |path: PathBuf| Some((path.file_stem()?.to_owned(), path));
        masks.into_iter().filter_map(by_stem).collect()
    }

    fn some<T>(
        &self,
        pictures: Vec<T>,
        looked_for: impl FnOnce() -> String,
    ) -> Result<Vec<T>, FolderError> {
        match pictures.is_empty() {
            true => Err(FolderError::Empty {
                path: self.root.to_owned(),
                looked_for: looked_for(),
            }),
            false => Ok(pictures),
        }
    }
}

/// The mask of a picture: MVTec's `name_mask`, or one of the same name.
fn mask_of(picture: &Path, masks: &HashMap<OsString, PathBuf>) -> Option<PathBuf> {
    let stem = picture.file_stem()?;
    let mut name = stem.to_owned();
    name.push("_mask");
    masks.get(&name).or_else(|| masks.get(stem)).cloned()
}

/// The picture files right in `folder`, sorted by name, but for hidden ones: those with the endings of PNG, JPEG, BMP
/// and TIFF.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut pictures = sorted_entries(folder)?;
    pictures.retain(|path| is_picture(path) && !is_hidden(path));
    Ok(pictures)
}

/// The picture files in `folder` and all folders below it, sorted by name, but for hidden ones.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut pictures = Vec::new();
    for path in sorted_entries(folder)? {
        if is_hidden(&path) {
            continue;
        }
        // A link to a folder may lead back up.
        if path.is_dir() && !path.is_symlink() {
            pictures.extend(pictures_below(&path)?);
        } else if is_picture(&path) {
            pictures.push(path);
        }
    }
    Ok(pictures)
}

/// What systems leave beside pictures: `._x.png` of macOS, its folder in archives, thumbnails.
fn is_hidden(path: &Path) -> bool {
    let name = file_name(path);
    name.starts_with('.') || name == "__MACOSX"
}

/// Whether `path` is a file that is named as a picture.
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

/// The group of each picture by its file name, such as its type of cell, as the data set's file `groups.csv` tells it:
/// lines of `file name,group`. Empty where there is no such file.
pub fn group_of(folder: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(folder.join(GROUPS)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(','))
        .map(|(name, group)| (name.to_owned(), group.trim().to_owned()))
        .collect()
}
