//! A recipe's model learns from marks: refit, compare, accept or discard, and go back.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use igd::feedback::FEWEST_BAD;
use maud::{Markup, html};
use uuid::Uuid;

use super::badge;
use super::layout;
use super::numbers::{decimal, percent_of};
use super::texts::{Texts, fill};
use super::time::stamp;
use super::told::told;
use super::visit::Visit;
use crate::command::Refused;
use crate::line::{Change, RecipeStatus, Refit};
use crate::record::{Mark, Verdict};
use crate::store::{Part, Version};

/// What the page shows.
pub struct Improvable {
    /// All of the line.
    pub names: Vec<String>,
    pub recipe: RecipeStatus,
    /// Those that the proposed model judges otherwise.
    pub changed: BTreeMap<Uuid, Part>,
}

/// The first recipe's page.
pub async fn first(visit: Visit, State(state): State<crate::http::State>) -> Response {
    redirect(&visit, &state, "improve")
}

/// To a page of the first recipe: that of the first camera.
pub fn redirect(visit: &Visit, state: &crate::http::State, page: &str) -> Response {
    match state.line.cameras().first() {
        Some(camera) => Redirect::to(&format!("/{page}/{}", camera.recipe)).into_response(),
        None => visit.refuse(&Refused::Unknown("there is no camera".into())),
    }
}

pub async fn show(
    visit: Visit,
    State(state): State<crate::http::State>,
    Path(name): Path<String>,
) -> Response {
    let look = move || {
        let recipe = state.line.recipe(&name)?;
        let names = state.line.recipe_names();
        let mut changed = BTreeMap::new();
        if let Refit::Proposed { changes, .. } = &recipe.refit {
            for change in changes {
                changed.extend(
                    state
                        .line
                        .store()
                        .part(change.id)?
                        .map(|part| (change.id, part)),
                );
            }
        }
        Ok(Improvable {
            names,
            recipe,
            changed,
        })
    };
    visit.show(look, page).await
}

pub fn page(visit: &Visit, found: &Improvable) -> Markup {
    let t = visit.texts();
    let names = found.names.iter().map(String::as_str);
    let recipe = &found.recipe;
    // Its progress is shown as it goes; another may have begun it.
    let pause = if matches!(recipe.refit, Refit::Running { .. }) {
        1
    } else {
        5
    };
    let content = html! {
        (layout::recipes(visit, "improve", names, &recipe.name))
        section #refit data-refresh-every=(pause) {
            h2 { (t.recipe) " " (recipe.name) }
            @if recipe.versions.is_empty() {
                (layout::no_model(visit, &recipe.name))
            } @else {
                (marks(visit, recipe))
                (refit(visit, found))
            }
        }
        section #versions data-refresh-every="5" {
            h2 { (t.versions) }
            (versions(visit, recipe))
        }
    };
    layout::page(visit, t.improve, None, &content)
}

fn marks(visit: &Visit, recipe: &RecipeStatus) -> Markup {
    let t = visit.texts();
    let (bad, good) = (recipe.marked_bad, recipe.marked_good);
    let is_free = matches!(recipe.refit, Refit::None | Refit::Refused { .. });
    let missing = FEWEST_BAD.saturating_sub(bad);
    html! {
        p {
            (fill(t.marks_so_far, &[("bad", &bad), ("good", &good)])) " "
            a href={ "/review?tab=marked&recipe=" (recipe.name) } { (t.marked_ones) }
        }
        @if bad + good == 0 {
            p.hint { (t.no_marks) }
        } @else if bad > 0 && missing > 0 {
            p.hint { (fill(t.more_marks, &[("n", &missing), ("fewest", &FEWEST_BAD)])) }
        } @else if is_free && visit.operates() {
            p {
                button.main type="button" #begin-refit data-send={ "POST /api/v1/recipes/" (recipe.name) "/refit" }
                    data-refresh="refit" { (fill(t.refit, &[("n", &(bad + good))])) }
            }
            p.hint { (t.refit_about) }
        }
    }
}

