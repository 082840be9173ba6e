//! Which language a browser gets: the one that was chosen on a page, else the first of its own that we have.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

const COOKIE_NAME: &str = "igd-language";

/// One that the pages have texts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// As it is written in Britain.
    #[default]
    English,
    /// As it is written in Germany.
    German,
}

impl Language {
    /// In the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// As browsers and HTML write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// As those call it who speak it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// `de` as well as `de-AT`.
    fn of_code(code: &str) -> Option<Self> {
        let code = code.trim().split('-').next()?;
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(code))
    }

    fn of_headers(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let cookies = text(COOKIE).unwrap_or_default().split(';');
        let chosen = cookies
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE_NAME)
            .and_then(|(_, code)| Self::of_code(code));
        let wanted = || preferred(text(ACCEPT_LANGUAGE).unwrap_or_default());
        chosen.or_else(wanted).unwrap_or_default()
    }
}

/// The first that we have by the weights of `Accept-Language`.
fn preferred(wanted: &str) -> Option<Language> {
    let weighted = wanted.split(',').filter_map(|one| {
        let (code, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        (weight > 0.0).then_some((Language::of_code(code)?, weight))
    });
    let mut weighted: Vec<_> = weighted.collect();
    weighted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Some(weighted.first()?.0)
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_headers(&parts.headers))
    }
}

/// The address of this page in another language.
pub fn address(uri: &Uri, language: Language) -> String {
    let query = others(uri)
        .chain([format!("lang={}", language.code())])
        .collect::<Vec<_>>();
    format!("?{}", query.join("&"))
}

/// The query without the language.
fn others(uri: &Uri) -> impl Iterator<Item = String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
        .map(str::to_owned)
}

/// `?lang=de` on any page is remembered in a cookie, and the page shown without it.
pub async fn remember(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let chosen = uri.query().unwrap_or_default().split('&');
    let chosen = chosen
        .filter_map(|pair| pair.strip_prefix("lang="))
        .find_map(Language::of_code);
    let Some(language) = chosen else {
        return next.run(request).await;
    };
    let query = others(uri).collect::<Vec<_>>().join("&");
    // A path that begins with two slashes would be another server's.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    let here = match query.as_str() {
        "" => path,
        query => format!("{path}?{query}"),
    };
    let cookie = format!(
        "{COOKIE_NAME}={}; Path=/; Max-Age=31536000; SameSite=Lax",
        language.code()
    );
    let cookie = HeaderValue::from_str(&cookie).expect("letters of ASCII");
    ([(SET_COOKIE, cookie)], Redirect::to(&here)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accepted: &str, cookie: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, accepted.parse().unwrap());
        headers.insert(COOKIE, cookie.parse().unwrap());
        Language::of_headers(&headers)
    }

    #[test]
    fn a_choice_beats_the_browsers_wish_and_that_goes_by_weight() {
        assert_eq!(of("", ""), Language::English);
        assert_eq!(of("fr, de-AT;q=0.8, en;q=0.7", ""), Language::German);
        assert_eq!(of("de;q=0.2, en-GB", ""), Language::English);
        assert_eq!(of("de;q=0, *", ""), Language::English);
        assert_eq!(of("en", "a=b; igd-language=de"), Language::German);
        assert_eq!(of("de", "igd-language=xx"), Language::German);
    }

    #[test]
    fn the_switch_keeps_the_rest_of_the_address() {
        let uri: Uri = "/review?tab=bad&lang=en&camera=a".parse().unwrap();
        assert_eq!(address(&uri, Language::German), "?tab=bad&camera=a&lang=de");
    }
}
