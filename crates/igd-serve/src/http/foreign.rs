//! Requests that another page makes in a user's browser are not answered.

use axum::extract::{Request, State as Of};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::State;
use super::access::{bearer, is_change};
use super::problem::Problem;

/// Foreign pages cannot set it without asking first, which is never answered.
const OURS: &str = "x-igd";

/// Lets through what the line's own page sends, and what is no browser.
pub(super) async fn keep_out(Of(state): Of<State>, request: Request, next: Next) -> Response {
    match fault(&request, state.access.needs_token()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn fault(request: &Request, needs_token: bool) -> Option<Problem> {
    let headers = request.headers();
    let Some(host) = host(request.uri(), headers) else {
        return Some(Problem::new(
            StatusCode::BAD_REQUEST,
            "the header Host has to name this server once",
        ));
    };
    let forbidden = |text: String| Some(Problem::new(StatusCode::FORBIDDEN, text));
    // A foreign name that was made to mean this machine: its page would be taken for ours.
    if !needs_token && !is_this_machine(host.host()) {
        return forbidden(format!(
            "without tokens only this machine is served, as localhost or 127.0.0.1, not as {}",
            host.host()
        ));
    }
    if headers
        .get_all(ORIGIN)
        .iter()
        .any(|origin| !is_of(origin.as_bytes(), &host))
    {
        return forbidden("the request comes from another page (header Origin)".into());
    }
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    if is("sec-fetch-site", "cross-site") && !is("sec-fetch-mode", "navigate") {
        return forbidden("the request comes from another page (header Sec-Fetch-Site)".into());
    }
    // Both take forms without script, which carry an Origin.
    let is_login = ["/login", "/logout"].contains(&request.uri().path());
    if is_change(request.method())
        && !is_login
        && bearer(headers).is_none()
        && !headers.contains_key(OURS)
    {
        return forbidden(
            "what changes something needs the header X-Igd: 1, or Authorization: Bearer TOKEN"
                .into(),
        );
    }
    None
}

/// What the client calls this server.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?.parse().ok()?;
    let is_one =
        hosts.next().is_none() && uri.authority().is_none_or(|authority| *authority == host);
    is_one.then_some(host)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn is_of(origin: &[u8], host: &Authority) -> bool {
    let origin: Option<Uri> = std::str::from_utf8(origin)
        .ok()
        .and_then(|origin| origin.parse().ok());
    origin.is_some_and(|origin| origin.scheme().is_some() && origin.authority() == Some(host))
}
