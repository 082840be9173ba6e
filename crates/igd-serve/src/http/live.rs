//! What a camera sees now, as a picture or as a stream of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State as Of};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{self, Instant};

use super::State;
use super::problem::{Problem, aside};
use crate::line::Line;

const WIDTHS: std::ops::RangeInclusive<u32> = 16..=4096;
const RATES: std::ops::RangeInclusive<f64> = 0.1..=60.0;

/// How a frame is wanted.
#[derive(Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct View {
    /// At most so wide.
    pub width: u32,
    /// With heatmap, boxes and badge.
    pub drawn: bool,
    /// Of a stream: at most so many a second.
    fps: f64,
}

impl Default for View {
    fn default() -> Self {
        Self {
            width: 640,
            drawn: true,
            fps: 10.0,
        }
    }
}

impl View {
    pub fn check(self) -> Result<Self, Problem> {
        match WIDTHS.contains(&self.width) && RATES.contains(&self.fps) {
            true => Ok(self),
            false => Err(Problem::unfit("width is 16 to 4096, fps is 0.1 to 60")),
        }
    }
}

/// The newest judged frame.
pub(super) async fn picture(
    Of(state): Of<State>,
    Path(name): Path<String>,
    Query(view): Query<View>,
) -> Result<Response, Problem> {
    let View { width, drawn, .. } = view.check()?;
    let camera = name.clone();
    let picture = aside(move || state.line.view(&camera, width, drawn)).await?;
    let picture =
        picture.ok_or_else(|| Problem::unavailable(format!("{name} has given no frame yet")))?;
    Ok(([(CONTENT_TYPE, "image/jpeg")], Bytes::from_owner(picture)).into_response())
}

/// All judged frames, as a browser's `<img>` shows them.
pub(super) async fn stream(
    Of(state): Of<State>,
    Path(name): Path<String>,
    Query(view): Query<View>,
) -> Result<Response, Problem> {
    let view = view.check()?;
    let mut frames = state.line.frames(&name)?;
    let place = place(&state)?;
    // The newest one is shown at once.
    frames.mark_changed();
    let watcher = Watcher {
        line: state.line.clone(),
        closing: state.closing.clone(),
        next: Instant::now(),
        shown: None,
        _place: place,
        frames,
        name,
        view,
    };
    let pictures = stream::unfold(watcher, |mut watcher| async {
        let picture = watcher.next().await?;
        Some((Ok::<_, Infallible>(picture), watcher))
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(pictures)).into_response())
}

/// For one who watches.
pub(super) fn place(state: &State) -> Result<OwnedSemaphorePermit, Problem> {
    let place = state.watchers.clone().try_acquire_owned();
    place.map_err(|_| Problem::unavailable("too many are watching: close other streams"))
}

const BOUNDARY: &str = "igd-frame";

/// One who watches a camera.
struct Watcher {
    line: Arc<Line>,
    name: String,
    view: View,
    frames: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    /// Not before then.
    next: Instant,
    shown: Option<Arc<[u8]>>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// The next new frame; `None` when the camera or the server ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let changed = async {
                time::sleep_until(self.next).await;
                self.frames.changed().await
            };
            tokio::select! {
                changed = changed => changed.ok()?,
                _ = self.closing.wait_for(|closing| *closing) => return None,
            }
            self.next = Instant::now() + Duration::from_secs_f64(1.0 / self.view.fps);
            self.frames.mark_unchanged();
            let (line, name, View { width, drawn, .. }) =
                (self.line.clone(), self.name.clone(), self.view);
            let picture = aside(move || line.view(&name, width, drawn)).await.ok()?;
            // Whoever asked at the same moment may have had it encoded again, but it is sent once.
            if picture.is_some() && picture != self.shown {
                let is_first = self.shown.is_none();
                self.shown = picture;
                return self.shown.as_deref().map(|picture| part(picture, is_first));
            }
        }
    }
}

/// The boundary follows each picture at once: browsers show none before they have seen it.
fn part(picture: &[u8], is_first: bool) -> Bytes {
    let boundary = format!("--{BOUNDARY}\r\n");
    let head = format!(
        "{}Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        if is_first { &boundary } else { "" },
        picture.len()
    );
    [head.as_bytes(), picture, b"\r\n", boundary.as_bytes()]
        .concat()
        .into()
}
