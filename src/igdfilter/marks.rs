//! Pictures that a user says are good or defective, for `igd feedback`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use igd::data::Picture;
use igd::files::write_png;

/// Each folder has at most so many: more teach no more, and a disk is not to be filled.
const MOST: usize = 1000;

/// The picture that was judged last, as the model saw it.
#[derive(Clone, Debug, Default)]
pub struct JudgedPicture {
    /// Planar R, G, B with values in 0..=255; empty before the first.
    pub rgb: Vec<f32>,
    /// Width and height.
    pub size: (usize, usize),
    /// What it has scored.
    pub score: f32,
    /// No other picture has it.
    name: String,
}

impl JudgedPicture {
    /// Takes a picture over, and leaves the memory of the one before for it.
    pub fn take(&mut self, rgb: &mut Vec<f32>, size: (usize, usize), score: f32) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        std::mem::swap(&mut self.rgb, rgb);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let milliseconds = now.map_or(0, |now| now.as_millis());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        use std::fmt::Write;
        self.name.clear();
        // Writing to a text does not fail.
        let _ = write!(self.name, "{milliseconds}-{number}.png");
        (self.size, self.score) = (size, score);
    }

    /// Writes it to the folder `good` or `bad` in `folder`, and takes it out of the other one, should it have been
    /// marked otherwise before. Returns the file.
    pub fn write(&self, folder: &Path, good: bool) -> io::Result<PathBuf> {
        let [here, there] = match good {
            true => ["good", "bad"],
            false => ["bad", "good"],
        };
        let path = folder.join(here).join(&self.name);
        if !path.exists() && pictures(&folder.join(here)) >= MOST {
            return Err(io::Error::other(format!(
                "{} holds {MOST} marked pictures already: run igd feedback, and move some away",
                folder.join(here).display()
            )));
        }
        let picture = Picture::of_planes(&self.rgb, self.size).into_rgb();
        write_png(&path, &picture.into())?;
        match fs::remove_file(folder.join(there).join(&self.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }
}

/// The folder of a model's marks: `part.marks` beside `part.safetensors`.
pub fn folder_of(model: &Path) -> PathBuf {
    model.with_extension("marks")
}

/// How many a folder has.
fn pictures(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| Path::new(&entry.file_name()).extension() == Some(OsStr::new("png")))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(value: f32) -> JudgedPicture {
        let mut judged = JudgedPicture::default();
        let mut rgb = vec![value; 3 * 4 * 2];
        rgb[5] = 300.0;
        judged.take(&mut rgb, (4, 2), 1.5);
        judged
    }

    #[test]
    fn a_picture_is_in_one_folder_as_the_model_saw_it() {
        let folder = tempfile::tempdir().unwrap();
        let judged = judged(99.6);
        let bad = judged.write(folder.path(), false).unwrap();
        let picture = image::open(&bad).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (4, 2));
        assert_eq!(picture.get_pixel(0, 0).0, [100; 3]);
        assert_eq!(picture.get_pixel(1, 1).0, [255, 100, 100]);
        // Marked again, and then otherwise.
        assert_eq!(judged.write(folder.path(), false).unwrap(), bad);
        let good = judged.write(folder.path(), true).unwrap();
        assert!(good.exists() && !bad.exists());
        assert_eq!(pictures(&folder.path().join("good")), 1);
    }

    #[test]
    fn folders_do_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let judged = judged(1.0);
        judged.write(folder.path(), true).unwrap();
        for number in 1..MOST {
            fs::write(folder.path().join(format!("good/{number}.png")), "").unwrap();
        }
        // The one that is there may be written again.
        judged.write(folder.path(), true).unwrap();
        let error = self::judged(2.0).write(folder.path(), true).unwrap_err();
        assert!(
            error.to_string().contains("1000 marked pictures"),
            "{error}"
        );
    }
}
