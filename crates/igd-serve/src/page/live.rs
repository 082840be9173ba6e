//! The cameras, live: picture, verdict, score, counts of the shift, and what an operator does with them.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{Timestamp, ZonedDateTime};
use maud::{Markup, html};

use super::numbers::decimal;
use super::texts::{Texts, fill};
use super::time::{clock, shift};
use super::told::told;
use super::visit::Visit;
use super::{badge, layout};
use crate::command::Refused;
use crate::config::TriggerBy;
use crate::line::{CameraState, CameraStatus};
use crate::store::Counts;

/// Pictures of a camera that is one of several are so wide, and of one alone, in pixels.
const WIDTHS: [u32; 2] = [640, 1280];
/// Events that are looked through for when a camera was lost.
const EVENTS: u32 = 200;

/// What the page shows.
pub struct Seen {
    pub cameras: Vec<Camera>,
    pub recipes: Vec<String>,
    pub shift: Timestamp,
    /// One of the line's cameras is opened.
    pub is_one: bool,
    /// Whether the server can send video.
    pub has_video: bool,
}

/// One of them.
pub struct Camera {
    pub status: CameraStatus,
    /// Verdicts of this shift.
    pub counts: Counts,
    /// Since when it gives no frame.
    pub lost: Option<Timestamp>,
    /// Whether parts are judged when someone asks for it.
    pub on_request: bool,
}

pub async fn all(visit: Visit, State(state): State<crate::http::State>) -> Response {
    visit.show(move || look(&state, None), page).await
}

pub async fn one(
    visit: Visit,
    State(state): State<crate::http::State>,
    Path(name): Path<String>,
) -> Response {
    visit.show(move || look(&state, Some(name)), page).await
}

fn look(state: &crate::http::State, one: Option<String>) -> Result<Seen, Refused> {
    let line = &state.line;
    let statuses = match &one {
        Some(name) => vec![line.camera_status(name)?],
        None => line.cameras(),
    };
    let shift = shift(&ZonedDateTime::now()).timestamp();
    let mut lost: BTreeMap<String, Timestamp> = BTreeMap::new();
    if statuses.iter().any(|one| one.state == CameraState::Lost) {
        let events = line.store().events(EVENTS)?.into_iter();
        for event in events.filter(|event| event.kind == "camera-lost") {
            lost.entry(event.of).or_insert(event.time);
        }
    }
    let config = line.config();
    let cameras = statuses.into_iter().map(|status| {
        let trigger = config.cameras.get(status.name.as_str());
        Ok(Camera {
            counts: line.store().counts(shift, Some(&status.name))?,
            lost: lost.get(&status.name).copied(),
            on_request: trigger.is_some_and(|camera| camera.trigger.by == TriggerBy::Request),
            status,
        })
    });
    Ok(Seen {
        cameras: cameras.collect::<Result<_, Refused>>()?,
        recipes: line.recipe_names(),
        shift,
        is_one: one.is_some(),
        has_video: state.viewers.is_some(),
    })
}

pub fn page(visit: &Visit, seen: &Seen) -> Markup {
    let t = visit.texts();
    let content = html! {
        @if seen.is_one { p { a.button href="/" { "← " (t.all_cameras) } } }
        div.cameras.one[seen.is_one] {
            @for camera in &seen.cameras { (tile(visit, camera, seen)) }
        }
    };
    let title = match seen.is_one {
        true => &seen.cameras[0].status.name,
        false => t.live,
    };
    layout::page(visit, title, Some("live.js"), &content)
}

