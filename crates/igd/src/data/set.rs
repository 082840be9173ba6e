//! A data set: which of its pictures are to train with, and which to test with. The layout is told by what lies in the
//! folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::SetError;
use super::folder::Folders;
use super::packed::{IDX_FILES, Packed, idx_labels};
use super::sample::Sample;
use super::selection::Selection;
use super::test_picture::TestPicture;
use crate::decode::PictureError;

/// The normal pictures to train with, in an order that is always the same. Fails where there are none.
pub fn normal_pictures(folder: &Path, selection: &Selection) -> Result<Vec<Sample>, SetError> {
    match PackedSet::open(folder)? {
        Some(set) => set.training(selection, |label| Some(label) == selection.class),
        None => {
            let paths = Folders::new(folder, selection).normal()?;
            Ok(paths.into_iter().map(Sample::from).collect())
        }
    }
}

/// Anomalous pictures to train with, for studies of how much a model suffers from them.
pub(crate) fn contaminants(folder: &Path, selection: &Selection) -> Result<Vec<Sample>, SetError> {
    match PackedSet::open(folder)? {
        Some(set) => set.training(selection, |label| {
            ![selection.class, selection.rare_class].contains(&Some(label))
        }),
        None => {
            let paths = Folders::new(folder, selection).contaminants()?;
            Ok(paths.into_iter().map(Sample::from).collect())
        }
    }
}

/// The pictures of the rare class to train with. Fails where there are none.
pub(crate) fn rare_pictures(folder: &Path, selection: &Selection) -> Result<Vec<Sample>, SetError> {
    match PackedSet::open(folder)? {
        Some(set) => set.training(selection, |label| Some(label) == selection.rare_class),
        None => Err(SetError::Set {
            path: folder.to_owned(),
            reason: "it is no set of ten classes, of which one could be rare".to_owned(),
        }),
    }
}

/// The pictures to judge a model with, normal and anomalous ones. Fails where there are none.
pub fn test_pictures(folder: &Path, selection: &Selection) -> Result<Vec<TestPicture>, SetError> {
    match PackedSet::open(folder)? {
        Some(set) => set.testing(selection),
        None => Ok(Folders::new(folder, selection).test()?),
    }
}

/// Pictures of ten classes in a few files: MNIST, Fashion-MNIST or CIFAR-10.
struct PackedSet<'a> {
    folder: &'a Path,
    training: Vec<PackedFile>,
    testing: Vec<PackedFile>,
}

/// A file and its pictures' classes.
struct PackedFile {
    file: Arc<Packed>,
    labels: Vec<u8>,
}

const CIFAR_TRAINING: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const CIFAR_TESTING: &str = "test_batch.bin";

impl<'a> PackedSet<'a> {
    /// `None` where the folder is no such set.
    fn open(folder: &'a Path) -> Result<Option<Self>, PictureError> {
        if let Some([training, testing]) = idx_files(folder) {
            return Ok(Some(Self {
                folder,
                training: vec![PackedFile::idx(&training)?],
                testing: vec![PackedFile::idx(&testing)?],
            }));
        }
        if folder.join(CIFAR_TESTING).is_file() {
            let parts = |names: &[&str]| {
                let parts = names
                    .iter()
                    .map(|name| PackedFile::cifar(&folder.join(name)));
                parts.collect::<Result<Vec<_>, _>>()
            };
            return Ok(Some(Self {
                folder,
                training: parts(&CIFAR_TRAINING)?,
                testing: parts(&[CIFAR_TESTING])?,
            }));
        }
        Ok(None)
    }

    fn class(&self, selection: &Selection) -> Result<u8, SetError> {
        selection.class.ok_or_else(|| SetError::Set {
            path: self.folder.to_owned(),
            reason: "it has pictures of several classes: say with --class which one is normal"
                .to_owned(),
        })
    }

    fn training(
        &self,
        selection: &Selection,
        chosen: impl Fn(u8) -> bool,
    ) -> Result<Vec<Sample>, SetError> {
        let class = self.class(selection)?;
        let samples = self.training.iter().flat_map(PackedFile::samples);
        let samples: Vec<_> = samples
            .filter(|&(label, _)| chosen(label))
            .map(|(_, sample)| sample)
            .collect();
        match samples.is_empty() {
            true => Err(SetError::Set {
                path: self.folder.to_owned(),
                reason: format!("it has no pictures of class {class}"),
            }),
            false => Ok(samples),
        }
    }

    fn testing(&self, selection: &Selection) -> Result<Vec<TestPicture>, SetError> {
        let class = self.class(selection)?;
        let judged = selection.rare_class.unwrap_or(class);
        let samples = self.testing.iter().flat_map(PackedFile::samples);
        let samples = samples.filter(|&(label, _)| label == judged || label != class);
        let picture = |(label, sample): (u8, Sample)| TestPicture {
            sample,
            kind: label.to_string(),
            anomalous: label != judged,
            mask: None,
        };
        Ok(samples.map(picture).collect())
    }
}

/// The paths of pictures and labels, of training and testing. Some tools that unpack the files name them with a dot.
fn idx_files(folder: &Path) -> Option<[[PathBuf; 2]; 2]> {
    let file = |name: &str| {
        let other = name.replace("-idx", ".idx");
        let paths = [folder.join(name), folder.join(other)];
        paths.into_iter().find(|path| path.is_file())
    };
    let pair = |[pictures, labels]: [&str; 2]| Some([file(pictures)?, file(labels)?]);
    Some([pair(IDX_FILES[0])?, pair(IDX_FILES[1])?])
}

impl PackedFile {
    fn idx([pictures, labels]: &[PathBuf; 2]) -> Result<Self, PictureError> {
        let file = Packed::idx(pictures)?;
        let labels_found = idx_labels(labels)?;
        if labels_found.len() != file.len() {
            return Err(PictureError::Packed {
                path: labels.clone(),
                reason: format!(
                    "it has {} labels, {} has {} pictures",
                    labels_found.len(),
                    pictures.display(),
                    file.len()
                ),
            });
        }
        Ok(Self {
            file: Arc::new(file),
            labels: labels_found,
        })
    }

    fn cifar(path: &Path) -> Result<Self, PictureError> {
        let (file, labels) = Packed::cifar(path)?;
        Ok(Self {
            file: Arc::new(file),
            labels,
        })
    }

    /// Each picture with its class.
    fn samples(&self) -> impl Iterator<Item = (u8, Sample)> {
        let labels = self.labels.iter().copied().enumerate();
        labels.map(|(index, label)| (label, Sample::Packed(self.file.clone(), index)))
    }
}
