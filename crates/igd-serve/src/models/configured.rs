//! What the configuration says of a recipe, where it is another thing than at the last start: between two starts what
//! was chosen at work holds.

use std::fs;
use std::path::Path;

use igd::files::write_atomically;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{failed, folder, threshold_text};
use crate::command::Refused;
use crate::config::Recipe;
use crate::store::{Store, Version};

/// Who has set it, for events.
const BY: &str = "the configuration";

pub(super) fn take_over(
    store: &Store,
    folder: &Path,
    name: &str,
    recipe: &Recipe,
) -> Result<(), Refused> {
    if let Some(model) = &recipe.model {
        take_over_model(store, folder, name, recipe, model)?;
    }
    let threshold = recipe.threshold;
    let value = threshold.map_or_else(|| "the model's own".to_owned(), |value| value.to_string());
    let choice = format!("threshold of {name}");
    let last = store.choice(&choice)?;
    if last.as_ref() == Some(&value) {
        return Ok(());
    }
    let versions = store.versions(name)?;
    let active = versions.iter().find(|version| version.active);
    if let Some(active) = active.filter(|active| last.is_some() && active.threshold != threshold) {
        store.set_threshold(name, active.number, threshold)?;
        store.note("threshold", name, threshold_text(threshold, BY));
    }
    Ok(store.choose(&choice, &value)?)
}

/// A version is made of a copy, so that it stays what it is when the configuration's file is replaced. A file is what
/// it was at the last start where its bytes are.
fn take_over_model(
    store: &Store,
    folder: &Path,
    name: &str,
    recipe: &Recipe,
    model: &Path,
) -> Result<(), Refused> {
    let origin = model.display();
    let versions = store.versions(name)?;
    let active = versions.iter().find(|version| version.active);
    let bytes = match fs::read(model) {
        Ok(bytes) => bytes,
        Err(error) if active.is_some() => {
            let text = format!("{origin}: {error}: the version that judged goes on");
            store.note("version", name, text);
            return Ok(());
        }
        Err(error) => {
            return Err(Refused::Unfit(format!(
                "[recipes.{name}] model: {origin}: {error}"
            )));
        }
    };
    let digest = format!("{:x}", Sha256::digest(&bytes));
    let choice = format!("model of {name}");
    if active.is_some() && store.choice(&choice)?.as_ref() == Some(&digest) {
        return Ok(());
    }
    let holds = |version: &&Version| {
        let length = fs::metadata(&version.file).map(|file| file.len());
        length.is_ok_and(|length| length == bytes.len() as u64)
            && fs::read(&version.file).is_ok_and(|file| file == bytes)
    };
    let next = match versions.iter().rfind(holds) {
        Some(version) => version.number,
        None => {
            let file = folder::of_configured(folder, name);
            write_atomically(&file, &bytes)
                .map_err(|error| failed(format!("{}: {error}", file.display())))?;
            store.add_version(&Version {
                recipe: name.to_owned(),
                number: 0,
                file,
                created: Timestamp::now(),
                revision: None,
                taught: None,
                threshold: recipe.threshold,
                active: false,
            })?
        }
    };
    let before = active.map(|version| version.number);
    if before != Some(next) {
        store.activate(name, next)?;
    }
    store.choose(&choice, &digest)?;
    if before.is_some_and(|before| before != next) {
        let text = format!("version {next} judges from now on: {origin} ({BY})");
        store.note("version", name, text);
    }
    Ok(())
}
