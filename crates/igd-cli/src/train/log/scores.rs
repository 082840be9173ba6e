//! The histogram of the held-out pictures' scores as a picture.

use maud::html;

use crate::plot::{Axis, Plot};

/// Bars over the scores, with a line at the threshold.
pub fn svg(scores: &[f64], threshold: Option<f64>) -> String {
    let x = Axis::of("score", scores.iter().copied().chain(threshold));
    let counts = x.counts(scores.iter().copied());
    let plot = Plot {
        y: Axis::up_to("pictures", counts.iter().copied().fold(0.0, f64::max)),
        x,
    };
    let content = html! {
        (plot.bars("normal", &counts))
        @if let Some(threshold) = threshold { (plot.threshold(threshold)) }
    };
    let mut title = format!("{} held-out pictures", scores.len());
    if let Some(threshold) = threshold {
        title += &format!(", threshold {threshold:.4}");
    }
    plot.file(&title, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_the_threshold_are_drawn() {
        let text = svg(&[0.1, 0.2, 0.2, 0.3], Some(0.4));
        assert!(
            text.starts_with("<svg") && text.ends_with("</svg>\n"),
            "{text}"
        );
        assert!(
            text.contains("4 held-out pictures, threshold 0.4000"),
            "{text}"
        );
        let bars = text.split("class=\"bar normal\"").nth(1).unwrap();
        assert_eq!(bars.matches("<rect").count(), 3, "{text}");
        assert!(text.contains("class=\"threshold\""), "{text}");
        let without = svg(&[0.1, 0.2], None);
        assert!(!without.contains("class=\"threshold\""), "{without}");
    }
}
