//! `line.toml`: what a line is made of. An unknown key, a value out of its range or a name that nothing has is told
//! with its line and its key.

mod camera;
mod keep;
mod made;
mod name;
mod outputs;
mod recipe;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::camera::{CameraConfig, Decide, Trigger, TriggerBy};
pub use self::keep::Keep;
pub use self::made::{Drawn, Made, MadeRecipes, Shape, is_made, mask_file, said};
pub use self::name::Name;
pub use self::outputs::{
    Broker, ModbusConfig, MqttConfig, OpcUaConfig, Outputs, Topic, Url, WebhookConfig,
};
pub use self::recipe::Recipe;
pub use self::server::{Role, Server, TlsFiles, Token, TokenHash};

/// A whole line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LineConfig {
    /// What the line is called, on its pages and in its records.
    pub name: Name,
    /// Where the database, pictures and models lie. Relative to the configuration's folder.
    #[serde(default = "default_folder")]
    pub folder: PathBuf,
    /// Where the API and the page are served, and for whom.
    #[serde(default)]
    pub server: Server,
    /// Which pictures are kept, and how long.
    #[serde(default)]
    pub keep: Keep,
    /// How parts are judged, by name.
    pub recipes: BTreeMap<Name, Recipe>,
    /// Where frames come from, by name.
    pub cameras: BTreeMap<Name, CameraConfig>,
    /// Where verdicts go.
    #[serde(default)]
    pub outputs: Outputs,
}

fn default_folder() -> PathBuf {
    "line".into()
}

/// Why a configuration is none.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The configuration.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What it says cannot be, with line and column.
    #[error("{}: {text}", .path.display())]
    Text {
        /// The configuration.
        path: PathBuf,
        /// Where, and why.
        text: String,
    },
}

impl LineConfig {
    /// Reads a file, and makes its paths those that a program anywhere can open.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            error,
        })?;
        // What is stored of them has to hold wherever the next program is started.
        let whole = path.canonicalize().map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            error,
        })?;
        let folder = whole.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, folder).map_err(|text| ConfigError::Text {
            path: path.to_owned(),
            text,
        })
    }

    /// Of a text, whose paths are relative to `folder`. The error says where and why.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut line: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        line.check()?;
        line.folder = folder.join(&line.folder);
        line.recipes
            .values_mut()
            .for_each(|recipe| recipe.relative_to(folder));
        line.cameras
            .values_mut()
            .for_each(|camera| camera.relative_to(folder));
        line.server.relative_to(folder);
        line.outputs.relative_to(folder);
        Ok(line)
    }

    /// What no value tells by itself.
    pub fn check(&self) -> Result<(), String> {
        if self.cameras.is_empty() {
            return Err(
                "[cameras]: a line has a camera at least: [cameras.NAME] with source and recipe"
                    .into(),
            );
        }
        for (name, camera) in &self.cameras {
            if !self.recipes.contains_key(&camera.recipe) {
                let known: Vec<_> = self.recipes.keys().map(Name::as_str).collect();
                return Err(format!(
                    "[cameras.{name}] recipe = \"{}\": there is no [recipes.{}], only {}",
                    camera.recipe,
                    camera.recipe,
                    known.join(", ")
                ));
            }
            camera
                .check()
                .map_err(|wrong| format!("[cameras.{name}.trigger] {wrong}"))?;
        }
        self.server.check()?;
        self.outputs.check(&self.server.tokens)
    }
}
