//! Whether the process and the line are well.

use axum::Router;
use axum::extract::State as Of;
use axum::routing::get;

use super::State;
use super::problem::{Problem, aside};
use crate::line::{CameraState, CameraStatus};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
}

/// The process answers.
async fn health() -> &'static str {
    "ok\n"
}

/// The line works.
async fn ready(Of(state): Of<State>) -> Result<&'static str, Problem> {
    let line = state.line.clone();
    if aside(move || Ok::<_, Problem>(line.is_ready())).await? {
        return Ok("ready\n");
    }
    let is_awaited =
        |camera: &CameraStatus| matches!(camera.state, CameraState::Connecting | CameraState::Lost);
    let awaited = state.line.cameras().into_iter().filter(is_awaited);
    let names: Vec<_> = awaited.map(|camera| camera.name).collect();
    Err(Problem::unavailable(match names.is_empty() {
        true => "not ready: the store takes no parts".into(),
        false => format!("not ready: no frames of {}", names.join(", ")),
    }))
}
