//! What was made of recipes at the page: new ones, and what of the picture they inspect. It lies in `recipes.json` in
//! the line's folder, the pictures of masks beside it in `masks`, and comes over what the configuration says.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use igd::files::write_atomically;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ConfigError, Name, Recipe};

const FILE: &str = "recipes.json";
const MASKS: &str = "masks";

/// By the recipe's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MadeRecipes(pub BTreeMap<Name, Made>);

/// What was made of a recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The configuration need not have it.
    #[serde(default)]
    pub new: bool,
    /// What is inspected; as configured unless told.
    #[serde(default)]
    pub drawn: Option<Drawn>,
}

/// What of the picture is inspected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Left, upper edge, width and height in pixels of the frame; the whole unless told.
    pub region: Option<[u32; 4]>,
    /// What the mask was drawn of.
    pub shapes: Vec<Shape>,
    /// The mask's file; none without shapes.
    pub mask: Option<String>,
    /// What the configuration said then: where it says another thing, that holds.
    pub over: String,
}

/// A polygon of a mask. Where several cover a place, the last one tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// What lies in it is inspected, or is not. Where the first one is, nothing else is but what shapes say.
    pub inspect: bool,
    /// Its corners: x and y as shares of the frame's width and height.
    pub points: Vec<[f32; 2]>,
}

impl MadeRecipes {
    /// Of a line's folder; nothing where none was made.
    pub fn open(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ConfigError::Read { path, error }),
        };
        serde_json::from_str(&text).map_err(|error| ConfigError::Text {
            path,
            text: format!("{error}: mend it, or remove it to have recipes as they are configured"),
        })
    }

    /// Writes it, and removes the masks that were drawn and that nothing names any more. Masks of others may lie in the
    /// same folder.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write_atomically(&folder.join(FILE), &text)?;
        let drawn = self.0.values().filter_map(|made| made.drawn.as_ref());
        let named: Vec<_> = drawn.filter_map(|drawn| drawn.mask.as_deref()).collect();
        // There is none before the first mask is drawn.
        for entry in fs::read_dir(folder.join(MASKS))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let is_left = name.to_str().is_some_and(|name| {
                name.strip_suffix(".png").is_some_and(is_made) && !named.contains(&name)
            });
            if is_left && let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!("{}: it cannot be removed: {error}", entry.path().display());
            }
        }
        Ok(())
    }

    /// Recipes as they are then.
    pub fn applied(
        &self,
        configured: &BTreeMap<Name, Recipe>,
        folder: &Path,
    ) -> BTreeMap<Name, Recipe> {
        let mut recipes = configured.clone();
        for (name, made) in &self.0 {
            if made.new {
                recipes
                    .entry(name.clone())
                    .or_insert_with(|| Recipe::of(None));
            }
            if let (Some(recipe), Some(drawn)) = (recipes.get_mut(name), &made.drawn)
                && drawn.over == said(recipe)
            {
                drawn.set(recipe, folder);
            }
        }
        recipes
    }
}

impl Drawn {
    /// Has a recipe inspect this.
    pub fn set(&self, recipe: &mut Recipe, folder: &Path) {
        recipe.region = self.region.map(Into::into);
        recipe.mask = self.mask.as_ref().map(|mask| mask_file(folder, mask));
        recipe.shapes.clone_from(&self.shapes);
    }
}

/// Whether a file's name, without its ending, is one of those that are made here: `NAME-UUID`.
pub fn is_made(stem: &str) -> bool {
    const UUID: usize = 36;
    let id = stem.len().checked_sub(UUID + 1);
    id.and_then(|start| stem.get(start..)?.strip_prefix('-'))
        .is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// Where a mask of that name lies.
pub fn mask_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(MASKS).join(name)
}

/// What a recipe of the configuration says of what is inspected.
pub fn said(recipe: &Recipe) -> String {
    let region = recipe.region.map(|region| region.to_string());
    let mask = recipe.mask.as_ref().map(|mask| mask.display().to_string());
    format!(
        "region {}, mask {}",
        region.as_deref().unwrap_or("none"),
        mask.as_deref().unwrap_or("none")
    )
}
