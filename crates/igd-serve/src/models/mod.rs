//! The versions of each recipe's model: which one judges, what marks make of it, and what a threshold would do.

mod configured;
mod folder;
mod inspected;
mod polygon;
mod refit;
mod scores;
mod taught;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;

use uuid::Uuid;

use self::refit::State;
use crate::camera::Judging;
use crate::command::Refused;
use crate::config::{MadeRecipes, Name, Recipe};
use crate::lock::lock;
use crate::record::Mark;
use crate::store::{Part, PictureKind, Store, StoreError, Version};

pub use self::refit::{Change, Refit};
pub use self::scores::Scores;

/// Of a line.
pub struct Models {
    store: Store,
    /// The line's. All versions lie in `models` there.
    line: PathBuf,
    folder: PathBuf,
    configured: BTreeMap<Name, Recipe>,
    known: Mutex<Known>,
    /// By recipe; none where nothing is under way.
    refits: Mutex<HashMap<String, State>>,
}

/// The recipes that there are.
struct Known {
    made: MadeRecipes,
    /// What comes of the configured ones and of these.
    recipes: BTreeMap<Name, Recipe>,
}

/// A marked part: what it was marked as, and the picture as the model saw it.
struct Marked {
    id: Uuid,
    mark: Mark,
    seen: PathBuf,
}

impl Models {
    /// Takes over what the configuration has changed since the last start, and removes what a process that was killed
    /// has left in the folder of models.
    pub fn open(
        store: Store,
        line: PathBuf,
        configured: BTreeMap<Name, Recipe>,
    ) -> Result<Self, Refused> {
        let folder = line.join("models");
        let made = MadeRecipes::open(&line);
        let made = made.map_err(|error| Refused::Unfit(error.to_string()))?;
        let recipes = made.applied(&configured, &line);
        for (name, recipe) in &recipes {
            configured::take_over(&store, &folder, name, recipe)?;
        }
        folder::tidy(&folder, &store.model_files()?, &recipes);
        Ok(Self {
            store,
            line,
            folder,
            configured,
            known: Mutex::new(Known { made, recipes }),
            refits: Mutex::default(),
        })
    }

    /// All recipes by their names.
    pub fn recipes(&self) -> BTreeMap<Name, Recipe> {
        lock(&self.known).recipes.clone()
    }

    /// The versions of a recipe's model, the oldest first.
    pub fn versions(&self, recipe: &str) -> Result<Vec<Version>, Refused> {
        self.recipe(recipe)?;
        Ok(self.store.versions(recipe)?)
    }

    /// One of them.
    pub fn version(&self, recipe: &str, number: u32) -> Result<Version, Refused> {
        let mut versions = self.versions(recipe)?.into_iter();
        let version = versions.find(|version| version.number == number);
        version.ok_or_else(|| no_version(recipe, number))
    }

    /// The one that judges; `None` where there is no model yet.
    pub fn active(&self, recipe: &str) -> Result<Option<Version>, Refused> {
        let mut versions = self.versions(recipe)?.into_iter();
        Ok(versions.find(|version| version.active))
    }

    /// The same, where there has to be one.
    fn judges(&self, recipe: &str) -> Result<Version, Refused> {
        let none = || Refused::Unfit(format!("{recipe} has no model yet: teach one first"));
        self.active(recipe)?.ok_or_else(none)
    }

    /// Remembers that another one judges.
    pub fn activate(&self, recipe: &str, number: u32) -> Result<(), Refused> {
        match self.store.activate(recipe, number)? {
            true => Ok(()),
            false => Err(no_version(recipe, number)),
        }
    }

    /// Remembers the threshold of the one that judges.
    pub fn set_threshold(&self, recipe: &str, threshold: Option<f32>) -> Result<(), Refused> {
        let number = self.judges(recipe)?.number;
        match self.store.set_threshold(recipe, number, threshold)? {
            true => Ok(()),
            false => Err(no_version(recipe, number)),
        }
    }

    /// One of the recipes.
    pub fn recipe(&self, name: &str) -> Result<Recipe, Refused> {
        let recipes = &lock(&self.known).recipes;
        recipes.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = recipes.keys().map(Name::as_str).collect();
            Refused::Unknown(format!(
                "there is no recipe {name}, only {}",
                known.join(", ")
            ))
        })
    }

    /// How a recipe judges with its active version, or sees where it has none.
    pub fn judging(&self, name: &str) -> Result<Judging, Refused> {
        self.judging_as(name, &self.recipe(name)?)
    }

    /// The same of what a recipe might be like.
    fn judging_as(&self, name: &str, recipe: &Recipe) -> Result<Judging, Refused> {
        Ok(match self.active(name)? {
            Some(version) => by_version(name, recipe, &version),
            None => Judging {
                version: 0,
                model: None,
                ..configured(name, recipe)
            },
        })
    }

    /// How it would with another one.
    pub fn judging_by(&self, name: &str, version: &Version) -> Result<Judging, Refused> {
        Ok(by_version(name, &self.recipe(name)?, version))
    }

    fn marked(&self, recipe: &str) -> Result<Vec<Marked>, StoreError> {
        let marked = |part: Part| {
            let mark = part.mark?.mark;
            let id = part.record.id;
            let seen = self.store.picture(id, PictureKind::Seen).transpose()?;
            Some(seen.map(|seen| Marked { id, mark, seen }))
        };
        let parts = self.store.marked(recipe)?.into_iter();
        parts.filter_map(marked).collect()
    }
}

fn by_version(name: &str, recipe: &Recipe, version: &Version) -> Judging {
    Judging {
        version: version.number,
        model: Some(version.file.clone()),
        threshold: version.threshold,
        ..configured(name, recipe)
    }
}

/// How a recipe judges as it is configured.
pub fn configured(name: &str, recipe: &Recipe) -> Judging {
    Judging {
        recipe: name.to_owned(),
        version: 1,
        model: recipe.model.clone(),
        threshold: recipe.threshold,
        region: recipe.region.map(|region| region.0),
        mask: recipe.mask.clone(),
        min_area: recipe.min_area,
        watch_drift: recipe.watch_drift,
    }
}

/// A threshold, for events.
pub fn threshold_text(threshold: Option<f32>, by: &str) -> String {
    match threshold {
        Some(threshold) => format!("{threshold:.4} ({by})"),
        None => format!("the model's own ({by})"),
    }
}

fn no_version(recipe: &str, number: u32) -> Refused {
    Refused::Unknown(format!("there is no version {number} of {recipe}"))
}

fn failed(error: impl std::fmt::Display) -> Refused {
    Refused::Failed(error.to_string())
}
