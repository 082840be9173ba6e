//! The line as a whole: its outputs, events and counts.

use axum::Json;
use axum::extract::{Query, State as Of};
use jiff::Timestamp;
use serde::Deserialize;

use super::State;
use super::problem::{Problem, aside};
use crate::outputs::OutputStatus;
use crate::store::{Counts, Event};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Newest {
    #[serde(default = "hundred")]
    limit: u32,
}

const fn hundred() -> u32 {
    100
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// All that is stored unless told.
    since: Option<Timestamp>,
    camera: Option<String>,
}

pub(super) async fn outputs(Of(state): Of<State>) -> Json<Vec<OutputStatus>> {
    Json(state.line.outputs())
}

pub(super) async fn events(
    Of(state): Of<State>,
    Query(Newest { limit }): Query<Newest>,
) -> Result<Json<Vec<Event>>, Problem> {
    if !(1..=1000).contains(&limit) {
        return Err(Problem::unfit("limit is 1 to 1000"));
    }
    aside(move || state.line.store().events(limit))
        .await
        .map(Json)
}

pub(super) async fn counts(
    Of(state): Of<State>,
    Query(Which { since, camera }): Query<Which>,
) -> Result<Json<Counts>, Problem> {
    if let Some(camera) = &camera
        && !state.line.config().cameras.contains_key(camera.as_str())
    {
        return Err(Problem::unknown(format!("there is no camera {camera}")));
    }
    let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
    aside(move || state.line.store().counts(since, camera.as_deref()))
        .await
        .map(Json)
}
