//! Who asks, and whether they may.

mod failures;
mod login;
mod sessions;
mod token;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use axum::extract::{self, Request};
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use self::failures::TooMany;
use self::sessions::Sessions;
use self::token::Tokens;
use super::listen::Peer;
use super::problem::Problem;
use super::{Caller, State};
use crate::config::{LineConfig, Role};
use crate::lock::lock;

pub use self::login::routes;
pub use self::token::{hash_token, new_token};

/// Who may do what at a line.
pub(super) struct Access {
    /// `None`: whoever reaches the address may do all.
    tokens: Option<Tokens>,
    sessions: Mutex<Sessions>,
    /// Browsers keep one jar for all ports of a machine, so each line has a name of its own there.
    cookie: String,
    /// Whether the cookie goes by TLS alone.
    is_secure: bool,
}

impl Access {
    pub fn new(config: &LineConfig) -> Self {
        let tokens = &config.server.tokens;
        Self {
            tokens: (!tokens.is_empty()).then(|| Tokens::new(tokens)),
            sessions: Mutex::default(),
            cookie: format!("igd-{}", config.name),
            is_secure: config.server.tls.is_some(),
        }
    }

    /// Whether somebody has to say who they are.
    pub fn needs_token(&self) -> bool {
        self.tokens.is_some()
    }

    async fn caller(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Option<Caller>, TooMany> {
        let Some(tokens) = &self.tokens else {
            return Ok(Some(Caller::anyone()));
        };
        if let Some(token) = bearer(headers) {
            return tokens.caller(token, address).await;
        }
        let id = self.session_id(headers);
        Ok(id.and_then(|id| self.sessions().caller(id, Instant::now())))
    }

    fn session_id<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok());
        let mut cookies = cookies.flat_map(|cookies| cookies.split(';'));
        cookies.find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

/// The token of `Authorization: Bearer TOKEN`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request may change something.
pub(super) fn is_change(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Whether it changes the line. Who watches by WebRTC posts an offer, and changes nothing.
fn changes(request: &Request) -> bool {
    let path = request.uri().path().strip_prefix("/api/v1/cameras/");
    let what = path.and_then(|path| path.split('/').nth(1));
    is_change(request.method()) && what != Some("whep")
}

/// What needs no token: whether it is well, how to log in, and what the page looks like.
fn is_open(path: &str) -> bool {
    ["/healthz", "/readyz", "/login", "/logout"].contains(&path) || path.starts_with("/assets/")
}

/// Lets requests through that their caller may make, and tells handlers who it is.
pub(super) async fn admit(
    extract::State(state): extract::State<State>,
    Peer(peer): Peer,
    mut request: Request,
    next: Next,
) -> Response {
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
    match state.access.caller(request.headers(), peer.ip()).await {
        Ok(Some(caller)) if caller.role < Role::Operate && changes(&request) => {
            let text = format!(
                "{} may see all and change nothing: this needs a token of role operate",
                caller.name
            );
            Problem::new(StatusCode::FORBIDDEN, text).into_response()
        }
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => refuse(request.headers()),
        Err(too_many) => too_many.into_response(),
    }
}

/// A browser is shown where to log in, a program is told what is missing.
fn refuse(headers: &HeaderMap) -> Response {
    if is_browsing(headers) {
        return Redirect::to("/login").into_response();
    }
    let text = "a token is needed, and it has to be a right one: Authorization: Bearer TOKEN";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, text);
    ([(WWW_AUTHENTICATE, "Bearer")], problem).into_response()
}

/// Whether a page is what the answer is wanted for.
fn is_browsing(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
