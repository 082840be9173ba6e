//! The page's way to say who one is: the token once, a cookie from then on.

use std::time::Instant;

use axum::extract::State as Of;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Form, Router};
use serde::Deserialize;

use super::failures::TooMany;
use super::{is_browsing, refuse, sessions};
use crate::http::State;
use crate::http::listen::Peer;
use crate::http::problem::Problem;

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// `/login` and `/logout`, which take forms, so that they need no script.
pub fn routes() -> Router<State> {
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
}

async fn login(
    Of(state): Of<State>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Form(Login { token }): Form<Login>,
) -> Response {
    let access = &state.access;
    let Some(tokens) = &access.tokens else {
        return Redirect::to("/").into_response();
    };
    match tokens.caller(token.trim(), peer.ip()).await {
        Ok(Some(caller)) => {
            let id = access.sessions().begin(caller, Instant::now());
            let cookie = cookie(&state, &id, sessions::LASTS.as_secs());
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        Ok(None) if is_browsing(&headers) => Redirect::to("/login?wrong").into_response(),
        Ok(None) => refuse(&headers),
        Err(_) if is_browsing(&headers) => Redirect::to("/login?wrong=too-often").into_response(),
        Err(too_many) => too_many.into_response(),
    }
}

async fn logout(Of(state): Of<State>, headers: HeaderMap) -> Response {
    if let Some(id) = state.access.session_id(&headers) {
        state.access.sessions().end(id);
    }
    (
        [(SET_COOKIE, cookie(&state, "", 0))],
        Redirect::to("/login"),
    )
        .into_response()
}

fn cookie(state: &State, value: &str, seconds: u64) -> String {
    let access = &state.access;
    let secure = if access.is_secure { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
        access.cookie
    )
}

impl IntoResponse for TooMany {
    fn into_response(self) -> Response {
        let seconds = self.0.as_secs() + 1;
        let text = format!("too many wrong tokens from this address: try again in {seconds} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, text);
        ([(RETRY_AFTER, seconds.to_string())], problem).into_response()
    }
}
