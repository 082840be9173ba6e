//! Style and script, which lie in the program. Browsers ask each time whether they have changed.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $kind:expr;)*) => {
        [$(($name, $kind, include_str!(concat!("assets/", $name)))),*]
    };
}

/// Name, type and content.
const ALL: [(&str, &str, &str); 16] = assets! {
    "colours.css": STYLE;
    "style.css": STYLE;
    "views.css": STYLE;
    "common.js": SCRIPT;
    "live.js": SCRIPT;
    "review.js": SCRIPT;
    "marks.js": SCRIPT;
    "heatmap.js": SCRIPT;
    "box.js": SCRIPT;
    "threshold.js": SCRIPT;
    "teach.js": SCRIPT;
    "region.js": SCRIPT;
    "polygon.js": SCRIPT;
    "view.js": SCRIPT;
    "video.js": SCRIPT;
    "icon.svg": "image/svg+xml";
};

/// Serves one of them.
pub async fn show(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, content)) = ALL.into_iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(content);
    let always = [(ETAG, tag.as_str()), (CACHE_CONTROL, "no-cache")];
    let known = headers.get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    if known.is_some_and(|known| known.contains(&tag)) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    (always, [(CONTENT_TYPE, kind)], content).into_response()
}

fn tag(content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let first = show(Path("style.css".into()), HeaderMap::new()).await;
        assert_eq!(first.status(), StatusCode::OK);
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = show(Path("style.css".into()), headers).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = show(Path("../mod.rs".into()), HeaderMap::new()).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn all_together_are_small() {
        let bytes: usize = ALL.iter().map(|(.., content)| content.len()).sum();
        assert!(bytes < 100_000, "{bytes}");
    }
}
