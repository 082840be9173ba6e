//! A recipe is taught: pictures of good parts come, from a camera or from files, what is doubtful of them is shown, and
//! a model is fitted to them.

mod fit;
mod pictures;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::texts::{Texts, fill};
use super::told::told;
use super::visit::Visit;
use super::{improve, layout};
use crate::line::{By, Collecting, Fit, Lesson, RecipeStatus};

/// What the page shows.
pub struct Teachable {
    /// All of the line.
    pub names: Vec<String>,
    pub recipe: RecipeStatus,
    pub lesson: Lesson,
    /// All of the line, each with its recipe.
    pub cameras: Vec<(String, String)>,
    /// It was made at the page, and nothing hangs on it.
    pub is_removable: bool,
}

/// The first recipe's page.
pub async fn first(visit: Visit, State(state): State<crate::http::State>) -> Response {
    improve::redirect(&visit, &state, "teach")
}

pub async fn show(
    visit: Visit,
    State(state): State<crate::http::State>,
    Path(name): Path<String>,
) -> Response {
    let look = move || {
        let line = &state.line;
        let recipe = line.recipe(&name)?;
        let cameras = line.cameras().into_iter();
        let cameras: Vec<_> = cameras.map(|camera| (camera.name, camera.recipe)).collect();
        let is_had = cameras.iter().any(|(_, recipe)| *recipe == name);
        let is_configured = line.config().recipes.contains_key(name.as_str());
        Ok(Teachable {
            names: line.recipe_names(),
            is_removable: recipe.versions.is_empty() && !is_had && !is_configured,
            lesson: line.lesson(&name)?,
            cameras,
            recipe,
        })
    };
    visit.show(look, page).await
}

pub fn page(visit: &Visit, found: &Teachable) -> Markup {
    let t = visit.texts();
    let name = &found.recipe.name;
    let names = found.names.iter().map(String::as_str);
    let content = html! {
        (layout::recipes(visit, "teach", names, name))
        @if visit.operates() { (products(found, t)) }
        h2 { (fill(t.teach_recipe, &[("recipe", name)])) }
        @if visit.operates() {
            div.sources {
                (camera(visit, found))
                (files(name, t))
            }
        }
        section #lesson data-refresh-every=(pause(&found.lesson)) { (pictures::shown(visit, name, &found.lesson)) }
        section #learning data-refresh-every=(pause(&found.lesson)) { (fit::shown(visit, found)) }
    };
    let script = visit.operates().then_some("teach.js");
    layout::page(visit, t.teach, script, &content)
}

/// Seconds until it is looked again. What goes on is shown as it goes; another may have begun it.
fn pause(lesson: &Lesson) -> u32 {
    let is_collecting = lesson.collecting.as_ref().is_some_and(|one| one.running);
    let is_fitting = matches!(lesson.fit, Fit::Running { .. });
    let is_looked_at = lesson.looked_at == lesson.pictures.len();
    match is_collecting || is_fitting || !is_looked_at {
        true => 1,
        false => 5,
    }
}

/// A new one, or this one goes.
fn products(found: &Teachable, t: &Texts) -> Markup {
    html! {
        details.products {
            summary { (t.new_recipe) }
            form #make-recipe {
                label for="new-name" { (t.new_name) }
                div.actions {
                    input #new-name type="text" name="name" required maxlength="64" pattern="[A-Za-z0-9_\\-]+" autocomplete="off";
                    button type="submit" { (t.make_recipe) }
                }
            }
        }
        @if found.is_removable {
            p {
                button type="button" data-send={ "DELETE /api/v1/recipes/" (found.recipe.name) } data-then="/teach" {
                    (t.remove_recipe)
                }
            }
        }
    }
}

fn camera(visit: &Visit, found: &Teachable) -> Markup {
    let t = visit.texts();
    let name = &found.recipe.name;
    let collecting = found.lesson.collecting.as_ref();
    // The one that has it, unless another was collected from.
    let of_recipe = found.cameras.iter().find(|(_, recipe)| recipe == name);
    let chosen = collecting.map(|collecting| &collecting.camera);
    let chosen = chosen.or(of_recipe.map(|(camera, _)| camera));
    html! {
        section.source aria-labelledby="from-camera" {
            h3 #from-camera { (t.from_camera) }
            @if let Some((first, _)) = found.cameras.first() {
                div.picture {
                    canvas #camera-view role="img" width="640" height="360"
                        aria-label=(fill(t.seen_by, &[("camera", chosen.unwrap_or(first))])) {}
                    p.empty { (t.no_picture) }
                }
                form #collect data-send={ "POST /api/v1/recipes/" (name) "/lesson/collect" } data-refresh="collecting lesson learning" {
                    div.filters {
                        div {
                            label for="collect-from" { (t.camera) }
                            select #collect-from name="camera" {
                                @for (camera, _) in &found.cameras {
                                    option value=(camera) selected[chosen == Some(camera)] { (camera) }
                                }
                            }
                        }
                        div {
                            label for="collect-by" { (t.which_pictures) }
                            select #collect-by name="by" {
                                @for (by, value, text) in [(By::Time, "time", t.by_time), (By::Motion, "motion", t.by_motion)] {
                                    option value=(value) selected[collecting.is_some_and(|one| one.by == by)] { (text) }
                                }
                            }
                        }
                    }
                    div.actions { button.main type="submit" { (t.collect) } }
                }
                div #collecting data-refresh-every=(pause(&found.lesson)) { (going_on(visit, name, collecting)) }
            }
        }
    }
}

fn going_on(visit: &Visit, name: &str, collecting: Option<&Collecting>) -> Markup {
    let t = visit.texts();
    let Some(Collecting {
        camera,
        taken,
        running,
        error,
        ..
    }) = collecting
    else {
        return html! {};
    };
    let text = if *running { t.collecting } else { t.collected };
    html! {
        div.actions {
            p role="status" { strong { (fill(text, &[("camera", camera), ("n", taken)])) } }
            @if *running {
                button type="button" #stop-collecting data-send={ "POST /api/v1/recipes/" (name) "/lesson/stop" }
                    data-refresh="collecting lesson learning" { (t.stop_collecting) }
            }
        }
        @if let Some(error) = error { p.error { (told(error, visit.language)) } }
    }
}

/// `teach.js` sends them, one after the other.
fn files(name: &str, t: &Texts) -> Markup {
    html! {
        section.source #from-files data-recipe=(name) aria-labelledby="from-files-title" {
            h3 #from-files-title { (t.from_files) }
            label for="files" { (t.choose_files) }
            input #files type="file" multiple accept="image/png,image/jpeg,image/bmp,image/tiff";
            label for="folder" { (t.choose_folder) }
            input #folder type="file" multiple webkitdirectory;
            div #sending hidden {
                label.progress for="sent" {}
                progress #sent value="0" {}
            }
            p #sent-all role="status" {}
            div #not-taken role="alert" {}
        }
    }
}
