//! The pictures of one recipe on the disk: `ID.png`, `ID.camera.png`, `ID.jpg` and the like, and a small one beside
//! each, `ID.small`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igd::data::{Picture, Sample};
use igd::files::write_atomically;
use igd::train::{self, Look};
use uuid::Uuid;

use super::mean::Mean;
use super::{Doubt, LessonPicture};

/// What follows the id in a file's name.
const ENDINGS: [&str; 5] = [CAMERA, ".png", ".jpg", ".bmp", ".tif"];
/// Of frames of a camera.
pub(super) const CAMERA: &str = ".camera.png";
const SMALL: &str = ".small";

pub(super) struct Set {
    folder: PathBuf,
    pictures: BTreeMap<Uuid, Kept>,
    /// What of the pictures is learned; all unless told.
    area: Option<[u32; 4]>,
    /// Of those that were looked at.
    mean: Mean,
    /// Pictures have come or gone since doubts were worked out.
    pub is_stale: bool,
    /// A thread is at it.
    pub is_looked_at: bool,
}

struct Kept {
    ending: &'static str,
    bytes: u64,
    look: Option<Arc<Look>>,
    doubts: Vec<Doubt>,
}

/// A picture that comes.
pub(super) struct New {
    pub ending: &'static str,
    pub file: Vec<u8>,
    /// A JPEG.
    pub small: Vec<u8>,
    pub picture: Picture,
}

/// A picture that nobody has looked at yet.
pub(super) struct Unseen {
    pub id: Uuid,
    pub path: PathBuf,
    pub area: Option<[u32; 4]>,
}

/// All sets that lie in a folder. What was being written when the process ended is removed.
pub(super) fn found(folder: &Path) -> BTreeMap<String, Set> {
    // There is none before the first picture comes.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sets = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name, Set::found(entry.path())?))
    });
    sets.collect()
}

