//! What is to be predicted, and where each picture's files go: never over a picture that was given, and no two to one
//! place.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::bail;
use igd::data::{is_picture, pictures_below};

/// Something that was given, or lies below a folder that was.
pub enum Input {
    Picture(PicturePlan),
    Video(VideoPlan),
}

impl Input {
    pub fn path(&self) -> &Path {
        match self {
            Self::Picture(picture) => &picture.path,
            Self::Video(video) => &video.path,
        }
    }
}

/// A video, and which part of it, as shares of its duration.
pub struct VideoPlan {
    pub path: PathBuf,
    pub part: Range<f64>,
}

impl VideoPlan {
    pub fn whole(path: PathBuf) -> Self {
        Self {
            path,
            part: 0.0..1.0,
        }
    }

    pub fn is_whole(&self) -> bool {
        self.part == (0.0..1.0)
    }
}

/// A picture, and the files that are made of it.
pub struct PicturePlan {
    pub path: PathBuf,
    pub map: Option<PathBuf>,
    pub overlay: Option<PathBuf>,
}

/// A picture by its path, and by what it is called below the folder that was given.
struct Found {
    path: PathBuf,
    name: PathBuf,
}

/// All inputs in their order.
pub fn plan(
    inputs: &[PathBuf],
    maps: Option<&Path>,
    overlays: Option<&Path>,
) -> anyhow::Result<Vec<Input>> {
    let found = inputs
        .iter()
        .map(|input| Ok((input, pictures_of(input)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let pictures: Vec<&Found> = found
        .iter()
        .filter_map(|(_, found)| found.as_ref())
        .flatten()
        .collect();
    // Where nothing is written, nothing is looked up.
    let writes = maps.or(overlays).is_some();
    let mut outputs = Outputs::new(if writes { &pictures } else { &[] });
    let mut plan = Vec::new();
    for (input, found) in &found {
        let Some(found) = found else {
            plan.push(Input::Video(VideoPlan::whole(input.to_path_buf())));
            continue;
        };
        for picture in found {
            let mut place = |folder: Option<&Path>, extension| {
                let folder = folder.map(|folder| outputs.place(folder, picture, extension));
                folder.transpose()
            };
            plan.push(Input::Picture(PicturePlan {
                path: picture.path.clone(),
                map: place(maps, "npy")?,
                overlay: place(overlays, "png")?,
            }));
        }
    }
    Ok(plan)
}

/// The pictures that an input stands for; `None` where it is a video.
fn pictures_of(input: &Path) -> anyhow::Result<Option<Vec<Found>>> {
    if input.is_dir() {
        let paths = pictures_below(input)?;
        if paths.is_empty() {
            bail!("{}: no pictures in it", input.display());
        }
        let found = |path: PathBuf| Found {
            name: path.strip_prefix(input).unwrap_or(&path).to_owned(),
            path,
        };
        return Ok(Some(paths.into_iter().map(found).collect()));
    }
    Ok(is_picture(input).then(|| {
        vec![Found {
            name: input.file_name().unwrap_or_default().into(),
            path: input.to_owned(),
        }]
    }))
}

/// Where files go.
struct Outputs {
    /// The pictures, so that none is written over.
    inputs: HashSet<PathBuf>,
    /// How many pictures there are of a name without its extension.
    stems: HashMap<PathBuf, usize>,
    /// The files so far, and what they are made of.
    taken: HashMap<PathBuf, PathBuf>,
}

impl Outputs {
    fn new(pictures: &[&Found]) -> Self {
        let mut stems = HashMap::new();
        for picture in pictures {
            *stems.entry(picture.name.with_extension("")).or_default() += 1;
        }
        Self {
            inputs: pictures
                .iter()
                .filter_map(|picture| picture.path.canonicalize().ok())
                .collect(),
            stems,
            taken: HashMap::new(),
        }
    }

    /// `<folder>/<name without extension>.<extension>`; with it where another picture differs in that alone.
    fn place(
        &mut self,
        folder: &Path,
        picture: &Found,
        extension: &str,
    ) -> anyhow::Result<PathBuf> {
        let stem = picture.name.with_extension("");
        let is_alone = self.stems.get(&stem) == Some(&1);
        let mut name: OsString = if is_alone { stem } else { picture.name.clone() }.into();
        name.push(".");
        name.push(extension);
        let place = folder.join(name);
        if place
            .canonicalize()
            .is_ok_and(|place| self.inputs.contains(&place))
        {
            bail!(
                "{}: a picture that was given would be written over; choose another folder",
                place.display()
            );
        }
        if let Some(other) = self.taken.insert(place.clone(), picture.path.clone()) {
            bail!(
                "{}: what is made of {} and of {} would be one file; predict them one after the other, to two folders",
                place.display(),
                other.display(),
                picture.path.display()
            );
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn overlays(inputs: &[PathBuf], folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let plan = plan(inputs, None, Some(folder))?;
        let overlay = |input| match input {
            Input::Picture(picture) => picture.overlay,
            Input::Video(_) => None,
        };
        Ok(plan.into_iter().filter_map(overlay).collect())
    }

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn each_picture_has_a_place_of_its_own() {
        let folder = folder_of(&[
            "good/000.png",
            "crack/000.png",
            "a.png",
            "a.jpg",
            "b.c.PNG",
            "._b.png",
            ".hidden/c.png",
        ]);
        let places = overlays(&[folder.path().into()], Path::new("out")).unwrap();
        let names = [
            "a.jpg.png",
            "a.png.png",
            "b.c.png",
            "crack/000.png",
            "good/000.png",
        ];
        assert_eq!(places, names.map(|name| Path::new("out").join(name)));
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = folder_of(&["one/a.png", "two/a.png", "jpeg/a.jpg"]);
        let [one, two, jpeg] = ["one", "two", "jpeg"].map(|name| folder.path().join(name));
        let refused =
            |inputs: &[PathBuf], out: &Path| overlays(inputs, out).unwrap_err().to_string();
        let error = refused(std::slice::from_ref(&one), &one);
        assert!(error.contains("would be written over"), "{error}");
        // By another way there.
        let error = refused(&[one.join("a.png")], &two.join("../one"));
        assert!(error.contains("would be written over"), "{error}");
        let error = refused(&[one, two], &jpeg);
        assert!(error.contains("would be one file"), "{error}");
    }
}
