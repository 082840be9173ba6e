use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::config::Role;

/// Who asks. Handlers take it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its token's name, or `anyone` where the line has no tokens.
    pub name: String,
    /// What it may do. Requests that change something have been refused already if it is [`Role::Read`].
    pub role: Role,
}

impl Caller {
    /// Whoever reaches a line without tokens.
    pub(super) fn anyone() -> Self {
        Self {
            name: "anyone".into(),
            role: Role::Operate,
        }
    }

    /// Whoever has shown no token, at the few addresses that need none.
    fn nobody() -> Self {
        Self {
            name: "nobody".into(),
            role: Role::Read,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get().cloned();
        Ok(known.unwrap_or_else(Self::nobody))
    }
}
