//! The histogram of the scores that calibrate as a picture.

use igd::model::Calibration;
use maud::html;

use crate::plot::{Axis, Plot};

/// Bars over the scores, with a line at the threshold.
pub fn svg(scores: &[f64], calibration: Option<&Calibration>) -> String {
    let threshold = calibration.map(|calibration| f64::from(calibration.threshold));
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
    let title = match calibration {
        Some(calibration) => {
            let pictures = calibration.method.describe(scores.len());
            format!("{pictures}, threshold {:.4}", calibration.threshold)
        }
        None => format!("{} pictures", scores.len()),
    };
    plot.file(&title, &content)
}

#[cfg(test)]
mod tests {
    use igd::model::CalibrationMethod;

    use super::*;

    #[test]
    fn bars_and_the_threshold_are_drawn() {
        let calibration = Calibration {
            threshold: 0.4,
            median: 0.2,
            false_positive_rate: 0.01,
            pixel_threshold: 0.4,
            pixel_median: 0.2,
            pictures: 4,
            method: CalibrationMethod::HeldOut,
        };
        let text = svg(&[0.1, 0.2, 0.2, 0.3], Some(&calibration));
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