fn refit(visit: &Visit, found: &Improvable) -> Markup {
    let t = visit.texts();
    match &found.recipe.refit {
        Refit::None => html! {},
        Refit::Running { done, all } => {
            let text = fill(t.refitting, &[("done", done), ("all", all)]);
            html! {
                label.progress for="progress" { (text) }
                progress #progress max=((*all).max(1)) value=(done) { (text) }
            }
        }
        Refit::Refused { text, lines } => html! {
            div.outcome {
                h3 { (t.refused) }
                p { (told(text, visit.language)) }
                ul { @for line in lines { li { (told(line, visit.language)) } } }
            }
        },
        Refit::Proposed { lines, changes } => html! {
            div.outcome {
                h3 { (t.proposed) }
                ul { @for line in lines { li { (told(line, visit.language)) } } }
                h3 { (t.changes) }
                @if changes.is_empty() { p { (t.no_changes) } }
                ul.gallery.changes {
                    @for change in changes { li { (changed(change, found.changed.get(&change.id), t)) } }
                }
                @if visit.operates() { (decision(&found.recipe.name, t)) }
            }
        },
    }
}

fn decision(recipe: &str, t: &Texts) -> Markup {
    html! {
        div.actions {
            @for (what, text, class) in [("accept", t.accept, "main"), ("discard", t.discard, "")] {
                button type="button" #{ (what) "-refit" } class=(class)
                    data-send={ "POST /api/v1/recipes/" (recipe) "/refit/" (what) }
                    data-refresh="refit versions" { (text) }
            }
        }
    }
}

fn changed(change: &Change, part: Option<&Part>, t: &Texts) -> Markup {
    let mark = part.and_then(|part| Some(part.mark.as_ref()?.mark));
    let verdict = |score: f32| match score > 1.0 {
        true => Verdict::Bad,
        false => Verdict::Good,
    };
    let is_right = mark.map(|mark| (mark == Mark::Bad) == (change.after > 1.0));
    html! {
        figure {
            img src={ "/api/v1/parts/" (change.id) "/frame.jpg" } alt="" loading="lazy";
            figcaption {
                (badge::mark(mark, t))
                @for (word, score) in [(t.before, change.before), (t.after, change.after)] {
                    span.change { (word) " " (badge::verdict(Some(verdict(score)), t)) " "
                        @if let Some(n) = percent_of(score, 1.0) { (n) "\u{a0}%" } }
                }
                @match is_right {
                    Some(true) => { span.right { (t.right_now) } }
                    Some(false) => { span.error { (t.wrong_now) } }
                    None => {}
                }
            }
        }
    }
}

fn versions(visit: &Visit, recipe: &RecipeStatus) -> Markup {
    let t = visit.texts();
    html! {
        div.scroll role="region" aria-label=(t.versions) tabindex="0" {
            table.versions {
                thead { tr {
                    th scope="col" { (t.number) }
                    th scope="col" { (t.created) }
                    th scope="col" { (t.made_of) }
                    th scope="col" { (t.found_before_after) }
                    th scope="col" { (t.alarms_before_after) }
                    th scope="col" { (t.threshold_set) }
                    th scope="col" { span.unseen { (t.state) } }
                } }
                tbody {
                    @for version in recipe.versions.iter().rev() { (row(visit, recipe, version)) }
                }
            }
        }
    }
}

fn row(visit: &Visit, recipe: &RecipeStatus, version: &Version) -> Markup {
    let t = visit.texts();
    let number = version.number;
    let share = |n: usize, all: usize| fill(t.of_all, &[("n", &n), ("all", &all)]);
    html! {
        tr.active[version.active] {
            th scope="row" { (number) }
            td { (stamp(version.created)) }
            @match &version.revision {
                Some(revision) => {
                    td { (fill(t.bad_and_good, &[("bad", &revision.bad), ("good", &revision.good)])) }
                    td { (revision.before.bad) " → " (share(revision.after.bad, revision.bad)) }
                    @let all = revision.good + revision.pictures;
                    td {
                        (revision.before.good + revision.before.pictures) " → "
                        (share(revision.after.good + revision.after.pictures, all))
                    }
                }
                None => {
                    td colspan="3" {
                        @match version.taught {
                            Some(pictures) => { (fill(t.taught_with, &[("n", &pictures)])) }
                            None => { (t.from_file) }
                        }
                    }
                }
            }
            td {
                @match version.threshold {
                    Some(threshold) => { (decimal(threshold, 3, visit.language)) }
                    None => { (t.by_model) }
                }
            }
            td {
                @if version.active {
                    strong.in-use { (t.in_use) }
                } @else if visit.operates() {
                    button type="button" #{ "use-" (number) }
                        data-send={ "POST /api/v1/recipes/" (recipe.name) "/activate" }
                        data-body={ "{\"version\":" (number) "}" } data-refresh="refit versions" {
                        (fill(t.use_version, &[("n", &number)]))
                    }
                }
            }
        }
    }
}
