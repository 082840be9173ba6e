//! What is around the content of every page.

use maud::{DOCTYPE, Markup, html};

use super::language::{Language, address};
use super::texts::Texts;
use super::visit::Visit;

/// A whole page. `script` is the asset that makes its content move.
pub fn page(visit: &Visit, title: &str, script: Option<&str>, content: &Markup) -> Markup {
    let t = visit.texts();
    html! {
        (head(visit, title, script))
        body data-texts=(json(t)) {
            a.skip href="#content" { (t.skip) }
            header.top {
                a.line href="/" { (visit.line) }
                nav aria-label=(t.pages) {
                    ul {
                        @for (path, name) in pages(t) {
                            li { a href=(path) aria-current=[current(visit, path)] { (name) } }
                        }
                    }
                }
                div.account {
                    (languages(visit))
                    @if visit.has_tokens {
                        button.plain type="button" data-send="POST /logout" data-then="/login" { (t.logout) }
                    }
                }
            }
            p #unreachable .banner role="status" hidden { (t.unreachable) }
            div #waiting .banner hidden {
                span role="status" {}
                button type="button" data-marks="retry" { (t.retry) }
                button type="button" data-marks="drop" { (t.drop_marks) }
            }
            div #trouble role="alert" {}
            div #notice .notice role="status" {}
            p #announcer .unseen aria-live="polite" {}
            main #content tabindex="-1" {
                h1 { (title) }
                @if !visit.operates() { p.hint { (t.read_only) } }
                (content)
            }
        }
    }
}

/// A page that has nothing around it.
pub fn bare(visit: &Visit, title: &str, content: &Markup) -> Markup {
    html! {
        (head(visit, title, None))
        body.bare {
            main #content {
                h1 { (visit.line) }
                (content)
                (languages(visit))
            }
        }
    }
}

fn head(visit: &Visit, title: &str, script: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(visit.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " \u{2013} " (visit.line) }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/colours.css";
                link rel="stylesheet" href="/assets/style.css";
                link rel="stylesheet" href="/assets/views.css";
                script type="module" src="/assets/common.js" {}
                @if let Some(script) = script {
                    script type="module" src={ "/assets/" (script) } {}
                }
            }
        }
    }
}

fn pages(t: &Texts) -> [(&'static str, &'static str); 7] {
    [
        ("/", t.live),
        ("/teach", t.teach),
        ("/region", t.region_page),
        ("/review", t.review),
        ("/improve", t.improve),
        ("/threshold", t.threshold),
        ("/events", t.events),
    ]
}

/// For `aria-current`.
fn current(visit: &Visit, path: &str) -> Option<&'static str> {
    let here = visit.uri.path();
    let is_here = match path {
        "/" => here == "/" || here.starts_with("/camera/"),
        path => here.split('/').nth(1) == path.split('/').nth(1),
    };
    is_here.then_some("page")
}

fn languages(visit: &Visit) -> Markup {
    html! {
        nav.languages aria-label=(visit.texts().language) {
            @for language in Language::ALL {
                a href=(address(&visit.uri, language)) lang=(language.code()) hreflang=(language.code())
                    aria-current=[(language == visit.language).then_some("true")] { (language.name()) }
            }
        }
    }
}

/// Which of a line's recipes a page is of, where there are several.
pub fn recipes<'a>(
    visit: &Visit,
    page: &str,
    names: impl Iterator<Item = &'a str>,
    here: &str,
) -> Markup {
    let names: Vec<_> = names.collect();
    html! {
        @if names.len() > 1 {
            nav.tabs aria-label=(visit.texts().recipes) {
                @for name in names {
                    a href={ "/" (page) "/" (name) } aria-current=[(name == here).then_some("page")] { (name) }
                }
            }
        }
    }
}

/// In place of what a model would tell.
pub fn no_model(visit: &Visit, recipe: &str) -> Markup {
    let t = visit.texts();
    html! {
        p.warning { (recipe) ": " (t.no_model) " " a href={ "/teach/" (recipe) } { (t.teach_it) } }
    }
}

fn json(texts: &Texts) -> String {
    let texts: serde_json::Map<_, _> = texts
        .all()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect();
    serde_json::Value::Object(texts).to_string()
}
