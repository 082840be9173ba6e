//! The metrics as people read them.

use igd::eval::Evaluation;

/// Each metric's name and value.
pub fn rows(evaluation: &Evaluation) -> Vec<(String, String)> {
    let number = |value: Option<f64>| known(value.map(|value| format!("{value:.4}")));
    let pixels = &evaluation.pixels;
    let image_f1 = evaluation.image_f1_max.map(|best| {
        format!(
            "{:.4} (from a score of {:.4} on)",
            best.value, best.threshold
        )
    });
    let mut rows = vec![
        ("image AUROC".to_owned(), number(evaluation.image_auroc)),
        (
            "image average precision".to_owned(),
            number(evaluation.image_average_precision),
        ),
        ("image F1-max".to_owned(), known(image_f1)),
    ];
    let groups = evaluation.groups.iter();
    rows.extend(groups.map(|(group, &area)| (format!("image AUROC of {group}"), number(area))));
    let terms = evaluation.terms.iter();
    rows.extend(terms.map(|(term, &area)| (format!("image AUROC by {term} alone"), number(area))));
    let threshold = evaluation.threshold;
    let threshold = threshold.is_finite().then(|| format!("{threshold:.4}"));
    let rest = [
        ("pixel AUROC", number(pixels.pixel_auroc)),
        (
            "pixel average precision",
            number(pixels.pixel_average_precision),
        ),
        ("AUPRO to 30 % false positives", number(pixels.aupro)),
        ("threshold", known(threshold)),
        ("false-positive rate", known(evaluation.false_positive_rate)),
        ("detection rate", known(evaluation.detection_rate)),
    ];
    rows.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    rows
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}
