//! What a camera sees, as video by WebRTC. An offer is posted, the answer has this machine's addresses in it, and the
//! session has an address of its own: WHEP.

use axum::extract::{Path, Query, State as Of};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::State;
use super::listen::Peer;
use super::live::{View, place};
use super::problem::Problem;
use crate::webrtc::{self, NoVideo};

/// Of offers and answers.
const SDP: &str = "application/sdp";

pub(super) async fn watch(
    Of(state): Of<State>,
    Peer(peer): Peer,
    Path(name): Path<String>,
    Query(view): Query<View>,
    headers: HeaderMap,
    offer: String,
) -> Result<Response, Problem> {
    let View { width, drawn, .. } = view.check()?;
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != SDP) {
        let text = format!("an offer is of type {SDP}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let viewers = state.viewers.clone().ok_or_else(no_elements)?;
    let place = place(&state)?;
    let (view, offer) = ((name.clone(), width, drawn), (offer, peer.ip()));
    let (id, answer) = viewers.watch(view, offer, place, state.closing).await?;
    let location = format!("/api/v1/cameras/{name}/whep/{id}");
    let headers = [(LOCATION, location), (CONTENT_TYPE, SDP.to_owned())];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

pub(super) async fn end(
    Of(state): Of<State>,
    Path((_, id)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    match state.viewers.is_some_and(|viewers| viewers.end(id)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::unknown(format!("there is no session {id}"))),
    }
}

fn no_elements() -> Problem {
    let missing = webrtc::missing().map(|(element, package)| {
        format!("there is no video: {element} is missing, install {package} and start again")
    });
    Problem::unavailable(missing.unwrap_or_else(|| "there is no video before a restart".into()))
}

impl From<NoVideo> for Problem {
    fn from(no_video: NoVideo) -> Self {
        match no_video {
            NoVideo::Offer(text) => Self::unfit(text),
            NoVideo::Refused(refused) => refused.into(),
        }
    }
}
