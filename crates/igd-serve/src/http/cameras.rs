//! Cameras: how they fare, and what they are told.

use axum::Json;
use axum::extract::{Path, State as Of};
use serde::Deserialize;

use super::problem::{Problem, aside};
use super::{Caller, State};
use crate::line::CameraStatus;
use crate::record::Record;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    recipe: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    paused: bool,
}

pub(super) async fn all(Of(state): Of<State>) -> Json<Vec<CameraStatus>> {
    Json(state.line.cameras())
}

pub(super) async fn one(
    Of(state): Of<State>,
    Path(name): Path<String>,
) -> Result<Json<CameraStatus>, Problem> {
    status(&state, &name)
}

pub(super) async fn trigger(
    Of(state): Of<State>,
    Path(name): Path<String>,
) -> Result<Json<Record>, Problem> {
    let mut closing = state.closing.clone();
    tokio::select! {
        record = state.line.trigger(&name) => Ok(Json(record?)),
        _ = closing.wait_for(|closing| *closing) => Err(Problem::unavailable("the line is being stopped")),
    }
}

pub(super) async fn recipe(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(Recipe { recipe }): Json<Recipe>,
) -> Result<Json<CameraStatus>, Problem> {
    let (line, camera) = (state.line.clone(), name.clone());
    aside(move || line.switch_recipe(&camera, &recipe, &caller.name)).await?;
    status(&state, &name)
}

pub(super) async fn pause(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(Pause { paused }): Json<Pause>,
) -> Result<Json<CameraStatus>, Problem> {
    let (line, camera) = (state.line.clone(), name.clone());
    aside(move || line.pause(&camera, paused, &caller.name)).await?;
    status(&state, &name)
}

fn status(state: &State, name: &str) -> Result<Json<CameraStatus>, Problem> {
    Ok(Json(state.line.camera_status(name)?))
}
