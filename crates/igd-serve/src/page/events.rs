//! What has happened to the line, and how its outputs fare.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::layout;
use super::texts::Texts;
use super::time::stamp;
use super::told::told;
use super::visit::Visit;
use crate::outputs::OutputStatus;
use crate::store::Event;

/// So many are shown.
const SHOWN: u32 = 200;

/// What the page shows.
pub struct Happened {
    pub outputs: Vec<OutputStatus>,
    /// The newest first.
    pub events: Vec<Event>,
}

pub async fn show(visit: Visit, State(state): State<crate::http::State>) -> Response {
    let look = move || {
        Ok(Happened {
            outputs: state.line.outputs(),
            events: state.line.store().events(SHOWN)?,
        })
    };
    visit.show(look, page).await
}

pub fn page(visit: &Visit, happened: &Happened) -> Markup {
    let t = visit.texts();
    let content = html! {
        section #outputs data-refresh-every="5" {
            h2 { (t.outputs) }
            (outputs(&happened.outputs, visit))
        }
        section #events data-refresh-every="5" {
            h2 { (t.what_happened) }
            (events(&happened.events, visit))
        }
    };
    layout::page(visit, t.events, None, &content)
}

fn outputs(outputs: &[OutputStatus], visit: &Visit) -> Markup {
    let t = visit.texts();
    if outputs.is_empty() {
        return html! { p.hint { (t.no_outputs) } };
    }
    html! {
        div.scroll role="region" aria-label=(t.outputs) tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { (t.output) }
                    th scope="col" { (t.state) }
                    th.number scope="col" { (t.waiting) }
                    th.number scope="col" { (t.skipped) }
                } }
                tbody {
                    @for output in outputs {
                        tr {
                            th scope="row" { (output.name) }
                            td {
                                @match output.connected {
                                    true => { (t.connected) }
                                    false => { span.error { (t.disconnected) } }
                                }
                                @if let Some(error) = &output.error { div.error { (told(error, visit.language)) } }
                            }
                            td.number { (output.waiting) }
                            td.number { (output.skipped) }
                        }
                    }
                }
            }
        }
    }
}

fn events(events: &[Event], visit: &Visit) -> Markup {
    let t = visit.texts();
    if events.is_empty() {
        return html! { p.hint { (t.no_events) } };
    }
    html! {
        ol.events {
            @for event in events {
                li data-kind=(event.kind) {
                    (stamp(event.time))
                    span.kind { (kind(&event.kind, t)) }
                    span.of { (event.of) }
                    span.text { (told(&event.text, visit.language)) }
                }
            }
        }
    }
}

/// Those that are new to this page bear their own name.
fn kind<'a>(kind: &'a str, t: &'a Texts) -> &'a str {
    match kind {
        "camera-lost" => t.event_camera_lost,
        "camera-back" => t.event_camera_back,
        "camera-paused" => t.event_camera_paused,
        "camera-resumed" => t.event_camera_resumed,
        "recipe-refused" => t.event_recipe_refused,
        "refit" => t.event_refit,
        "recipe" => t.event_recipe,
        "version" => t.event_version,
        "threshold" => t.event_threshold,
        "drift" => t.event_drift,
        "drift-over" => t.event_drift_over,
        "output-lost" => t.event_output_lost,
        "output-back" => t.event_output_back,
        "output-skipped" => t.event_output_skipped,
        "pictures-full" => t.event_pictures_full,
        "pictures-failed" => t.event_pictures_failed,
        "taught" => t.event_taught,
        "inspected" => t.event_inspected,
        "recipe-made" => t.event_recipe_made,
        "recipe-removed" => t.event_recipe_removed,
        other => other,
    }
}
