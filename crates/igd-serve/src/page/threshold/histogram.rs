//! Good scores as bars, marked parts as lines below them. It stretches with the page; its texts are beside it.

use maud::{Markup, html};

use super::steps::Steps;
use crate::line::Scores;
use crate::page::numbers::decimal;
use crate::page::texts::fill;
use crate::page::visit::Visit;

const BARS: usize = 60;
/// Its own units. Bars stand on the ground; below it are a row of marked defects and one of marked good parts.
const WIDTH: f32 = 600.0;
const HEIGHT: f32 = 200.0;
const GROUND: f32 = 150.0;
const ROW: f32 = 20.0;

pub fn histogram(visit: &Visit, scores: &Scores, steps: &Steps) -> Markup {
    let t = visit.texts();
    let number = |value: f32| decimal(value, 2, visit.language);
    let label = fill(
        t.histogram,
        &[
            ("good", &scores.good.len()),
            ("bad", &scores.marked_bad.len()),
            ("threshold", &number(scores.threshold)),
        ],
    );
    let (first, last) = (
        steps.thresholds[0],
        steps.thresholds[steps.thresholds.len() - 1],
    );
    let is_cut = scores.marked_bad.last().is_some_and(|score| *score > last);
    html! {
        figure.histogram {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
                (bars(&scores.good, steps))
                line.ground x1="0" x2=(WIDTH) y1=(GROUND) y2=(GROUND) {}
                (rows("bad", &scores.marked_bad, GROUND + 5.0, steps))
                (rows("good", &scores.marked_good, GROUND + 27.0, steps))
                line.in-use x1=(x(scores.threshold, steps)) x2=(x(scores.threshold, steps)) y1="0" y2=(HEIGHT) {}
                line.chosen x1=(x(scores.threshold, steps)) x2=(x(scores.threshold, steps)) y1="0" y2=(HEIGHT) {}
            }
            div.scale { span { (number(first)) } span { (number(last)) @if is_cut { " " (t.and_above) } } }
            figcaption {
                span.key.bars { (t.good_pictures) }
                span.key.bad { (t.bad_marks) }
                span.key.good { (t.good_marks) }
            }
        }
    }
}

fn bars(scores: &[f32], steps: &Steps) -> Markup {
    let mut counts = [0_u32; BARS];
    for &score in scores {
        let bar = (steps.place(score) * BARS as f32) as usize;
        counts[bar.min(BARS - 1)] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or_default().max(1);
    let width = WIDTH / BARS as f32;
    html! {
        g.bars {
            @for (index, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                @let height = (GROUND - 6.0) * count as f32 / highest as f32;
                rect x=(index as f32 * width) y=(GROUND - height) width=(width - 1.0) height=(height) {}
            }
        }
    }
}

fn rows(class: &str, scores: &[f32], top: f32, steps: &Steps) -> Markup {
    html! {
        g class={ "row " (class) } {
            @for &score in scores {
                line x1=(x(score, steps)) x2=(x(score, steps)) y1=(top) y2=(top + ROW - 2.0) {}
            }
        }
    }
}

/// No line is cut in half at the ends.
fn x(score: f32, steps: &Steps) -> String {
    format!(
        "{:.1}",
        (steps.place(score) * WIDTH).clamp(1.5, WIDTH - 1.5)
    )
}
