//! The files of parts' pictures.

use std::fs;
use std::io;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::{Path, PathBuf};

use igd::encode;
use image::{GrayImage, ImageError, RgbImage};
use jiff::Timestamp;
use uuid::Uuid;

/// The pictures of a part.
pub struct Pictures {
    /// The whole frame, for people.
    pub frame: RgbImage,
    /// What was inspected, at the size that the model sees: what marks teach.
    pub seen: RgbImage,
    /// The map, 128 at the threshold.
    pub map: GrayImage,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// JPEG
    Frame,
    /// PNG
    Seen,
    /// PNG
    Map,
}

impl PictureKind {
    pub(super) const ALL: [Self; 3] = [Self::Frame, Self::Seen, Self::Map];

    /// What follows the part's id in a file's name.
    const fn ending(self) -> &'static str {
        match self {
            Self::Frame => ".jpg",
            Self::Seen => ".seen.png",
            Self::Map => ".map.png",
        }
    }
}

const QUALITY: u8 = 85;

/// The contents of a part's files, in the order of [`PictureKind::ALL`].
pub(super) struct Encoded([Vec<u8>; 3]);

impl Encoded {
    pub fn of(pictures: &Pictures) -> Result<Self, ImageError> {
        Ok(Self([
            encode::jpeg(&pictures.frame, QUALITY)?,
            encode::png(&pictures.seen)?,
            encode::gray_png(&pictures.map)?,
        ]))
    }

    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|file| file.len() as u64).sum()
    }
}

/// The folder of all pictures, with one of each day (UTC).
pub(super) struct Files {
    folder: PathBuf,
}

/// A file that is there.
pub(super) struct Found {
    pub path: PathBuf,
    pub bytes: u64,
    /// Whose it is; `None`: of a writer that was killed.
    pub of: Option<(Uuid, PictureKind)>,
}

impl Files {
    /// Below the line's folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join("pictures"),
        }
    }

    pub fn path(&self, time: Timestamp, id: Uuid, kind: PictureKind) -> PathBuf {
        let day = time.strftime("%Y-%m-%d").to_string();
        self.folder.join(day).join(format!("{id}{}", kind.ending()))
    }

    pub fn write(&self, time: Timestamp, id: Uuid, files: &Encoded) -> io::Result<()> {
        for (kind, bytes) in PictureKind::ALL.into_iter().zip(&files.0) {
            igd::files::write_atomically(&self.path(time, id, kind), bytes)?;
        }
        Ok(())
    }

    /// Removes those of a part, whether all of them are there or not. The error is of the first that cannot be.
    pub fn remove(&self, time: Timestamp, id: Uuid) -> io::Result<()> {
        let removed = PictureKind::ALL.map(|kind| remove(&self.path(time, id, kind)));
        removed.into_iter().collect()
    }

    /// All that the store has written or begun to write; files of others are none of it.
    pub fn found(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for day in self.days()? {
            for entry in fs::read_dir(day)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let of = PictureKind::ALL.into_iter().find_map(|kind| {
                    let id = name.strip_suffix(kind.ending())?.parse().ok()?;
                    Some((id, kind))
                });
                if of.is_some() || name.starts_with(".igd-") {
                    found.push(Found {
                        path: entry.path(),
                        bytes: entry.metadata()?.len(),
                        of,
                    });
                }
            }
        }
        Ok(found)
    }

    /// Removes the folders of days before this one that nothing is in any more.
    pub fn remove_empty_days(&self, before: Timestamp) {
        let before = before.strftime("%Y-%m-%d").to_string();
        for day in self.days().unwrap_or_default() {
            if day.file_name().is_some_and(|name| *name < *before.as_str()) {
                // The system refuses where there is something in it.
                let _ = fs::remove_dir(day);
            }
        }
    }

    fn days(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut days = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                days.push(path);
            }
        }
        Ok(days)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(()),
        removed => removed,
    }
}
