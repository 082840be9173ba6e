//! What has been chosen while the line was at work, and holds after the next start.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::config::{LineConfig, Name};

impl Store {
    /// The recipe that a camera judges by: the last that was chosen, or the configuration's where none was or the
    /// configuration no longer has that one.
    pub fn recipe_of(&self, config: &LineConfig, camera: &Name) -> Result<String, StoreError> {
        let chosen = self.choice(&recipe_of(camera))?;
        let chosen = chosen.filter(|recipe| config.recipes.contains_key(recipe.as_str()));
        let configured = || {
            config
                .cameras
                .get(camera)
                .map(|camera| camera.recipe.to_string())
        };
        Ok(chosen.or_else(configured).unwrap_or_default())
    }

    /// Remembers which one a camera judges by.
    pub fn choose_recipe(&self, camera: &str, recipe: &str) -> Result<(), StoreError> {
        self.choose(&recipe_of(camera), recipe)
    }

    /// What was chosen under a name.
    pub fn choice(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.0.database.read(|transaction| {
            let mut value =
                transaction.prepare_cached("SELECT value FROM choices WHERE name = ?")?;
            Ok(value.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// Remembers a choice.
    pub fn choose(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.0.database.write(|transaction| {
            let mut set = transaction.prepare_cached(
                "INSERT INTO choices (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            )?;
            set.execute(params![name, value])?;
            Ok(())
        })
    }
}

fn recipe_of(camera: &str) -> String {
    format!("recipe of {camera}")
}
