//! Where the line between good and bad lies, and what another one would do.

mod histogram;
mod steps;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use self::histogram::histogram;
pub use self::steps::Steps;
use super::numbers::decimal;
use super::texts::{Texts, fill};
use super::visit::Visit;
use super::{improve, layout};
use crate::line::{RecipeStatus, Scores};

/// What the page shows.
pub struct Settable {
    /// All of the line.
    pub names: Vec<String>,
    pub recipe: RecipeStatus,
    pub scores: Scores,
}

/// The first recipe's page.
pub async fn first(visit: Visit, State(state): State<crate::http::State>) -> Response {
    improve::redirect(&visit, &state, "threshold")
}

pub async fn show(
    visit: Visit,
    State(state): State<crate::http::State>,
    Path(name): Path<String>,
) -> Response {
    let look = move || {
        let recipe = state.line.recipe(&name)?;
        let names = state.line.recipe_names();
        let scores = match recipe.versions.is_empty() {
            true => Scores::default(),
            false => state.line.scores(&name)?,
        };
        Ok(Settable {
            names,
            recipe,
            scores,
        })
    };
    visit.show(look, page).await
}

pub fn page(visit: &Visit, found: &Settable) -> Markup {
    let t = visit.texts();
    let Settable { recipe, scores, .. } = found;
    let names = found.names.iter().map(String::as_str);
    let version = recipe.versions.iter().find(|version| version.active);
    if recipe.versions.is_empty() {
        let content = html! {
            (layout::recipes(visit, "threshold", names, &recipe.name))
            (layout::no_model(visit, &recipe.name))
        };
        return layout::page(visit, t.threshold, None, &content);
    }
    let steps = Steps::new(scores);
    let content = html! {
        (layout::recipes(visit, "threshold", names, &recipe.name))
        section #threshold data-recipe=(recipe.name) data-steps=(json!(steps))
            data-in-use=(scores.threshold) data-version=[version.map(|version| version.number)] {
            h2 { (t.recipe) " " (recipe.name)
                @if let Some(version) = version { ", " (fill(t.version, &[("n", &version.number)])) } }
            @if scores.good.is_empty() { p.hint { (t.no_scores) } }
            (histogram(visit, scores, &steps))
            (slider(visit, scores, &steps))
        }
        section {
            h2 { (t.nearest) }
            div.sides {
                @for (side, word) in [("bad", t.just_bad), ("good", t.just_good)] {
                    div { h3 { (word) } ul.gallery #{ "near-" (side) } {} }
                }
            }
        }
    };
    layout::page(visit, t.threshold, Some("threshold.js"), &content)
}

fn slider(visit: &Visit, scores: &Scores, steps: &Steps) -> Markup {
    let t = visit.texts();
    let number = |value: f32| decimal(value, 3, visit.language);
    html! {
        div.slider {
            label for="line" { (t.move_threshold) }
            input #line type="range" min="0" max=(steps.thresholds.len() - 1) step="1" value=(steps.nearest(scores.threshold))
                aria-describedby="promise" disabled[!visit.operates()];
        }
        (promise(t))
        p #in-use { (fill(t.threshold_in_use, &[("n", &number(scores.threshold))])) }
        @if visit.operates() {
            div.actions {
                button.main type="button" data-do="apply" disabled { (t.apply) }
                button type="button" data-do="undo" hidden { (t.undo) }
                button type="button" data-do="model" disabled[scores.threshold == scores.calibrated] {
                    (fill(t.to_model, &[("n", &number(scores.calibrated))]))
                }
            }
        }
    }
}

/// `threshold.js` fills it in.
fn promise(t: &Texts) -> Markup {
    html! {
        dl #promise .promise aria-live="polite" {
            div { dt { (t.threshold) } dd #chosen {} }
            div { dt { (t.false_alarms) } dd #alarms {} }
            div { dt { (t.defects_found) } dd #found {} }
            div { dt { (t.known_alarms) } dd #unjust {} }
        }
    }
}
