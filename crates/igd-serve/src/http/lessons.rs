//! Pictures that recipes learn from, and models that come of them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query, Request, State as Of};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::parts::read;
use super::problem::{Problem, aside};
use super::{Caller, State};
use crate::command::Refused;
use crate::line::{By, Lesson, Line};

/// Bytes of a picture's file.
pub(super) const UPLOAD: usize = 32 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collect {
    camera: String,
    by: By,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    spread: bool,
}

type Told = Result<Json<Lesson>, Problem>;

pub(super) async fn one(state: Of<State>, name: Path<String>) -> Told {
    told(state, name, |_, _| Ok(())).await
}

/// Files wait for each other before they are read, so that those of many do not fill the memory.
pub(super) async fn upload(
    Of(state): Of<State>,
    Path(name): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let _place = state.uploads.clone().acquire_owned().await;
    let file = Bytes::from_request(request, &state).await;
    let file = file.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let id = aside(move || state.line.upload(&name, file.into()));
    let id = id.await.map_err(Problem::of_body)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

pub(super) async fn preview(
    Of(state): Of<State>,
    Path((name, id)): Path<(String, Uuid)>,
) -> Result<Response, Problem> {
    let content = aside(move || {
        let file = state.line.preview(&name, id)?;
        read(&file).map_err(|_| Problem::unknown(format!("there is no picture {id}")))
    });
    let headers = [
        (CONTENT_TYPE, "image/jpeg"),
        (CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, content.await?).into_response())
}

pub(super) async fn remove(
    Of(state): Of<State>,
    Path((name, id)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    aside(move || state.line.remove_picture(&name, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear(
    Of(state): Of<State>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    aside(move || state.line.clear_lesson(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn collect(
    Of(state): Of<State>,
    Path(name): Path<String>,
    Json(Collect { camera, by }): Json<Collect>,
) -> Told {
    let line = state.line.clone();
    told(Of(state), Path(name), move |_, name| {
        line.collect(name, &camera, by)
    })
    .await
}

pub(super) async fn stop(state: Of<State>, name: Path<String>) -> Told {
    told(state, name, Line::stop_collecting).await
}

pub(super) async fn mean(
    Of(state): Of<State>,
    Path(name): Path<String>,
    Query(Shown { spread }): Query<Shown>,
) -> Result<Response, Problem> {
    let jpeg = aside(move || state.line.mean(&name, spread)).await?;
    Ok(([(CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

/// Begins; how far it is stands in the lesson.
pub(super) async fn fit(
    state: Of<State>,
    caller: Caller,
    name: Path<String>,
) -> Result<(StatusCode, Json<Lesson>), Problem> {
    let lesson = told(state, name, move |line, name| {
        line.teach(name, &caller.name)
    });
    Ok((StatusCode::ACCEPTED, lesson.await?))
}

pub(super) async fn cancel(state: Of<State>, name: Path<String>) -> Told {
    told(state, name, Line::cancel_teaching).await
}

pub(super) async fn accept(state: Of<State>, caller: Caller, name: Path<String>) -> Told {
    told(state, name, move |line, name| {
        line.decide_taught(name, true, &caller.name)
    })
    .await
}

pub(super) async fn discard(state: Of<State>, caller: Caller, name: Path<String>) -> Told {
    told(state, name, move |line, name| {
        line.decide_taught(name, false, &caller.name)
    })
    .await
}

/// Tells the line something of a recipe's lesson, and what the lesson is like then.
async fn told(
    Of(state): Of<State>,
    Path(name): Path<String>,
    tell: impl FnOnce(&Line, &str) -> Result<(), Refused> + Send + 'static,
) -> Told {
    let told = aside(move || {
        tell(&state.line, &name)?;
        state.line.lesson(&name)
    });
    told.await.map(Json)
}
