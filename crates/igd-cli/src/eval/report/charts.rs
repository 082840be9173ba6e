//! The curves and the histogram of the scores.

use igd::eval::{Ranking, Scored, Step, ranking_of};
use maud::{Markup, html};

use crate::plot::{Axis, Plot};

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
    let point = |step: Step| {
        (
            step.false_positives as f64 / ranking.normal().len() as f64,
            step.true_positives as f64 / ranking.anomalous().len() as f64,
        )
    };
    let curve = plot.line([(0.0, 0.0)].into_iter().chain(ranking.steps().map(point)));
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
    let point = |step: Step| {
        (
            step.true_positives as f64 / ranking.anomalous().len() as f64,
            step.true_positives as f64 / (step.false_positives + step.true_positives) as f64,
        )
    };
    // The area under it is the average precision: each step has its own precision all along the recall that it adds.
    let mut before = 0.0;
    let steps = ranking.steps().flat_map(|step| {
        let (recall, precision) = point(step);
        let start = std::mem::replace(&mut before, recall);
        (recall > start)
            .then_some([(start, precision), (recall, precision)])
            .into_iter()
            .flatten()
    });
    let curve = plot.line(steps);
    let flagged = flagged(ranking, threshold);
    let is_any = flagged.false_positives + flagged.true_positives > 0;
    let mark = is_any.then(|| point(flagged));
    let title = format!(
        "Precision-recall curve, area {:.4}",
        ranking.average_precision()
    );
    drawn(&plot, &title, &curve, mark)
}

/// What a model's threshold flags: all that score above it.
fn flagged(ranking: &Ranking, threshold: f32) -> Step {
    let above = |scores: &[f32]| scores.partition_point(|score| *score > threshold);
    Step {
        threshold,
        false_positives: above(ranking.normal()),
        true_positives: above(ranking.anomalous()),
    }
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
    figure(plot, title, &content, &legend)
}

fn histogram(scored: &[Scored], threshold: f32) -> Markup {
    let x = Axis::of("score", scored.iter().map(|picture| picture.score.into()));
    let [normal, anomalous] = [false, true].map(|anomalous| {
        let pictures = scored
            .iter()
            .filter(|picture| picture.anomalous == anomalous);
        let counts = x.counts(pictures.map(|picture| picture.score.into()));
        let all = counts.iter().sum::<f64>().max(1.0);
        counts.map(|count| count / all)
    });
    let highest = normal.into_iter().chain(anomalous).fold(0.0, f64::max);
    let line = Some(f64::from(threshold)).filter(|line| (x.from..=x.to).contains(line));
    let plot = Plot {
        x,
        y: Axis::up_to("share of its class", highest),
    };
    let content = html! {
        (plot.bars("normal", &normal))
        (plot.bars("anomalous", &anomalous))
        @if let Some(line) = line { (plot.threshold(line)) }
    };
    let legend = html! {
        p.legend {
            span.normal { "\u{25a0}" } " normal "
            span.anomalous { "\u{25a0}" } " anomalous"
            @if line.is_some() { " \u{2506} threshold" }
        }
    };
    figure(&plot, "Scores", &content, &legend)
}

fn figure(plot: &Plot, title: &str, content: &Markup, legend: &Markup) -> Markup {
    html! {
        figure.chart {
            figcaption { (title) }
            (plot.svg(title, content))
            (legend)
        }
    }
}
