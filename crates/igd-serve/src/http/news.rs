//! What happens, told when it does: server-sent events `part` and `camera`.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Of;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{self, Interval};

use super::State;
use super::problem::Problem;
use crate::line::{CameraState, Line};
use crate::store::Part;

/// Each new part, and each camera at first and whenever its state, recipe, version or error is another one.
pub(super) async fn stream(
    Of(state): Of<State>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = state.listeners.clone().try_acquire_owned();
    let place =
        place.map_err(|_| Problem::unavailable("too many are listening: close other pages"))?;
    let listener = Listener {
        parts: state.line.parts(),
        line: state.line,
        told: BTreeMap::new(),
        waiting: VecDeque::new(),
        look: time::interval(Duration::from_secs(1)),
        closing: state.closing,
        _place: place,
    };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Listener {
    line: Arc<Line>,
    parts: broadcast::Receiver<Arc<Part>>,
    /// What was told last of each camera.
    told: BTreeMap<String, (CameraState, String, u32, Option<String>)>,
    waiting: VecDeque<Event>,
    /// When to look at the cameras.
    look: Interval,
    closing: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` when the line or the server ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let part = tokio::select! {
                part = self.parts.recv() => Some(part),
                _ = self.look.tick() => None,
                _ = self.closing.wait_for(|closing| *closing) => return None,
            };
            match part {
                None => self.look_at_cameras(),
                Some(Ok(part)) => self.tell("part", &*part),
                // Whoever listens had better ask for the newest parts anew.
                Some(Err(RecvError::Lagged(missed))) => {
                    self.tell("missed", &json!({ "parts": missed }))
                }
                Some(Err(RecvError::Closed)) => return None,
            }
        }
    }

    fn look_at_cameras(&mut self) {
        for camera in self.line.cameras() {
            let now = (
                camera.state,
                camera.recipe.clone(),
                camera.version,
                camera.error.clone(),
            );
            if self.told.get(&camera.name) != Some(&now) {
                self.told.insert(camera.name.clone(), now);
                self.tell("camera", &camera);
            }
        }
    }

    fn tell(&mut self, kind: &str, data: &impl Serialize) {
        let event = Event::default().event(kind).json_data(data);
        self.waiting
            .push_back(event.expect("JSON of our own types"));
    }
}
