//! A test set of synthetic defects, in the layout of MVTec AD.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use image::{DynamicImage, RgbImage};
use rayon::prelude::*;
use serde::Serialize;

use super::{DefectKind, SMALLEST_SIDE};
use crate::data::elpv::LICENCE_FILE;
use crate::data::error::FolderError;
use crate::data::error::SetError;
use crate::data::folder::GROUND_TRUTH;
use crate::data::sample::Sample;
use crate::data::selection::GOOD;
use crate::data::selection::Selection;
use crate::data::set::{normal_pictures, test_pictures};
use crate::decode::PictureError;
use crate::files::{advised, write_atomically, write_png};

/// What is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kinds of defects.
    pub kinds: Vec<DefectKind>,
    /// Pictures of each kind.
    pub count: usize,
    /// Each picture depends on it, on its kind and its number alone.
    pub seed: u64,
}

/// Which good pictures the defects are drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Those for testing, which no model of the same data set is trained on.
    Testing,
    /// All of them; there is no test set.
    All,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// What the defects are drawn on.
    pub source: Source,
    /// Pictures in `test/good`.
    pub good: usize,
    /// Pictures with a defect, of all kinds.
    pub defective: usize,
}

/// Why no test set could be made.
#[derive(Debug, thiserror::Error)]
pub enum SyntheticError {
    /// The data set cannot be used.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A picture has no room for a defect.
    #[error(
        "{picture}: it is {width}x{height}, at least {SMALLEST_SIDE}x{SMALLEST_SIDE} are needed"
    )]
    Small {
        /// Its name.
        picture: String,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Nothing is written over.
    #[error("{path}: there is a test set already: delete it, or name another folder", path = .path.display())]
    Exists {
        /// The folder `test`.
        path: PathBuf,
    },
    /// A folder or file cannot be written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// Writes `test/good`, `test/<kind>` and `ground_truth/<kind>` to `out`, made from the good pictures of the data set in
/// `from`. Needs a folder that has no `test` yet.
pub fn write(
    from: &Path,
    selection: &Selection,
    out: &Path,
    options: &Options,
) -> Result<Counts, SyntheticError> {
    let test = out.join("test");
    if test.exists() {
        return Err(SyntheticError::Exists { path: test });
    }
    let (source, good) = good_pictures(from, selection)?;
    let folders = |kind: &str| [test.join(kind), out.join(GROUND_TRUTH).join(kind)];
    make(&test.join(GOOD))?;
    (0..good.len()).into_par_iter().try_for_each(|number| {
        let picture = open(&good[number])?;
        save(&picture.into(), &test.join(GOOD).join(name(number, "")))
    })?;
    for &kind in &options.kinds {
        let [pictures, masks] = folders(kind.name());
        make(&pictures)?;
        make(&masks)?;
        let mut rng = Rng::with_seed(options.seed ^ (kind as u64) << 32);
        let draws: Vec<Rng> = (0..options.count).map(|_| rng.fork()).collect();
        draws
            .into_par_iter()
            .enumerate()
            .try_for_each(|(number, mut rng)| {
                let mut any = || open(&good[rng.usize(..good.len())]);
                let (picture, other) = (any()?, any()?);
                let (picture, mask) = kind.draw(&picture, &other, &mut rng);
                save(&picture.into(), &pictures.join(name(number, "")))?;
                save(&mask.into(), &masks.join(name(number, "_mask")))
            })?;
    }
    let licence = from.join(LICENCE_FILE);
    if licence.is_file() {
        let copy = out.join(LICENCE_FILE);
        let text = fs::read(&licence).map_err(io_error(&licence))?;
        write_atomically(&copy, &text).map_err(io_error(&copy))?;
    }
    Ok(Counts {
        source,
        good: good.len(),
        defective: options.kinds.len() * options.count,
    })
}

/// Those of the test set where there are such, else those to train with.
fn good_pictures(folder: &Path, selection: &Selection) -> Result<(Source, Vec<Sample>), SetError> {
    let mut testing = match test_pictures(folder, selection) {
        Err(SetError::Folder(FolderError::Empty { .. })) => Vec::new(),
        pictures => pictures?,
    };
    testing.retain(|picture| !picture.anomalous);
    Ok(match testing.is_empty() {
        true => (Source::All, normal_pictures(folder, selection)?),
        false => {
            let samples = testing.into_iter().map(|picture| picture.sample);
            (Source::Testing, samples.collect())
        }
    })
}

fn open(sample: &Sample) -> Result<RgbImage, SyntheticError> {
    let picture = sample.open()?;
    let (width, height) = picture.size();
    if width.min(height) < SMALLEST_SIDE {
        return Err(SyntheticError::Small {
            picture: sample.to_string(),
            width,
            height,
        });
    }
    Ok(picture.into_rgb())
}

fn make(folder: &Path) -> Result<(), SyntheticError> {
    fs::create_dir_all(folder)
        .map_err(advised)
        .map_err(io_error(folder))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> SyntheticError {
    let path = path.to_owned();
    move |cause| SyntheticError::Io { path, cause }
}

fn save(picture: &DynamicImage, path: &Path) -> Result<(), SyntheticError> {
    write_png(path, picture).map_err(io_error(path))
}

fn name(number: usize, what: &str) -> String {
    format!("{number:03}{what}.png")
}
