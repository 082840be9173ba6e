//! The pictures that a model is trained on.

use std::fs;
use std::mem;
use std::path::Path;

use rayon::prelude::*;

use super::elpv::LICENCE_FILE;
use super::error::SetError;
use super::sample::Sample;
use super::selection::{Selection, draw};
use super::set::{contaminants, normal_pictures, rare_pictures};

/// Normal pictures, and what a model tells of them.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Where they come from, and what was done to them. Trainings of sets with other names do not go on from each
    /// other's checkpoints.
    pub name: String,
    /// Of the data, if it is known.
    pub licence: Option<String>,
    /// The pictures.
    pub samples: Vec<Sample>,
    /// Of the 16 bits of its pictures' samples so many are used; `None` where they have 8.
    pub significant_bits: Option<u32>,
}

impl TrainingSet {
    /// The normal pictures of a folder: see [`normal_pictures`].
    pub fn open(folder: &Path, selection: &Selection) -> Result<Self, SetError> {
        let class = selection.class.map(|class| format!(", class {class}"));
        let licence = fs::read_to_string(folder.join(LICENCE_FILE)).ok();
        let samples = normal_pictures(folder, selection)?;
        Ok(Self {
            name: format!("{}{}", folder.display(), class.unwrap_or_default()),
            licence: licence.map(|text| text.trim().to_owned()),
            significant_bits: significant_bits(&samples),
            samples,
        })
    }

    /// Of normal pictures that are named one by one.
    pub fn of(name: String, samples: Vec<Sample>) -> Self {
        Self {
            name,
            licence: None,
            significant_bits: significant_bits(&samples),
            samples,
        }
    }

    /// Keeps a share (0 to 1) of the pictures, drawn by lot: the paper's study of small training sets.
    pub fn thin(&mut self, share: f64, seed: u64) {
        let count = (self.samples.len() as f64 * share).round() as usize;
        (self.samples, _) = draw(mem::take(&mut self.samples), count, seed);
        self.name += &format!(", {share} of them drawn with seed {seed}");
    }

    /// Adds anomalous pictures of the same folder, drawn by lot, until they are so large a share (0 to 1) of all: the
    /// paper's study of training sets that are not clean. Fewer where there are not as many, and an error where there
    /// are none.
    pub fn contaminate(
        &mut self,
        share: f64,
        folder: &Path,
        selection: &Selection,
    ) -> Result<(), SetError> {
        let anomalous = contaminants(folder, selection)?;
        self.mix_in(anomalous, share, "anomalous", selection.seed);
        Ok(())
    }

    /// Adds pictures of the rare class, drawn by lot, until they are so large a share (0 to 1) of all: the paper's study
    /// of normal pictures that are under-represented. Fails where there are none.
    pub fn add_rare(
        &mut self,
        share: f64,
        folder: &Path,
        selection: &Selection,
    ) -> Result<(), SetError> {
        let rare = rare_pictures(folder, selection)?;
        self.mix_in(rare, share, "rare", selection.seed);
        Ok(())
    }

    fn mix_in(&mut self, others: Vec<Sample>, share: f64, kind: &str, seed: u64) {
        let wanted = self.samples.len() as f64 * share / (1.0 - share);
        let (drawn, _) = draw(others, wanted.round() as usize, seed);
        self.name += &format!(
            ", {} {kind} ones among them drawn with seed {seed}",
            drawn.len()
        );
        self.samples.extend(drawn);
    }
}

/// What cameras have: 10, 12, 14 or 16 bits. The brightest of all pictures tells which; those of 16 bits are read for
/// it, and what cannot be read is told of when it is needed.
fn significant_bits(samples: &[Sample]) -> Option<u32> {
    let bits = samples
        .par_iter()
        .filter(|sample| sample.may_have_16_bits())
        .filter_map(|sample| sample.open().ok()?.significant_bits())
        .max()?;
    Some(bits.next_multiple_of(2).max(u8::BITS))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder of 20 normal pictures and 10 anomalous ones for training. They are never opened.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, count) in [("train/good", 20), ("train/scratch", 10)] {
            let folder = folder.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            for number in 0..count {
                fs::write(folder.join(format!("{number:02}.png")), "").unwrap();
            }
        }
        folder
    }

    fn names(set: &TrainingSet) -> Vec<PathBuf> {
        set.samples.iter().map(Sample::name).collect()
    }

    #[test]
    fn a_share_is_drawn_by_lot() {
        let folder = folder();
        let open = || TrainingSet::open(folder.path(), &Selection::default()).unwrap();
        let thinned = |share, seed| {
            let mut set = open();
            set.thin(share, seed);
            set
        };
        let all = names(&open());
        let some = names(&thinned(0.25, 1));
        assert_eq!((all.len(), some.len()), (20, 5));
        assert!(some.is_sorted() && some.iter().all(|name| all.contains(name)));
        assert_eq!(names(&thinned(0.25, 1)), some);
        assert_ne!(names(&thinned(0.25, 2)), some);
        // More of the same lot have the fewer among them.
        let more = names(&thinned(0.5, 1));
        assert!(more.len() == 10 && some.iter().all(|name| more.contains(name)));
        assert_ne!(thinned(0.25, 1).name, thinned(0.5, 1).name);
    }

    #[test]
    fn anomalous_pictures_are_the_share_of_all_that_was_asked_for() {
        let folder = folder();
        let selection = Selection::default();
        let contaminated = |share| {
            let mut set = TrainingSet::open(folder.path(), &selection).unwrap();
            set.contaminate(share, folder.path(), &selection).unwrap();
            names(&set)
        };
        let anomalous = |names: &[PathBuf]| {
            let is_anomalous = |name: &&PathBuf| name.to_str().unwrap().contains("scratch");
            names.iter().filter(is_anomalous).count()
        };
        for (share, all, expected) in [(0.0, 20, 0), (0.2, 25, 5), (0.9, 30, 10)] {
            let names = contaminated(share);
            assert_eq!((names.len(), anomalous(&names)), (all, expected), "{share}");
        }
    }
}
