//! Whether a line could be served, without serving it.

use std::fs::File;
use std::io;
use std::path::Path;

use igd::data::Picture;

use crate::camera::source;
use crate::config::{LineConfig, MadeRecipes, said};
use crate::http;
use crate::models::configured;
use crate::store::Store;

/// Tries all that can be tried without running: models, masks and the database are opened, sources are put together,
/// files are read, the folder is written to. Cameras and brokers are not asked. Returns what is wrong, a line each.
pub fn check(config: &LineConfig) -> Vec<String> {
    if gst::init().is_err() || gstigd::plugin_register_static().is_err() {
        return vec!["GStreamer does not start: `igd doctor` tells more".to_owned()];
    }
    let (made, unread) = match MadeRecipes::open(&config.folder) {
        Ok(made) => (made, None),
        Err(error) => (MadeRecipes::default(), Some(error.to_string())),
    };
    let recipes = made.applied(&config.recipes, &config.folder);
    let recipes = recipes.iter().filter_map(|(name, recipe)| {
        let wrong = configured(name, recipe).check().err()?;
        Some(format!("[recipes.{name}] {wrong}"))
    });
    let cameras = config.cameras.iter().filter_map(|(name, camera)| {
        let empty = camera.trigger.empty.as_deref();
        let wrong = source(&camera.source).err().or_else(|| {
            let wrong = Picture::open(empty?).err()?;
            Some(format!("trigger.empty: {wrong}"))
        })?;
        Some(format!("[cameras.{name}] {wrong}"))
    });
    let files = config.outputs.files().filter_map(|path| {
        let error = File::open(path).err()?;
        Some(format!("[outputs] {}: {error}", path.display()))
    });
    let server = http::check(&config.server).err();
    let folder = writable(&config.folder).err();
    let folder = folder.map(|error| format!("folder = {:?}: {error}", config.folder));
    let database = Store::check(&config.folder).err();
    let database = database.map(|error| format!("folder = {:?}: {error}", config.folder));
    unread
        .into_iter()
        .chain(recipes)
        .chain(cameras)
        .chain(files)
        .chain(server.map(|error| error.to_string()))
        .chain(folder)
        .chain(database)
        .collect()
}

/// What holds beside the configuration, a line each: recipes that were made at the page, and what was drawn there.
pub fn made(config: &LineConfig) -> Vec<String> {
    let made = MadeRecipes::open(&config.folder).unwrap_or_default();
    let recipes = made.applied(&config.recipes, &config.folder);
    let lines = made.0.keys().filter_map(|name| {
        let recipe = recipes.get(name)?;
        let is_new = !config.recipes.contains_key(name);
        let before = config.recipes.get(name).map(said);
        let now = said(recipe);
        (is_new || before.is_some_and(|before| before != now)).then(|| {
            let what = if is_new {
                "made at the page: "
            } else {
                "drawn at the page: "
            };
            format!("[recipes.{name}] {what}{now}")
        })
    });
    lines.collect()
}

/// Whether files can be made there, or in the folder that it would be made in. Leaves nothing behind.
fn writable(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists());
    tempfile::tempfile_in(there.unwrap_or(Path::new("/"))).map(drop)
}