fn tile(visit: &Visit, camera: &Camera, seen: &Seen) -> Markup {
    let t = visit.texts();
    let status = &camera.status;
    let name = &status.name;
    // Nothing moves when the first picture comes.
    let [width, height] = match status.size {
        [0, _] | [_, 0] => [640, 360],
        size => size,
    };
    html! {
        article.camera data-camera=(name) data-width=(WIDTHS[usize::from(seen.is_one)])
            aria-labelledby={ "name-" (name) } {
            header {
                h2 #{ "name-" (name) } { (name) }
                div #{ "badge-" (name) } { (badge::verdict(status.last.as_ref().map(|last| last.verdict), t)) }
            }
            div.picture title=(t.as_pictures) {
                canvas role="img" aria-label=(fill(t.picture_of, &[("camera", name)])) width=(width) height=(height) {}
                // In front of the canvas while it comes.
                @if seen.has_video { video muted playsinline aria-hidden="true" hidden {} }
                p.empty { (t.no_picture) }
            }
            (state(visit, camera))
            figure.curve {
                svg viewBox="0 0 300 60" preserveAspectRatio="none" role="img" aria-label=(t.no_score) {}
                figcaption { (t.last_minutes) }
            }
            (counts(camera, seen, t))
            (actions(visit, camera, seen))
        }
    }
}

/// What `live.js` replaces again and again.
fn state(visit: &Visit, camera: &Camera) -> Markup {
    let t = visit.texts();
    let status = &camera.status;
    let (name, text) = match (status.state, camera.lost) {
        (CameraState::Connecting, _) => ("connecting", t.connecting.to_owned()),
        (CameraState::Running, _) => {
            let fps = decimal(status.fps, 1, visit.language);
            ("running", fill(t.running, &[("fps", &fps)]))
        }
        (CameraState::Lost, Some(time)) => ("lost", fill(t.lost_since, &[("time", &clock(time))])),
        (CameraState::Lost, None) => ("lost", t.lost.to_owned()),
        (CameraState::Paused, _) => ("paused", t.paused.to_owned()),
    };
    let is_away = [CameraState::Connecting, CameraState::Lost].contains(&status.state);
    html! {
        div.state #{ "state-" (status.name) } data-state=(name)
            data-has-picture[status.judged > 0] {
            p.how { (text) }
            @match status.version {
                0 => { (layout::no_model(visit, &status.recipe)) }
                version => { p.recipe { (status.recipe) ", " (fill(t.version, &[("n", &version)])) } }
            }
            @if let Some(error) = status.error.as_ref().filter(|_| is_away) {
                p.error { (told(error, visit.language)) }
            }
            @if let Some(drift) = status.drift.filter(|drift| *drift > 1.0) {
                p.warning { (fill(t.drifts, &[("drift", &decimal(drift, 1, visit.language))])) }
            }
        }
    }
}

fn counts(camera: &Camera, seen: &Seen, t: &Texts) -> Markup {
    let Counts { good, bad, none } = camera.counts;
    html! {
        div.counts #{ "counts-" (camera.status.name) } {
            p { (fill(t.shift, &[("time", &clock(seen.shift))])) }
            dl {
                @for (word, count) in [(t.count_good, good), (t.count_bad, bad), (t.count_none, none)] {
                    div { dt { (word) } dd { (count) } }
                }
            }
        }
    }
}

fn actions(visit: &Visit, camera: &Camera, seen: &Seen) -> Markup {
    let t = visit.texts();
    let status = &camera.status;
    let address = |what: &str| format!("POST /api/v1/cameras/{}/{what}", status.name);
    let is_paused = status.state == CameraState::Paused;
    let changed = format!("state-{0} pause-{0}", status.name);
    html! {
        div.actions {
            @if visit.operates() {
                @if camera.on_request {
                    button.main type="button" data-send=(address("trigger")) { (t.trigger) }
                }
                button type="button" #{ "pause-" (status.name) } data-send=(address("pause"))
                    data-body={ "{\"paused\":" (!is_paused) "}" } data-refresh=(changed) {
                    (if is_paused { t.resume } else { t.pause })
                }
            }
            @if !seen.is_one { a.button href={ "/camera/" (status.name) } { (t.open_camera) } }
            @if visit.operates() && seen.recipes.len() > 1 {
                form.product data-send=(address("recipe")) data-refresh=(changed) {
                    label for={ "recipe-" (status.name) } { (t.product) }
                    select #{ "recipe-" (status.name) } name="recipe" {
                        @for recipe in &seen.recipes {
                            option value=(recipe) selected[*recipe == status.recipe] { (recipe) }
                        }
                    }
                    button type="submit" { (t.change_product) }
                }
            }
        }
    }
}
