//! Recipes: versions of their models, thresholds, and what marks teach.

use axum::Json;
use axum::extract::{Path, State as Of};
use axum::http::StatusCode;
use serde::Deserialize;

use super::problem::{Problem, aside};
use super::{Caller, State};
use crate::command::Refused;
use crate::line::{Line, RecipeStatus, Scores, Shape};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activate {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    /// `null` for the model's own; what is left out is no `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    threshold: Option<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
}

/// What is inspected; what is left out is not inspected otherwise than all else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inspect {
    #[serde(deserialize_with = "Option::deserialize")]
    region: Option<[u32; 4]>,
    #[serde(default)]
    shapes: Vec<Shape>,
}

type Told = Result<Json<RecipeStatus>, Problem>;

pub(super) async fn all(Of(state): Of<State>) -> Result<Json<Vec<RecipeStatus>>, Problem> {
    aside(move || state.line.recipes()).await.map(Json)
}

pub(super) async fn one(Of(state): Of<State>, Path(name): Path<String>) -> Told {
    aside(move || state.line.recipe(&name)).await.map(Json)
}

pub(super) async fn make(
    Of(state): Of<State>,
    caller: Caller,
    Json(New { name }): Json<New>,
) -> Result<(StatusCode, Json<RecipeStatus>), Problem> {
    let made = told(state, name, move |line, name| {
        line.make_recipe(name, &caller.name)
    });
    Ok((StatusCode::CREATED, made.await?))
}

pub(super) async fn remove(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    aside(move || state.line.remove_recipe(&name, &caller.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn inspect(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(Inspect { region, shapes }): Json<Inspect>,
) -> Told {
    told(state, name, move |line, name| {
        line.inspect(name, region, shapes, &caller.name)
    })
    .await
}

/// Begins; how far it is stands in the recipe's status.
pub(super) async fn refit(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<RecipeStatus>), Problem> {
    let status = told(state, name, move |line, name| {
        line.refit(name, &caller.name)
    })
    .await?;
    Ok((StatusCode::ACCEPTED, status))
}

pub(super) async fn accept(Of(state): Of<State>, caller: Caller, Path(name): Path<String>) -> Told {
    told(state, name, move |line, name| {
        line.decide_refit(name, true, &caller.name)
    })
    .await
}

pub(super) async fn discard(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Told {
    told(state, name, move |line, name| {
        line.decide_refit(name, false, &caller.name)
    })
    .await
}

pub(super) async fn activate(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(Activate { version }): Json<Activate>,
) -> Told {
    told(state, name, move |line, name| {
        line.activate(name, version, &caller.name)
    })
    .await
}

pub(super) async fn threshold(
    Of(state): Of<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(Threshold { threshold }): Json<Threshold>,
) -> Told {
    if threshold.is_some_and(|threshold| !threshold.is_finite()) {
        return Err(Problem::unfit(
            "threshold: a number that single precision holds, or null",
        ));
    }
    told(state, name, move |line, name| {
        line.set_threshold(name, threshold, &caller.name)
    })
    .await
}

pub(super) async fn scores(
    Of(state): Of<State>,
    Path(name): Path<String>,
) -> Result<Json<Scores>, Problem> {
    aside(move || state.line.scores(&name)).await.map(Json)
}

/// Tells the line something of a recipe, and what the recipe is like then.
async fn told(
    state: State,
    name: String,
    tell: impl FnOnce(&Line, &str) -> Result<(), Refused> + Send + 'static,
) -> Told {
    let told = aside(move || {
        tell(&state.line, &name)?;
        state.line.recipe(&name)
    });
    told.await.map(Json)
}
