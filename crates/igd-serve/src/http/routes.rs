//! Addresses, and what stands around all of them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::{
    State, access, cameras, foreign, health, lessons, live, metrics, news, parts, problem, recipes,
    video, whole,
};

/// Bytes of a request's body, where its route says nothing else.
const BODY: usize = 64 << 10;
/// From the headers of a request to those of its answer.
const PATIENCE: Duration = Duration::from_secs(30);
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// `OpenAPI` 3.1; the tests hold it against what is served.
const OPENAPI: &str = include_str!("openapi.json");

/// All that is served.
pub(super) fn router(state: State, pages: Router<State>) -> Router {
    let header = |name: HeaderName, value| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let patience = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, PATIENCE);
    Router::new()
        .nest("/api/v1", api())
        .route("/metrics", get(metrics::metrics))
        .merge(health::routes())
        .merge(access::routes())
        .merge(pages)
        .layer(patience)
        // A verdict may take as long as the camera's deadline.
        .route("/api/v1/cameras/{name}/trigger", post(cameras::trigger))
        .layer(map_response(problem::of_plain_text))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(state.clone(), access::admit))
        .layer(from_fn_with_state(state.clone(), foreign::keep_out))
        .layer(header(CACHE_CONTROL, "no-store"))
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // With "no-referrer" browsers send forms with `Origin: null`, and nobody could log in.
        .layer(header(REFERRER_POLICY, "same-origin"))
        .layer(header(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ))
        // What fails is logged where it does.
        .layer(TraceLayer::new_for_http().on_failure(()))
        .with_state(state)
}

fn api() -> Router<State> {
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/cameras", get(cameras::all))
        .route("/cameras/{name}", get(cameras::one))
        .route("/cameras/{name}/recipe", post(cameras::recipe))
        .route("/cameras/{name}/pause", post(cameras::pause))
        .route("/cameras/{name}/picture.jpg", get(live::picture))
        .route("/cameras/{name}/live.mjpeg", get(live::stream))
        .route("/cameras/{name}/whep", post(video::watch))
        .route("/cameras/{name}/whep/{id}", delete(video::end))
        .route("/parts", get(parts::all))
        .route("/parts/{id}", get(parts::one))
        .route("/parts/{id}/frame.jpg", get(parts::frame))
        .route("/parts/{id}/seen.png", get(parts::seen))
        .route("/parts/{id}/map.png", get(parts::map))
        .route("/parts/{id}/mark", put(parts::mark).delete(parts::unmark))
        .route("/recipes", get(recipes::all).post(recipes::make))
        .route("/recipes/{name}", get(recipes::one).delete(recipes::remove))
        .route("/recipes/{name}/inspected", put(recipes::inspect))
        .route("/recipes/{name}/refit", post(recipes::refit))
        .route("/recipes/{name}/refit/accept", post(recipes::accept))
        .route("/recipes/{name}/refit/discard", post(recipes::discard))
        .route("/recipes/{name}/activate", post(recipes::activate))
        .route("/recipes/{name}/threshold", put(recipes::threshold))
        .route("/recipes/{name}/scores", get(recipes::scores))
        .merge(lessons())
        .route("/outputs", get(whole::outputs))
        .route("/events", get(whole::events))
        .route("/events/stream", get(news::stream))
        .route("/counts", get(whole::counts))
}

fn lessons() -> Router<State> {
    let pictures = post(lessons::upload)
        .layer(DefaultBodyLimit::max(lessons::UPLOAD))
        .delete(lessons::clear);
    let picture = get(lessons::preview).delete(lessons::remove);
    Router::new()
        .route("/recipes/{name}/lesson", get(lessons::one))
        .route("/recipes/{name}/lesson/pictures", pictures)
        .route("/recipes/{name}/lesson/pictures/{id}", picture)
        .route("/recipes/{name}/lesson/mean.jpg", get(lessons::mean))
        .route("/recipes/{name}/lesson/collect", post(lessons::collect))
        .route("/recipes/{name}/lesson/stop", post(lessons::stop))
        .route("/recipes/{name}/lesson/fit", post(lessons::fit))
        .route("/recipes/{name}/lesson/cancel", post(lessons::cancel))
        .route("/recipes/{name}/lesson/accept", post(lessons::accept))
        .route("/recipes/{name}/lesson/discard", post(lessons::discard))
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}
