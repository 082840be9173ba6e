//! Pages of made-up lines.

mod samples;

use maud::Markup;

use super::*;
use crate::config::Role;
use samples::{EVIL, visit};

/// Every page, each with a name.
fn pages(visit: &Visit) -> Vec<(&'static str, Markup)> {
    vec![
        ("live", live::page(visit, &samples::seen(false))),
        ("camera", live::page(visit, &samples::seen(true))),
        ("review", review::page(visit, &samples::gallery())),
        (
            "improve",
            improve::page(visit, &samples::improvable(samples::proposed())),
        ),
        (
            "refitting",
            improve::page(visit, &samples::improvable(samples::running())),
        ),
        (
            "refused",
            improve::page(visit, &samples::improvable(samples::refused())),
        ),
        ("threshold", threshold::page(visit, &samples::settable())),
        (
            "teach",
            teach::page(visit, &samples::teachable(samples::taught())),
        ),
        (
            "teaching",
            teach::page(visit, &samples::teachable(samples::teaching())),
        ),
        ("region", region::page(visit, &samples::drawable())),
        ("events", events::page(visit, &samples::happened())),
        ("login", login::page(visit, &login::Before::default())),
    ]
}

#[test]
fn nothing_that_was_named_becomes_markup() {
    for language in Language::ALL {
        for (name, page) in pages(&visit(language, Role::Operate)) {
            let page = page.into_string();
            for part in [EVIL, "<b>", "<img src=x"] {
                assert!(!page.contains(part), "{name}");
            }
        }
    }
}

#[test]
fn names_are_shown_as_they_are() {
    for (name, page) in pages(&visit(Language::English, Role::Operate)) {
        let page = page.into_string();
        assert!(page.contains("&lt;b&gt;&quot;&amp;"), "{name}");
    }
}

/// What `default-src 'self'` refuses.
#[test]
fn no_page_has_a_script_or_style_of_its_own() {
    for (name, page) in pages(&visit(Language::German, Role::Operate)) {
        let page = page.into_string();
        for refused in [
            "<style",
            " style=\"",
            " onclick=",
            "javascript:",
            "http://",
            "https://",
            "data:",
        ] {
            assert!(!page.contains(refused), "{name}: {refused}");
        }
        let scripts = page.matches("<script").count();
        assert_eq!(
            page.matches("<script type=\"module\" src=\"/assets/")
                .count(),
            scripts,
            "{name}"
        );
    }
}

#[test]
fn each_page_is_in_the_language_that_it_names() {
    for (language, words) in [
        (Language::English, "Skip to"),
        (Language::German, "Zum Inhalt"),
    ] {
        for (name, page) in pages(&visit(language, Role::Operate)) {
            let page = page.into_string();
            assert!(
                page.contains(&format!("<html lang=\"{}\">", language.code())),
                "{name}"
            );
            assert!(page.contains(words) || name == "login", "{name}");
        }
    }
}

#[test]
fn whoever_may_only_look_is_offered_nothing_else() {
    for (name, page) in pages(&visit(Language::English, Role::Read)) {
        let page = page.into_string();
        assert_eq!(
            page.matches("/api/v1/").count(),
            page.matches("src=\"/api/v1/").count(),
            "{name}"
        );
        for button in [
            "data-do=\"good\"",
            "data-do=\"apply\"",
            "data-send=\"POST /api",
        ] {
            assert!(!page.contains(button), "{name}: {button}");
        }
    }
}

#[test]
fn ids_are_of_one_element_each() {
    for (name, page) in pages(&visit(Language::English, Role::Operate)) {
        let page = page.into_string();
        let mut ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

/// With `IGD_WRITE_PAGES=FOLDER` the pages are written there, to be looked at.
#[test]
fn pages_are_small() {
    let folder = std::env::var_os("IGD_WRITE_PAGES").map(std::path::PathBuf::from);
    for language in Language::ALL {
        for (name, page) in pages(&visit(language, Role::Operate)) {
            let page = page.into_string();
            if let Some(folder) = &folder {
                let file = folder.join(format!("{name}-{}.html", language.code()));
                std::fs::write(file, &page).unwrap();
            }
            assert!(page.len() < 200_000, "{name}: {}", page.len());
        }
    }
}
