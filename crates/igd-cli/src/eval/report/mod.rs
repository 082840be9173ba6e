//! The page of an evaluation: one file that asks for nothing else.

mod charts;
mod gallery;
mod table;
mod verdict;

use std::path::Path;

use anyhow::Context;
use igd::eval::{Evaluation, Rate};
use igd::files::write_atomically;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::metrics;
use super::results::Results;
use crate::plot;

/// Browsers that keep to it load nothing, whatever a page says.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// Writes the page.
pub fn write(path: &Path, results: &mut Results, evaluation: &Evaluation) -> anyhow::Result<()> {
    let page = page(results, evaluation)?.into_string();
    write_atomically(path, page.as_bytes()).with_context(|| path.display().to_string())
}

fn page(results: &mut Results, evaluation: &Evaluation) -> anyhow::Result<Markup> {
    let gallery = match &mut results.pictures {
        Some(pictures) => gallery::sections(pictures, &results.scored, results.threshold)?,
        None => Markup::default(),
    };
    let title = "Anomaly detection: evaluation";
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style {
                    (PreEscaped(plot::COLOURS)) (PreEscaped(plot::STYLE)) (PreEscaped(include_str!("style.css")))
                }
            }
            body {
                header {
                    h1 { (title) }
                    dl.about {
                        @for (name, what) in &results.about {
                            div { dt { (name) } dd { (what) } }
                        }
                        div { dt { "program" } dd { "igd " (env!("CARGO_PKG_VERSION")) } }
                    }
                }
                main {
                    section {
                        h2 { "Metrics" }
                        div.scroll tabindex="0" { (metrics_table(evaluation)) }
                        @for note in evaluation.notes(&results.scored) { p.note { (note) } }
                    }
                    section {
                        h2 { "At the threshold" }
                        div.scroll tabindex="0" { (confusion(evaluation)) }
                        div.scroll tabindex="0" { (kinds(evaluation)) }
                    }
                    section {
                        h2 { "Curves" }
                        div.charts { (charts::all(&results.scored, results.threshold)) }
                    }
                    (gallery)
                    section {
                        h2 { "All pictures" }
                        p { "Click a column's header to sort by it, and again for the other order." }
                        div.scroll tabindex="0" { (table::all(&results.scored, results.threshold)) }
                    }
                }
                script { (PreEscaped(include_str!("sort.js"))) }
            }
        }
    })
}

fn metrics_table(evaluation: &Evaluation) -> Markup {
    html! {
        table {
            tbody {
                @for (name, value) in metrics::rows(evaluation) {
                    tr { th scope="row" { (name) } td { (value) } }
                }
            }
        }
    }
}

fn confusion(evaluation: &Evaluation) -> Markup {
    let rows = [
        ("normal", evaluation.false_positive_rate),
        ("anomalous", evaluation.detection_rate),
    ];
    html! {
        table #confusion {
            caption { "What is flagged" }
            thead {
                tr {
                    th scope="col" { "pictures" }
                    th.number scope="col" { "flagged" }
                    th.number scope="col" { "passed" }
                    th.number scope="col" { "share" }
                    th.number scope="col" { "95 % interval" }
                }
            }
            tbody {
                @for (class, rate) in rows {
                    tr {
                        th scope="row" { (class) }
                        @match rate {
                            Some(rate) => { (rate_cells(&rate)) }
                            None => { td.number colspan="4" { "unknown" } }
                        }
                    }
                }
            }
        }
    }
}

fn rate_cells(rate: &Rate) -> Markup {
    html! {
        td.number { (rate.flagged) }
        td.number { (rate.pictures - rate.flagged) }
        td.number { (format!("{:.1} %", 100.0 * rate.rate)) }
        td.number { (format!("{:.1}\u{2013}{:.1} %", 100.0 * rate.low, 100.0 * rate.high)) }
    }
}

fn kinds(evaluation: &Evaluation) -> Markup {
    html! {
        table {
            caption { "By kind" }
            thead {
                tr {
                    th scope="col" { "kind" }
                    th.number scope="col" { "flagged" }
                    th.number scope="col" { "pictures" }
                }
            }
            tbody {
                @for (name, kind) in &evaluation.kinds {
                    tr {
                        th scope="row" { (name) }
                        td.number { (kind.flagged) }
                        td.number { (kind.pictures) }
                    }
                }
            }
        }
    }
}
