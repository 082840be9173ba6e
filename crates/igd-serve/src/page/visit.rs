//! What every page knows of whoever opens it, and how it comes by what it shows.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::language::Language;
use super::layout;
use super::texts::Texts;
use crate::command::Refused;
use crate::config::Role;
use crate::http::{Caller, State};

/// Someone opens a page.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Who it is.
    pub caller: Caller,
    /// What they read.
    pub language: Language,
    /// The page's address.
    pub uri: Uri,
    /// The line's name.
    pub line: String,
    /// Whether tokens are configured.
    pub has_tokens: bool,
}

impl Visit {
    pub(super) fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// Whether they may change anything.
    pub(super) fn operates(&self) -> bool {
        self.caller.role == Role::Operate
    }

    /// Looks something up, which may wait for the disk, and shows it.
    pub(super) async fn show<T: Send + 'static>(
        self,
        look: impl FnOnce() -> Result<T, Refused> + Send + 'static,
        render: impl FnOnce(&Self, &T) -> Markup,
    ) -> Response {
        let looked = tokio::task::spawn_blocking(look).await;
        match looked.unwrap_or_else(|error| Err(Refused::Failed(error.to_string()))) {
            Ok(found) => render(&self, &found).into_response(),
            Err(refused) => self.refuse(&refused),
        }
    }

    /// A page that says why there is none.
    pub(super) fn refuse(&self, refused: &Refused) -> Response {
        let status = match refused {
            Refused::Unknown(_) => StatusCode::NOT_FOUND,
            Refused::Unfit(_) => StatusCode::CONFLICT,
            Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let title = match refused {
            Refused::Unknown(_) => self.texts().not_found,
            _ => self.texts().live,
        };
        let content = html! { p { (refused) } };
        (status, layout::page(self, title, None, &content)).into_response()
    }
}

impl FromRequestParts<State> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        let config = state.line.config();
        Ok(Self {
            caller: Caller::from_request_parts(parts, state).await?,
            language: Language::from_request_parts(parts, state).await?,
            uri: parts.uri.clone(),
            line: config.name.to_string(),
            has_tokens: !config.server.tokens.is_empty(),
        })
    }
}
