//! Where a token is shown.

use axum::extract::Query;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout;
use super::visit::Visit;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    /// The last token was none.
    wrong: Option<String>,
    /// There were too many such.
    wait: Option<String>,
}

pub async fn show(visit: Visit, Query(before): Query<Before>) -> Markup {
    page(&visit, &before)
}

pub fn page(visit: &Visit, before: &Before) -> Markup {
    let t = visit.texts();
    let error = match before {
        Before { wait: Some(_), .. } => Some(t.wait),
        Before { wrong: Some(_), .. } => Some(t.wrong_token),
        _ => None,
    };
    let content = html! {
        form.login method="post" action="/login" {
            // What keeps passwords keeps them by a name.
            input type="text" name="line" value=(visit.line) autocomplete="username" readonly hidden;
            label for="token" { (t.token) }
            input #token type="password" name="token" required autocomplete="current-password" autofocus
                aria-describedby="about-token";
            p #about-token .hint { (t.token_hint) }
            @if let Some(error) = error { p.error role="alert" { (error) } }
            button.main type="submit" { (t.login) }
        }
    };
    layout::bare(visit, t.login, &content)
}
