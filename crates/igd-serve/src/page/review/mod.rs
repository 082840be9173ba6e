//! Parts to look at and to mark: the bad ones, those near the threshold, a sample of the good ones, the marked ones.

mod filter;
mod viewer;

use axum::extract::{Query, State};
use axum::response::Response;
use jiff::ZonedDateTime;
use maud::{Markup, html};
use serde_json::json;

pub use self::filter::{Filter, Since, Tab};
use super::texts::{Texts, fill};
use super::time;
use super::visit::Visit;
use super::{badge, layout};
use crate::store::Part;

/// Parts on a page.
const SHOWN: u32 = 48;

/// What the page shows.
pub struct Gallery {
    pub filter: Filter,
    pub parts: Vec<Shown>,
    pub cameras: Vec<String>,
    pub recipes: Vec<String>,
}

/// A part of it.
pub struct Shown {
    pub part: Part,
    /// What was inspected: left, upper edge, width and height as shares of the frame.
    pub region: [f32; 4],
}

pub async fn show(
    visit: Visit,
    State(state): State<crate::http::State>,
    Query(filter): Query<Filter>,
) -> Response {
    let look = move || {
        let config = state.line.config();
        let parts = state
            .line
            .store()
            .parts(&filter.query(&ZonedDateTime::now(), SHOWN))?;
        let shown = parts.into_iter().map(|part| Shown {
            region: region(&part),
            part,
        });
        Ok(Gallery {
            filter,
            parts: shown.collect(),
            cameras: config.cameras.keys().map(ToString::to_string).collect(),
            recipes: state.line.recipe_names(),
        })
    };
    visit.show(look, page).await
}

/// Where a part's map lies on its frame.
pub fn region(part: &Part) -> [f32; 4] {
    let [width, height] = part.record.size;
    let Some([x, y, w, h]) = part.record.inspected else {
        return [0.0, 0.0, 1.0, 1.0];
    };
    let share = |pixels: u32, of: u32| pixels as f32 / of.max(1) as f32;
    [
        share(x, width),
        share(y, height),
        share(w, width),
        share(h, height),
    ]
}

pub fn page(visit: &Visit, gallery: &Gallery) -> Markup {
    let t = visit.texts();
    let filter = &gallery.filter;
    let content = html! {
        nav.tabs aria-label=(t.what_parts) {
            @for tab in Tab::ALL {
                a href={ "/review?" (Filter { tab, before: None, ..filter.clone() }) }
                    aria-current=[(tab == filter.tab).then_some("page")] { (tab.text(t)) }
            }
        }
        (filters(gallery, t))
        p.hint { (t.review_hint) }
        @if gallery.parts.is_empty() {
            p { (t.no_parts) }
        } @else {
            p.unseen role="status" { (fill(t.parts_shown, &[("n", &gallery.parts.len())])) }
            ul.gallery {
                @for shown in &gallery.parts { li { (tile(shown, t)) } }
            }
        }
        (pages(gallery, t))
        (viewer::dialog(visit))
    };
    layout::page(visit, t.review, Some("review.js"), &content)
}

fn filters(gallery: &Gallery, t: &Texts) -> Markup {
    let filter = &gallery.filter;
    html! {
        form.filters method="get" action="/review" aria-label=(t.filters) {
            input type="hidden" name="tab" value=(filter.tab.name());
            @for (name, label, options, chosen) in [
                ("camera", t.camera, &gallery.cameras, &filter.camera),
                ("recipe", t.recipe, &gallery.recipes, &filter.recipe),
            ] {
                div {
                    label for={ "by-" (name) } { (label) }
                    select #{ "by-" (name) } name=(name) {
                        option value="" { (t.all) }
                        @for option in options {
                            option value=(option) selected[option == chosen] { (option) }
                        }
                    }
                }
            }
            div {
                label for="by-time" { (t.time) }
                select #by-time name="since" {
                    @for since in Since::ALL {
                        option value=(since.name()) selected[since == filter.since] { (since.text(t)) }
                    }
                }
            }
            button type="submit" { (t.show) }
        }
    }
}

fn tile(shown: &Shown, t: &Texts) -> Markup {
    let Shown { part, region } = shown;
    let record = &part.record;
    let shown = json!({"part": part, "region": region, "time": time::text(record.time)});
    html! {
        button.tile type="button" #{ "part-" (record.id) } data-part=(shown) {
            @match part.pictures {
                true => {
                    img src={ "/api/v1/parts/" (record.id) "/frame.jpg" } alt="" loading="lazy"
                        width=(record.size[0]) height=(record.size[1]);
                }
                false => { span.empty { (t.no_pictures_kept) } }
            }
            span.about {
                (badge::verdict(Some(record.verdict), t))
                (badge::mark(part.mark.as_ref().map(|marked| marked.mark), t))
                span.when { (time::text(record.time)) }
                span.where { (record.camera) " · " (record.recipe) }
            }
        }
    }
}

fn pages(gallery: &Gallery, t: &Texts) -> Markup {
    let filter = &gallery.filter;
    let last = gallery.parts.last();
    let is_full = gallery.parts.len() == SHOWN as usize && filter.tab != Tab::Near;
    html! {
        p.pages {
            @if filter.before.is_some() {
                a.button href={ "/review?" (Filter { before: None, ..filter.clone() }) } { (t.newest) }
            }
            @if let Some(last) = last.filter(|_| is_full) {
                a.button href={ "/review?" (Filter { before: Some(last.part.seq), ..filter.clone() }) } { (t.older) }
            }
        }
    }
}
