//! Parts that were judged: their records, pictures and marks.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path as File;

use axum::Json;
use axum::extract::{Path, Query as Filters, State as Of};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::Deserialize;
use uuid::Uuid;

use super::problem::{Problem, aside};
use super::{Caller, State};
use crate::record::Mark;
use crate::store::{Marked, Part, PictureKind, Query};

/// What a user says of a part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    mark: Mark,
    /// Left, upper edge, width and height as shares of the frame.
    #[serde(default)]
    area: Option<[f32; 4]>,
}

pub(super) async fn all(
    Of(state): Of<State>,
    Filters(query): Filters<Query>,
) -> Result<Json<Vec<Part>>, Problem> {
    aside(move || state.line.store().parts(&query))
        .await
        .map(Json)
}

pub(super) async fn one(Of(state): Of<State>, Path(id): Path<Uuid>) -> Result<Json<Part>, Problem> {
    let part = aside(move || state.line.store().part(id)).await?;
    part.map(Json).ok_or_else(|| unknown(id))
}

pub(super) async fn frame(state: Of<State>, id: Path<Uuid>) -> Result<Response, Problem> {
    picture(state, id, PictureKind::Frame).await
}

pub(super) async fn seen(state: Of<State>, id: Path<Uuid>) -> Result<Response, Problem> {
    picture(state, id, PictureKind::Seen).await
}

pub(super) async fn map(state: Of<State>, id: Path<Uuid>) -> Result<Response, Problem> {
    picture(state, id, PictureKind::Map).await
}

async fn picture(
    Of(state): Of<State>,
    Path(id): Path<Uuid>,
    kind: PictureKind,
) -> Result<Response, Problem> {
    let content = aside(move || {
        let file = state.line.store().picture(id, kind)?;
        let missing = || Problem::unknown(format!("of part {id} no picture is kept"));
        read(&file.ok_or_else(missing)?).map_err(|error| match error.kind() {
            // It has gone meanwhile to make room.
            io::ErrorKind::NotFound => missing(),
            _ => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the picture of part {id}: {error}"),
            ),
        })
    });
    let content_type = match kind {
        PictureKind::Frame => "image/jpeg",
        PictureKind::Seen | PictureKind::Map => "image/png",
    };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, content.await?).into_response())
}

/// A file that is one itself, and no link to one elsewhere.
pub(super) fn read(file: &File) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW.bits() as i32;
    let mut content = Vec::new();
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(file)?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

pub(super) async fn mark(
    Of(state): Of<State>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(Said { mark, area }): Json<Said>,
) -> Result<Json<Marked>, Problem> {
    if area.is_some_and(|area| !is_within_frame(area)) {
        return Err(Problem::unfit(
            "area: left, upper edge, width and height are shares of the frame, within 0 and 1",
        ));
    }
    let marked = Marked {
        mark,
        area,
        by: caller.name,
        time: Timestamp::now(),
    };
    set(state, id, Some(marked.clone())).await?;
    Ok(Json(marked))
}

pub(super) async fn unmark(
    Of(state): Of<State>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    set(state, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set(state: State, id: Uuid, mark: Option<Marked>) -> Result<(), Problem> {
    let is_there = aside(move || state.line.store().mark(id, mark)).await?;
    is_there.then_some(()).ok_or_else(|| unknown(id))
}

fn is_within_frame([left, top, width, height]: [f32; 4]) -> bool {
    // A browser's sums are not exact.
    let end = 1.0 + 1e-4;
    left >= 0.0
        && top >= 0.0
        && width > 0.0
        && height > 0.0
        && left + width <= end
        && top + height <= end
}

fn unknown(id: Uuid) -> Problem {
    Problem::unknown(format!("there is no part {id}"))
}
