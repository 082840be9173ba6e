//! The pictures that a model is trained on.

use std::fs;
use std::path::Path;

use super::elpv::LICENCE_FILE;
use super::sample::Sample;
use super::set::{Selection, SetError, contaminants, draw, normal_pictures};

/// Normal pictures, and what a model tells of them.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Where they come from, and what was done to them. Trainings of sets with other names do not go on from each other's
    /// checkpoints.
    pub name: String,
    pub licence: Option<String>,
    pub samples: Vec<Sample>,
}

impl TrainingSet {
    /// The normal pictures of a folder.
    pub fn open(folder: &Path, selection: &Selection) -> Result<Self, SetError> {
        let class = selection.class.map(|class| format!(", class {class}"));
        let licence = fs::read_to_string(folder.join(LICENCE_FILE)).ok();
        Ok(Self {
            name: format!("{}{}", folder.display(), class.unwrap_or_default()),
            licence: licence.map(|text| text.trim().to_owned()),
            samples: normal_pictures(folder, selection)?,
        })
    }

    /// Keeps a share (0 to 1) of the pictures, drawn by lot: the paper's study of small training sets.
    pub fn thin(&mut self, share: f64, seed: u64) {
        let count = (self.samples.len() as f64 * share).round() as usize;
        let drawn = draw(self.samples.len(), count, seed);
        let mut index = 0;
        self.samples.retain(|_| {
            index += 1;
            drawn.contains(&(index - 1))
        });
        self.name += &format!(", {share} of them drawn with seed {seed}");
    }

    /// Adds anomalous pictures of the same folder, drawn by lot, until they are so large a share (0 to 1) of all: the paper's
    /// study of training sets that are not clean. Fewer where there are not as many.
    pub fn contaminate(
        &mut self,
        share: f64,
        folder: &Path,
        selection: &Selection,
    ) -> Result<(), SetError> {
        let wanted = self.samples.len() as f64 * share / (1.0 - share);
        let anomalous = contaminants(folder, selection)?;
        let drawn = draw(anomalous.len(), wanted.round() as usize, selection.seed);
        let anomalous = anomalous.into_iter().enumerate();
        self.samples.extend(
            anomalous
                .filter(|(index, _)| drawn.contains(index))
                .map(|(_, sample)| sample),
        );
        self.name += &format!(
            ", {} anomalous ones among them drawn with seed {}",
            drawn.len(),
            selection.seed
        );
        Ok(())
    }
}
