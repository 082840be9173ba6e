//! The files of models, with what their marks have taught beside them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::config::{Name, Recipe, is_made};

const MODEL: &str = ".safetensors";
const SCORES: &str = ".scores.json";

/// A file for what marks make of a recipe's model.
pub(super) fn of_refit(folder: &Path, recipe: &str) -> PathBuf {
    folder.join(format!("{recipe}-{}{MODEL}", Uuid::now_v7()))
}

/// A file for what a recipe's model was taught.
pub(super) fn of_taught(folder: &Path, recipe: &str) -> PathBuf {
    folder.join(format!("{recipe}-taught-{}{MODEL}", Uuid::now_v7()))
}

/// A file for a copy of what the configuration names.
pub(super) fn of_configured(folder: &Path, recipe: &str) -> PathBuf {
    folder.join(format!("{recipe}-configured-{}{MODEL}", Uuid::now_v7()))
}

/// What a model's marks have taught.
pub(super) fn taught_beside(model: &Path) -> PathBuf {
    model.with_extension(&SCORES[1..])
}

/// Removes a model that no version names, if it is there. One that stays is removed at the next start.
pub(super) fn remove(model: &Path) {
    let _ = fs::remove_file(model);
    let _ = fs::remove_file(taught_beside(model));
}

/// Removes the files of ours that belong to no version. Models of others may lie in the same folder.
pub(super) fn tidy(folder: &Path, versions: &[PathBuf], recipes: &BTreeMap<Name, Recipe>) {
    let configured = recipes.values().filter_map(|recipe| recipe.model.as_ref());
    let named: HashSet<_> = versions
        .iter()
        .chain(configured)
        .filter_map(|file| stem(file.file_name()?.to_str()?))
        .collect();
    // There is none before the first model is written.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_left = name.to_str().is_some_and(|name| match of_writer(name) {
            Some(written) => is_ours(written),
            None => is_ours(name) && stem(name).is_some_and(|stem| !named.contains(stem)),
        });
        if is_left && let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!("{}: it cannot be removed: {error}", entry.path().display());
        }
    }
}

fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(MODEL)
        .or_else(|| name.strip_suffix(SCORES))
}

/// Whether it is named as those that are made here.
fn is_ours(name: &str) -> bool {
    stem(name).is_some_and(is_made)
}

/// The name of the file that was being written under this one.
fn of_writer(name: &str) -> Option<&str> {
    let (written, _) = name.strip_prefix(".igd-")?.rsplit_once('-')?;
    Some(written)
}