impl Set {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            pictures: BTreeMap::new(),
            area: None,
            mean: Mean::default(),
            is_stale: false,
            is_looked_at: false,
        }
    }

    fn found(folder: PathBuf) -> Option<Self> {
        let mut set = Self::new(folder);
        let mut others = Vec::new();
        for entry in fs::read_dir(&set.folder).ok()?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = ENDINGS.into_iter().find_map(|ending| {
                let id = name.strip_suffix(ending)?.parse::<Uuid>().ok()?;
                Some((id, ending))
            });
            match of {
                Some((id, ending)) => {
                    let bytes = entry.metadata().map_or(0, |file| file.len());
                    set.pictures.insert(id, Kept::new(ending, bytes));
                }
                None => others.push((name, entry.path())),
            }
        }
        for (name, path) in others {
            let of = name.strip_suffix(SMALL).and_then(|id| id.parse().ok());
            match of.and_then(|id| set.pictures.get_mut(&id)) {
                Some(kept) => kept.bytes += fs::metadata(&path).map_or(0, |file| file.len()),
                None if of.is_some() || name.starts_with(".igd-") => drop(fs::remove_file(path)),
                None => {}
            }
        }
        set.is_stale = !set.pictures.is_empty();
        Some(set)
    }

    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    pub fn bytes(&self) -> u64 {
        self.pictures.values().map(|kept| kept.bytes).sum()
    }

    pub fn looked_at(&self) -> usize {
        let looked_at = self.pictures.values().filter(|kept| kept.look.is_some());
        looked_at.count()
    }

    pub fn has(&self, id: Uuid) -> bool {
        self.pictures.contains_key(&id)
    }

    pub fn mean(&self) -> &Mean {
        &self.mean
    }

    pub fn shown(&self) -> Vec<LessonPicture> {
        let shown = |(id, kept): (&Uuid, &Kept)| LessonPicture {
            id: *id,
            size: kept.look.as_ref().map(|look| look.size().into()),
            bytes: kept.bytes,
            doubts: kept.doubts.clone(),
        };
        self.pictures.iter().map(shown).collect()
    }

    pub fn preview(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}{SMALL}"))
    }

    fn file(&self, id: Uuid, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}{ending}"))
    }

    /// To be learned from, with their ids.
    pub fn samples(&self, area: Option<[u32; 4]>) -> Vec<(Uuid, Sample)> {
        let sample = |(id, kept): (&Uuid, &Kept)| {
            let path = self.file(*id, kept.ending);
            let sample = match area {
                Some(area) => Sample::Cut(path, area),
                None => Sample::File(path),
            };
            (*id, sample)
        };
        self.pictures.iter().map(sample).collect()
    }

    pub fn add(&mut self, new: New) -> io::Result<Uuid> {
        let id = Uuid::now_v7();
        write_atomically(&self.preview(id), &new.small)?;
        if let Err(error) = write_atomically(&self.file(id, new.ending), &new.file) {
            // What is left goes at the next start.
            let _ = fs::remove_file(self.preview(id));
            return Err(error);
        }
        let bytes = (new.file.len() + new.small.len()) as u64;
        self.pictures.insert(id, Kept::new(new.ending, bytes));
        let size = new.picture.size();
        self.see(id, cut(new.picture, self.area), size);
        self.is_stale = true;
        Ok(id)
    }

    pub fn remove(&mut self, id: Uuid) -> io::Result<()> {
        let Some(kept) = self.pictures.get(&id) else {
            return Ok(());
        };
        let path = self.file(id, kept.ending);
        let seen = kept.look.is_some().then(|| Picture::open(&path));
        match fs::remove_file(&path) {
            // Somebody else has done it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        self.pictures.remove(&id);
        let _ = fs::remove_file(self.preview(id));
        match seen {
            Some(Ok(picture)) => self.mean.remove(&cut(picture, self.area)),
            Some(Err(_)) => self.forget(),
            None => {}
        }
        self.is_stale = true;
        Ok(())
    }

    /// Has one as if it had never been added, though its file stays.
    pub fn leave_out(&mut self, id: Uuid) {
        self.pictures.remove(&id);
        self.is_stale = true;
    }

    pub fn clear(&mut self) -> io::Result<()> {
        // Nothing has to be taken from the mean one by one then.
        self.forget();
        let ids: Vec<_> = self.pictures.keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.remove(id))
    }

    /// Another part of the pictures is learned: all have to be looked at anew.
    pub fn learn(&mut self, area: Option<[u32; 4]>) {
        if self.area != area {
            self.area = area;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.mean = Mean::default();
        for kept in self.pictures.values_mut() {
            (kept.look, kept.doubts) = (None, Vec::new());
        }
        self.is_stale = true;
    }

    pub fn next_unseen(&self) -> Option<Unseen> {
        let (id, kept) = self.pictures.iter().find(|(_, kept)| kept.look.is_none())?;
        Some(Unseen {
            id: *id,
            path: self.file(*id, kept.ending),
            area: self.area,
        })
    }

    /// What was looked at as long as something else was asked for, is not.
    pub fn saw(&mut self, unseen: &Unseen, picture: Picture) {
        let size = picture.size();
        let is_wanted = self.pictures.get(&unseen.id);
        if is_wanted.is_some_and(|kept| kept.look.is_none()) && unseen.area == self.area {
            self.see(unseen.id, cut(picture, self.area), size);
        }
    }

    fn see(&mut self, id: Uuid, picture: Picture, size: (u32, u32)) {
        if let Some(kept) = self.pictures.get_mut(&id) {
            kept.look = Some(Arc::new(Look::of(&picture, size)));
            self.mean.add(&picture);
        }
    }

    /// All that were looked at, and whether they are of a camera.
    pub fn looks(&self) -> (Vec<(Uuid, Arc<Look>)>, bool) {
        let looks = self.pictures.iter();
        let looks = looks.filter_map(|(id, kept)| Some((*id, kept.look.clone()?)));
        let of_camera = self.pictures.values().filter(|kept| kept.ending == CAMERA);
        let is_video = 2 * of_camera.count() > self.pictures.len();
        (looks.collect(), is_video)
    }

    /// True: these are all that there are, and what is doubtful of them is known now.
    pub fn doubt(&mut self, ids: &[Uuid], doubts: Vec<Vec<train::Doubt>>) -> bool {
        for (id, doubts) in ids.iter().zip(doubts) {
            let doubt = |doubt| match doubt {
                train::Doubt::Double(place) => Doubt::Double { of: ids[place] },
                train::Doubt::Blurred => Doubt::Blurred,
                train::Doubt::Dark => Doubt::Dark,
                train::Doubt::Bright => Doubt::Bright,
                train::Doubt::Odd => Doubt::Odd,
                train::Doubt::Shape => Doubt::Shape,
                train::Doubt::Size => Doubt::Size,
            };
            if let Some(kept) = self.pictures.get_mut(id) {
                kept.doubts = doubts.into_iter().map(doubt).collect();
            }
        }
        let is_all = self.pictures.keys().eq(ids);
        self.is_stale = self.is_stale && !is_all;
        is_all
    }
}

impl Kept {
    const fn new(ending: &'static str, bytes: u64) -> Self {
        Self {
            ending,
            bytes,
            look: None,
            doubts: Vec::new(),
        }
    }
}

fn cut(picture: Picture, area: Option<[u32; 4]>) -> Picture {
    match area {
        Some(area) => picture.cut(area),
        None => picture,
    }
}
