//! What went wrong, as a status and `{"error": "..."}`.

use axum::Json;
use axum::body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::task::{self, JoinError};

use crate::command::Refused;
use crate::store::StoreError;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    text: String,
}

impl Problem {
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    /// There is no such thing.
    pub fn unknown(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// Not now.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// What was sent is at fault where it was refused, and not the moment.
    pub fn of_body(self) -> Self {
        match self.status {
            StatusCode::CONFLICT => Self::unfit(self.text),
            _ => self,
        }
    }

    /// What was sent makes no sense.
    pub fn unfit(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Unknown(_) => StatusCode::NOT_FOUND,
            Refused::Unfit(_) => StatusCode::CONFLICT,
            Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(status = self.status.as_u16(), "{}", self.text);
        }
        (self.status, Json(json!({ "error": self.text }))).into_response()
    }
}

/// Runs what reads files or waits for locks beside what serves.
pub(crate) async fn aside<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    task::spawn_blocking(work).await?.map_err(Into::into)
}

/// Makes problems of the plain texts in which axum tells of addresses, methods and bodies that are not right.
pub(super) async fn of_plain_text(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = body::to_bytes(body, 4096).await.unwrap_or_default();
    let text = match text.is_empty() {
        true => match status {
            StatusCode::NOT_FOUND => "there is nothing at this address".into(),
            StatusCode::METHOD_NOT_ALLOWED => {
                "this address takes other methods: see the header Allow".into()
            }
            StatusCode::REQUEST_TIMEOUT => "the request took too long".into(),
            _ => status.to_string().into(),
        },
        false => String::from_utf8_lossy(&text),
    };
    let (json, problem) = Problem::new(status, text).into_response().into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(json.headers);
    Response::from_parts(parts, problem)
}
