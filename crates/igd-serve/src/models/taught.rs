//! Versions that were taught at the page.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::{Models, failed, folder};
use crate::command::Refused;
use crate::store::Version;

impl Models {
    /// Takes a model, whose file is moved, for a version of a recipe that is not active yet. Where that cannot be, the
    /// file stays.
    pub fn add_taught(
        &self,
        recipe: &str,
        model: &Path,
        pictures: usize,
    ) -> Result<Version, Refused> {
        self.recipe(recipe)?;
        let file = folder::of_taught(&self.folder, recipe);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        fs::rename(model, &file).map_err(failed)?;
        let mut version = Version {
            recipe: recipe.to_owned(),
            number: 0,
            file: file.clone(),
            created: Timestamp::now(),
            revision: None,
            taught: Some(pictures as u32),
            threshold: None,
            active: false,
        };
        match self.store.add_version(&version) {
            Ok(number) => version.number = number,
            Err(error) => {
                // It lay there a moment ago.
                let _ = fs::rename(&file, model);
                return Err(error.into());
            }
        }
        Ok(version)
    }
}
