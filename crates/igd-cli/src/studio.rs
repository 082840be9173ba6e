//! `igd studio`: a line of one camera, with nothing configured.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use igd::data::pictures_below;
use igd_serve::LineConfig;
use igd_serve::config::{CameraConfig, Keep, Name, Outputs, Recipe, Server};

use crate::output::note;
use crate::{serve, train};

#[derive(Args)]
pub struct Arguments {
    /// Pictures of good parts. What is learned of them and seen lies beside it, in DIR.studio. Without it, or where
    /// there is none in it, a model is taught at the page with what the camera sees, in igd.studio
    #[arg(value_name = "DIR", required_unless_present = "camera")]
    good: Option<PathBuf>,
    /// What is judged: rtsp://..., v4l2:///dev/video0, file:///..., pictures:FOLDER, or the text of a pipeline
    /// [default: the pictures of DIR]
    #[arg(long, value_name = "SOURCE")]
    camera: Option<String>,
    /// Address and port of the page; with one that other machines reach use `igd serve`
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let path = match &arguments.good {
        Some(good) => good
            .canonicalize()
            .with_context(|| good.display().to_string())?,
        None => std::env::current_dir()?.join("igd"),
    };
    let has_pictures = match (&arguments.good, &arguments.camera) {
        (Some(_), Some(_)) => !pictures_below(&path)?.is_empty(),
        (good, _) => good.is_some(),
    };
    let folder = path.with_extension("studio");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let model = folder.join("model.safetensors");
    let model = match (model.exists(), has_pictures) {
        (true, _) => {
            note(format_args!(
                "{} was learned before: remove {} to learn anew",
                path.display(),
                folder.display()
            ));
            Some(model)
        }
        (false, true) => {
            train::fit(&path, &model)?;
            Some(model)
        }
        (false, false) => {
            note("there is no model yet: teach one on the page \"Teach\"");
            None
        }
    };
    let pictures = || format!("pictures:{}", path.display());
    let source = arguments.camera.unwrap_or_else(pictures);
    let config = config(&path, folder, model, source, arguments.listen)?;
    // It has no file that could change.
    serve::serve(|| Ok(config.clone()), json)
}

fn config(
    good: &Path,
    folder: PathBuf,
    model: Option<PathBuf>,
    source: String,
    listen: SocketAddr,
) -> anyhow::Result<LineConfig> {
    let named = |text: &str| Name::try_from(text.to_owned()).map_err(anyhow::Error::msg);
    let recipe = named("part")?;
    let title = good.file_name().and_then(|name| name.to_str());
    let config = LineConfig {
        name: title
            .and_then(|title| named(title).ok())
            .map_or_else(|| named("studio"), Ok)?,
        folder,
        server: Server {
            listen,
            ..Server::default()
        },
        keep: Keep {
            good_every: 10,
            ..Keep::default()
        },
        recipes: BTreeMap::from([(recipe.clone(), Recipe::of(model))]),
        cameras: BTreeMap::from([(named("camera")?, CameraConfig::of(source, recipe))]),
        outputs: Outputs::default(),
    };
    config.check().map_err(anyhow::Error::msg)?;
    Ok(config)
}
