//! A model is fitted, and taken over or not.

use maud::{Markup, html};

use super::Teachable;
use crate::line::{Fit, Stage, Taught};
use crate::page::numbers::decimal;
use crate::page::texts::fill;
use crate::page::told::told;
use crate::page::visit::Visit;

pub fn shown(visit: &Visit, found: &Teachable) -> Markup {
    let t = visit.texts();
    let name = &found.recipe.name;
    let send = |what: &str| format!("POST /api/v1/recipes/{name}/lesson/{what}");
    let count = found.lesson.pictures.len();
    html! {
        @match &found.lesson.fit {
            Fit::None | Fit::Refused { .. } => {
                @if visit.operates() && count >= found.lesson.fewest {
                    p {
                        button.main type="button" #begin-fit data-send=(send("fit")) data-refresh="learning" {
                            (fill(t.learn, &[("n", &count)]))
                        }
                    }
                    p.hint { (t.learn_about) }
                }
            }
            Fit::Running { stage, done, all } => {
                @let text = match stage { Stage::Fitting => t.fitting, Stage::Calibrating => t.calibrating };
                @let text = fill(text, &[("done", done), ("all", all)]);
                label.progress for="fit-progress" { (text) }
                progress #fit-progress max=((*all).max(1)) value=(done) { (text) }
                @if visit.operates() {
                    p {
                        button type="button" #cancel-fit data-send=(send("cancel")) data-refresh="learning" { (t.cancel) }
                    }
                }
            }
            Fit::Proposed(taught) => {
                div.outcome {
                    h3 { (t.taught) }
                    (outcome(visit, name, taught))
                    @if visit.operates() {
                        div.actions {
                            @for (what, text, class) in [("accept", t.take_over, "main"), ("discard", t.discard, "")] {
                                button type="button" #{ (what) "-fit" } class=(class) data-send=(send(what))
                                    data-refresh="learning" { (text) }
                            }
                        }
                    }
                }
            }
        }
        @if let Fit::Refused { text } = &found.lesson.fit {
            div.outcome { h3 { (t.no_taught) } p { (told(text, visit.language)) } }
        }
        (judges(visit, found))
    }
}

fn outcome(visit: &Visit, recipe: &str, taught: &Taught) -> Markup {
    let t = visit.texts();
    let number = |value: f64, decimals| decimal(value, decimals, visit.language);
    let threshold = number(taught.threshold.into(), 3);
    let promise = &taught.promise;
    let [rate, high] = [promise.rate, promise.high].map(|share| number(100.0 * share, 1));
    html! {
        p { (fill(t.taught_of, &[("n", &taught.pictures), ("threshold", &threshold)])) }
        p {
            (fill(t.promises, &[("rate", &rate), ("high", &high)]))
            @if let Some(needed) = &promise.pictures_needed { " " (fill(t.more_promise, &[("n", needed)])) }
        }
        @if taught.doubles > 0 { p.warning { (t.too_many_doubles) } }
        @if !taught.odd.is_empty() {
            p { (t.odd_ones) }
            ul.gallery.small {
                @for (id, score) in &taught.odd {
                    li {
                        figure {
                            img src={ "/api/v1/recipes/" (recipe) "/lesson/pictures/" (id) } alt="" loading="lazy"
                                width="240" height="180";
                            figcaption { (fill(t.of_threshold, &[("n", &number(f64::from(100.0 * score), 0))])) }
                        }
                    }
                }
            }
        }
    }
}

/// Who is concerned, and which model judges there.
fn judges(visit: &Visit, found: &Teachable) -> Markup {
    let t = visit.texts();
    let name = &found.recipe.name;
    let cameras = found.cameras.iter().filter(|(_, recipe)| recipe == name);
    let cameras: Vec<_> = cameras.map(|(camera, _)| camera.as_str()).collect();
    let active = found.recipe.versions.iter().find(|version| version.active);
    html! {
        p.hint #judges {
            @match cameras.as_slice() {
                [] => { (fill(t.no_camera_has, &[("recipe", name)])) }
                cameras => { (fill(t.judges_now, &[("recipe", name), ("cameras", &cameras.join(", "))])) }
            }
            @if let Some(active) = active { " " (fill(t.judges_by, &[("n", &active.number)])) }
        }
    }
}
