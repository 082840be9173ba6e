//! The curves and the histogram of the scores.

use igd::eval::{Ranking, Scored, ranking_of};
use maud::{Markup, html};

use super::plot::{Axis, Plot};

const BINS: usize = 40;

/// What can be drawn of the scores; curves only where there are pictures of both classes.
pub fn all(scored: &[Scored], threshold: f32) -> Markup {
    let ranking = ranking_of(scored);
    html! {
        @if let Some(ranking) = &ranking {
            (roc(ranking, threshold))
            (precision_recall(ranking, threshold))
        }
        (histogram(scored, threshold))
    }
}

fn roc(ranking: &Ranking, threshold: f32) -> Markup {
    let plot = Plot {
        x: Axis::unit("false-positive rate"),
        y: Axis::unit("detection rate"),
    };
    let point = |(false_positives, true_positives): (usize, usize)| {
        (
            false_positives as f64 / ranking.normal().len() as f64,
            true_positives as f64 / ranking.anomalous().len() as f64,
        )
    };
    let steps = ranking
        .steps()
        .map(|step| (step.false_positives, step.true_positives));
    let curve = plot.line([(0, 0)].into_iter().chain(steps).map(point));
    let mark = threshold
        .is_finite()
        .then(|| point(flagged(ranking, threshold)));
    let title = format!("ROC curve, area {:.4}", ranking.auroc());
    drawn(&plot, &title, &curve, mark)
}

fn precision_recall(ranking: &Ranking, threshold: f32) -> Markup {
    let plot = Plot {
        x: Axis::unit("recall (detection rate)"),
        y: Axis::unit("precision"),
    };
    let point = |(false_positives, true_positives): (usize, usize)| {
        (
            true_positives as f64 / ranking.anomalous().len() as f64,
            true_positives as f64 / (false_positives + true_positives) as f64,
        )
    };
    // The area under it is the average precision: each step has its own precision all along the recall that it adds.
    let mut before = 0.0;
    let steps = ranking.steps().flat_map(|step| {
        let (recall, precision) = point((step.false_positives, step.true_positives));
        let start = std::mem::replace(&mut before, recall);
        (recall > start)
            .then_some([(start, precision), (recall, precision)])
            .into_iter()
            .flatten()
    });
    let curve = plot.line(steps);
    let flagged = flagged(ranking, threshold);
    let mark = (flagged != (0, 0)).then(|| point(flagged));
    let title = format!(
        "Precision-recall curve, area {:.4}",
        ranking.average_precision()
    );
    drawn(&plot, &title, &curve, mark)
}

/// How many normal and anomalous pictures score above the threshold.
fn flagged(ranking: &Ranking, threshold: f32) -> (usize, usize) {
    let above = |scores: &[f32]| scores.partition_point(|score| *score > threshold);
    (above(ranking.normal()), above(ranking.anomalous()))
}

/// A curve, with a mark at the threshold.
fn drawn(plot: &Plot, title: &str, curve: &str, mark: Option<(f64, f64)>) -> Markup {
    let content = html! {
        polyline.curve points=(curve) {}
        @if let Some((x, y)) = mark.map(|mark| plot.at(mark)) {
            circle.mark cx=(x) cy=(y) r="5" { title { "at the threshold" } }
        }
    };
    let legend = html! {
        @if mark.is_some() { p.legend { span.mark { "\u{25cf}" } " at the threshold" } }
    };
    plot.draw(title, content, legend)
}

fn histogram(scored: &[Scored], threshold: f32) -> Markup {
    let scores = scored.iter().map(|picture| f64::from(picture.score));
    let lowest = scores.clone().fold(f64::INFINITY, f64::min);
    let highest = scores.fold(f64::NEG_INFINITY, f64::max);
    // Bins need a width where all scores are equal, or there are none.
    let (from, to) = match lowest < highest {
        true => (lowest, highest),
        false => (lowest.min(0.0).max(f64::from(f32::MIN)), lowest.max(1.0)),
    };
    let counts = [false, true].map(|anomalous| {
        let mut bins = [0; BINS];
        for picture in scored
            .iter()
            .filter(|picture| picture.anomalous == anomalous)
        {
            let place = (f64::from(picture.score) - from) / (to - from);
            bins[((place * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        bins
    });
    let shares = counts.map(|bins| {
        let all = bins.iter().sum::<usize>().max(1) as f64;
        bins.map(|count| count as f64 / all)
    });
    let highest = shares.iter().flatten().copied().fold(0.0, f64::max);
    let plot = Plot {
        x: Axis {
            label: "score",
            from,
            to,
        },
        y: Axis {
            label: "share of its class",
            from: 0.0,
            to: if highest > 0.0 { 1.05 * highest } else { 1.0 },
        },
    };
    let bar = |bin: usize, share: f64| {
        let edge = |bin: usize| from + (to - from) * bin as f64 / BINS as f64;
        let (left, top) = plot.at((edge(bin), share));
        let (right, bottom) = plot.at((edge(bin + 1), 0.0));
        (left, top, right - left, bottom - top)
    };
    let line = Some(f64::from(threshold))
        .filter(|threshold| (from..=to).contains(threshold))
        .map(|threshold| (plot.at((threshold, 0.0)), plot.at((threshold, plot.y.to))));
    let content = html! {
        @for (class, shares) in ["normal", "anomalous"].into_iter().zip(shares) {
            g class={ "bar " (class) } {
                @for (bin, share) in shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0) {
                    @let (x, y, width, height) = bar(bin, share);
                    rect x=(format!("{x:.2}")) y=(format!("{y:.2}")) width=(format!("{width:.2}")) height=(format!("{height:.2}")) {}
                }
            }
        }
        @if let Some(((x, bottom), (_, top))) = line {
            line.threshold x1=(x) x2=(x) y1=(bottom) y2=(top) {}
        }
    };
    let legend = html! {
        p.legend {
            span.normal { "\u{25a0}" } " normal "
            span.anomalous { "\u{25a0}" } " anomalous"
            @if line.is_some() { " \u{2506} threshold" }
        }
    };
    plot.draw("Scores", content, legend)
}
