//! What of the picture a recipe inspects is drawn on it: a region, and shapes that are left out or inspected.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::texts::{Texts, fill};
use super::visit::Visit;
use super::{improve, layout};
use crate::line::{Inspected, RecipeStatus};

/// What the page shows.
pub struct Drawable {
    /// All of the line.
    pub names: Vec<String>,
    pub recipe: RecipeStatus,
    /// One that has the recipe and has given a frame: its name, and the frame's width and height.
    pub camera: Option<(String, [u32; 2])>,
}

/// The first recipe's page.
pub async fn first(visit: Visit, State(state): State<crate::http::State>) -> Response {
    improve::redirect(&visit, &state, "region")
}

pub async fn show(
    visit: Visit,
    State(state): State<crate::http::State>,
    Path(name): Path<String>,
) -> Response {
    let look = move || {
        let cameras = state.line.cameras().into_iter();
        let mut cameras = cameras.filter(|camera| camera.recipe == name && camera.judged > 0);
        Ok(Drawable {
            names: state.line.recipe_names(),
            recipe: state.line.recipe(&name)?,
            camera: cameras.next().map(|camera| (camera.name, camera.size)),
        })
    };
    visit.show(look, page).await
}

pub fn page(visit: &Visit, found: &Drawable) -> Markup {
    let t = visit.texts();
    let name = &found.recipe.name;
    let names = found.names.iter().map(String::as_str);
    let content = html! {
        (layout::recipes(visit, "region", names, name))
        h2 { (fill(t.region_of, &[("recipe", name)])) }
        p #region-used { (used(&found.recipe.inspected, t)) }
        @match &found.camera {
            None => { p.hint #no-view { (fill(t.no_view, &[("recipe", name)])) } }
            Some((camera, size)) => {
                div.drawing #drawing data-recipe=(name) data-camera=(camera) data-size=(json!(size))
                    data-inspected=(json!(found.recipe.inspected)) data-operates[visit.operates()] {
                    (stage(name, *size, visit.operates(), t))
                    @if visit.operates() { (tools(t)) }
                }
                p.hint { (t.region_again) }
            }
        }
    };
    let script = found.camera.is_some().then_some("region.js");
    layout::page(visit, t.region_page, script, &content)
}

fn used(inspected: &Inspected, t: &Texts) -> String {
    let region = match inspected.region {
        None => t.region_whole.to_owned(),
        Some([x, y, w, h]) => fill(t.region_part, &[("x", &x), ("y", &y), ("w", &w), ("h", &h)]),
    };
    let shapes = match (inspected.shapes.len(), inspected.masked) {
        (0, false) => None,
        (0, true) => Some(t.region_masked.to_owned()),
        (count, _) => Some(fill(t.region_shapes, &[("n", &count)])),
    };
    let what = [Some(region), shapes].into_iter().flatten();
    fill(
        t.threshold_in_use,
        &[("n", &what.collect::<Vec<_>>().join("; "))],
    )
}

fn stage(name: &str, [width, height]: [u32; 2], operates: bool, t: &Texts) -> Markup {
    html! {
        div.stage {
            canvas #region-view role="img" width=(width) height=(height)
                aria-label=(fill(t.drawing_area, &[("recipe", &name)])) {}
            p.empty { (t.no_picture) }
            svg.shapes viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true" {}
            div.box role="group" aria-label=(t.region_label) hidden {}
            @if operates {
                div.pen #pen role="application" tabindex="0" aria-label=(fill(t.drawing_area, &[("recipe", &name)])) aria-describedby="tool-hint" hidden {
                    span.cross aria-hidden="true" {}
                }
            }
        }
    }
}

fn tools(t: &Texts) -> Markup {
    let tools = [
        ("region", t.tool_region),
        ("out", t.tool_out),
        ("in", t.tool_in),
    ];
    html! {
        div.tools {
            fieldset {
                legend { (t.tool) }
                @for (tool, text) in tools {
                    label { input type="radio" name="tool" value=(tool) checked[tool == "region"]; " " (text) }
                }
            }
            p.hint #tool-hint { (t.tool_region_keys) }
            div.actions data-tool="region" {
                button type="button" data-do="some" { (t.some_region) }
                button type="button" data-do="whole" { (t.whole_picture) }
            }
            div.actions data-tool="shape" hidden {
                button type="button" data-do="end" disabled { (t.finish_shape) }
                button type="button" data-do="drop" disabled { (t.drop_corner) }
            }
            h3 { (t.shapes) }
            ul #shapes {}
            div.actions {
                button.main type="button" data-do="apply" disabled { (t.store_region) }
                button type="button" data-do="back" disabled { (t.as_stored) }
            }
        }
    }
}
