//! The operator's page: the cameras live, parts to look at and mark, models that learn from marks, thresholds, and what
//! has happened. The server makes the HTML; a little plain JavaScript, which needs no build, does what moves. It
//! changes things by the API alone.

mod assets;
mod badge;
mod events;
mod improve;
mod language;
mod layout;
mod live;
mod login;
mod numbers;
mod region;
mod review;
mod teach;
mod texts;
mod threshold;
mod time;
mod told;
mod visit;

use axum::Router;
use axum::middleware;
use axum::routing::get;

pub use self::language::Language;
pub use self::visit::Visit;
use crate::http::State;

/// The pages, and what they are made of.
pub fn router() -> Router<State> {
    Router::new()
        .route("/", get(live::all))
        .route("/camera/{name}", get(live::one))
        .route("/teach", get(teach::first))
        .route("/teach/{recipe}", get(teach::show))
        .route("/region", get(region::first))
        .route("/region/{recipe}", get(region::show))
        .route("/review", get(review::show))
        .route("/improve", get(improve::first))
        .route("/improve/{recipe}", get(improve::show))
        .route("/threshold", get(threshold::first))
        .route("/threshold/{recipe}", get(threshold::show))
        .route("/events", get(events::show))
        .route("/login", get(login::show))
        .route("/assets/{name}", get(assets::show))
        .layer(middleware::from_fn(language::remember))
}

#[cfg(test)]
mod tests;
