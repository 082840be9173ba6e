//! The versions of recipes' models. They stay for ever.

use std::path::{self, PathBuf};

use igd::model::Revision;
use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::columns::{Json, Time, bytes_of, path_of};
use super::{Store, StoreError};

/// A version of a recipe's model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The recipe's name.
    pub recipe: String,
    /// From 1 on; 1 is what the configuration named first.
    pub number: u32,
    /// The model file. In the line's folder it is found even when that has been moved.
    pub file: PathBuf,
    /// When it was added.
    pub created: Timestamp,
    /// What marks have made of the one before, and what has changed; `None` of those that were not made of marks.
    pub revision: Option<Revision>,
    /// Good pictures that it was taught with at the page, where it was.
    pub taught: Option<u32>,
    /// Score above which a frame is anomalous, where it is not the model's.
    pub threshold: Option<f32>,
    /// Whether it is the one of its recipe that judges.
    pub active: bool,
}

impl Store {
    /// The versions of a recipe's model, the oldest first.
    pub fn versions(&self, recipe: &str) -> Result<Vec<Version>, StoreError> {
        self.0.database.read(|transaction| {
            let mut versions = transaction.prepare_cached(
                "SELECT number, file, created, revision, taught, threshold, active FROM versions WHERE recipe = ?
                 ORDER BY number",
            )?;
            let versions = versions.query_map([recipe], |row| {
                Ok(Version {
                    recipe: recipe.to_owned(),
                    number: row.get("number")?,
                    file: self.0.folder.join(path_of(row.get_ref("file")?.as_blob()?)),
                    created: row.get::<_, Time>("created")?.0,
                    revision: row
                        .get::<_, Option<Json<_>>>("revision")?
                        .map(|revision| revision.0),
                    taught: row.get("taught")?,
                    threshold: row.get("threshold")?,
                    active: row.get("active")?,
                })
            })?;
            Ok(versions.collect::<Result<_, _>>()?)
        })
    }

    /// The model files of all versions of all recipes, be they configured or not.
    pub fn model_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.0.database.read(|transaction| {
            let mut files = transaction.prepare_cached("SELECT file FROM versions")?;
            let files = files.query_map([], |row| {
                Ok(self.0.folder.join(path_of(row.get_ref(0)?.as_blob()?)))
            })?;
            Ok(files.collect::<Result<_, _>>()?)
        })
    }

    /// Adds a version, which is not active yet, and returns its number: the next one of its recipe, whatever
    /// [`Version::number`] is.
    pub fn add_version(&self, version: &Version) -> Result<u32, StoreError> {
        let file = match version.file.strip_prefix(&self.0.folder) {
            Ok(inside) => inside.to_owned(),
            Err(_) => path::absolute(&version.file).unwrap_or_else(|_| version.file.clone()),
        };
        self.0.database.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO versions (recipe, number, file, created, revision, threshold, taught) VALUES
                 (?1, (SELECT coalesce(max(number), 0) + 1 FROM versions WHERE recipe = ?1), ?2, ?3, ?4, ?5, ?6)
                 RETURNING number",
            )?;
            let version = params![
                version.recipe,
                bytes_of(&file),
                Time(version.created),
                version.revision.as_ref().map(Json),
                version.threshold,
                version.taught,
            ];
            Ok(add.query_row(version, |row| row.get(0))?)
        })
    }

    /// Makes it the one that judges. False: there is no such version, and all stays as it was.
    pub fn activate(&self, recipe: &str, number: u32) -> Result<bool, StoreError> {
        self.0.database.write(|transaction| {
            let is_there = transaction
                .prepare_cached("SELECT 1 FROM versions WHERE recipe = ? AND number = ?")?
                .exists(params![recipe, number])?;
            if is_there {
                // One after the other, as there are never two.
                transaction
                    .prepare_cached("UPDATE versions SET active = 0 WHERE recipe = ?")?
                    .execute([recipe])?;
                transaction
                    .prepare_cached(
                        "UPDATE versions SET active = 1 WHERE recipe = ? AND number = ?",
                    )?
                    .execute(params![recipe, number])?;
            }
            Ok(is_there)
        })
    }

    /// Sets the threshold of a version, or takes it away. False: there is no such version.
    pub fn set_threshold(
        &self,
        recipe: &str,
        number: u32,
        threshold: Option<f32>,
    ) -> Result<bool, StoreError> {
        self.0.database.write(|transaction| {
            let mut set = transaction.prepare_cached(
                "UPDATE versions SET threshold = ? WHERE recipe = ? AND number = ?",
            )?;
            Ok(set.execute(params![threshold, recipe, number])? > 0)
        })
    }
}
