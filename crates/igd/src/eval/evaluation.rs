//! Scores of pictures or frames of known kinds, summed up.

use std::collections::BTreeMap;

use serde::Serialize;

use super::f1_max::F1Max;
use super::pixels::PixelMetrics;
use super::ranking::Ranking;
use super::rate::Rate;
use super::scored::Scored;

/// What became of the pictures of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KindCounts {
    /// How many there are.
    pub pictures: usize,
    /// How many scored above the threshold.
    pub flagged: usize,
}

/// How well scores and maps tell what is anomalous. What is `None` could not be measured: [`Evaluation::notes`] say
/// why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Area under the ROC curve, 0..=1.
    pub image_auroc: Option<f64>,
    /// Average precision, 0..=1.
    pub image_average_precision: Option<f64>,
    /// The best F1 of any threshold.
    pub image_f1_max: Option<F1Max>,
    /// Area under the ROC curve of each term of the score alone, by names such as `global.gaussian`.
    pub terms: BTreeMap<&'static str, Option<f64>>,
    /// The image AUROC within each group.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Option<f64>>,
    /// The metrics of the maps.
    #[serde(flatten)]
    pub pixels: PixelMetrics,
    /// The score above which pictures are flagged. Infinite (in JSON null) where the model has none.
    pub threshold: f32,
    /// Of the normal pictures, the share that scores above the threshold.
    pub false_positive_rate: Option<Rate>,
    /// Of the anomalous pictures, the share that does.
    pub detection_rate: Option<Rate>,
    /// The pictures of each kind, `good` or a kind of defect.
    pub kinds: BTreeMap<String, KindCounts>,
}

impl Evaluation {
    /// Sums up the scores of pictures, at a threshold that may be infinite, and what their maps came to.
    pub fn new(scored: &[Scored], threshold: f32, pixels: PixelMetrics) -> Self {
        let mut kinds: BTreeMap<String, KindCounts> = BTreeMap::new();
        let mut groups: BTreeMap<String, Vec<&Scored>> = BTreeMap::new();
        let mut terms: BTreeMap<&str, [Vec<f32>; 2]> = BTreeMap::new();
        let mut flagged = [0; 2];
        for picture in scored {
            let is_flagged = picture.is_flagged(threshold);
            let kind = kinds.entry(picture.kind.clone()).or_default();
            kind.pictures += 1;
            kind.flagged += usize::from(is_flagged);
            flagged[usize::from(picture.anomalous)] += usize::from(is_flagged);
            if let Some(group) = &picture.group {
                groups.entry(group.clone()).or_default().push(picture);
            }
            for (name, value) in picture.scales.terms() {
                terms.entry(name).or_default()[usize::from(picture.anomalous)].push(value);
            }
        }
        let auroc = |ranking: Option<Ranking>| ranking.map(|ranking| ranking.auroc());
        let [normal, anomalous] = by_class(scored);
        let rate = |class: usize, scores: &[f32]| {
            Rate::new(flagged[class], scores.len()).filter(|_| threshold.is_finite())
        };
        let (false_positive_rate, detection_rate) = (rate(0, &normal), rate(1, &anomalous));
        let ranking = Ranking::new(normal, anomalous);
        Self {
            image_average_precision: ranking.as_ref().map(Ranking::average_precision),
            image_f1_max: ranking.as_ref().map(Ranking::f1_max),
            image_auroc: auroc(ranking),
            terms: terms
                .into_iter()
                .map(|(name, [normal, anomalous])| (name, auroc(Ranking::new(normal, anomalous))))
                .collect(),
            groups: groups
                .into_iter()
                .map(|(group, pictures)| (group, auroc(ranking_of(pictures))))
                .collect(),
            pixels,
            threshold,
            false_positive_rate,
            detection_rate,
            kinds,
        }
    }

    /// Why something could not be measured, or not of all pictures, a sentence each. `scored` is what it was made of.
    pub fn notes(&self, scored: &[Scored]) -> Vec<String> {
        let mut notes = Vec::new();
        for (anomalous, class) in [(false, "normal"), (true, "anomalous")] {
            if !scored.iter().any(|picture| picture.anomalous == anomalous) {
                notes.push(format!(
                    "There are no {class} pictures, so that the metrics that compare both kinds are unknown."
                ));
            }
        }
        if !self.threshold.is_finite() {
            notes.push(
                "There is no threshold, so that nothing is flagged: igd calibrate sets one for a model as a whole."
                    .to_owned(),
            );
        }
        let pixels = &self.pixels;
        if pixels.pixel_pictures == 0 {
            notes.push("There are no masks, so that the metrics of pixels are unknown.".to_owned());
        } else if pixels.pixel_auroc.is_none() {
            notes.push(
                "All pixels are normal or all are anomalous, so that the metrics of pixels are unknown."
                    .to_owned(),
            );
        }
        if pixels.pixel_pictures > 0 && pixels.pixel_left_out > 0 {
            notes.push(format!(
                "The metrics of pixels leave out {} of the anomalous pictures, which have no mask.",
                pixels.pixel_left_out
            ));
        }
        notes
    }
}

/// The scores of normal and of anomalous pictures.
fn by_class<'a>(scored: impl IntoIterator<Item = &'a Scored>) -> [Vec<f32>; 2] {
    let mut scores = [Vec::new(), Vec::new()];
    for picture in scored {
        scores[usize::from(picture.anomalous)].push(picture.score);
    }
    scores
}

/// The scores of pictures, in order; `None` if one class has none.
pub fn ranking_of<'a>(scored: impl IntoIterator<Item = &'a Scored>) -> Option<Ranking> {
    let [normal, anomalous] = by_class(scored);
    Ranking::new(normal, anomalous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ScaleTerms, Scales};

    fn scored(kind: &str, group: &str, score: f32) -> Scored {
        Scored {
            name: String::new(),
            kind: kind.to_owned(),
            group: Some(group.to_owned()),
            anomalous: kind != "good",
            score,
            scales: Scales {
                local: Some(ScaleTerms {
                    reconstruction: -score,
                    gaussian: 0.5,
                }),
                ..Scales::default()
            },
        }
    }

    #[test]
    fn kinds_groups_terms_and_rates() {
        let scored = [
            scored("good", "a", 0.1),
            scored("good", "b", 0.4),
            scored("crack", "a", 0.3),
            scored("crack", "b", 0.2),
            scored("stain", "a", 0.9),
        ];
        let evaluation = Evaluation::new(&scored, 0.25, PixelMetrics::default());
        assert_eq!(evaluation.image_auroc, Some(4.0 / 6.0));
        assert_eq!(evaluation.groups["a"], Some(1.0));
        assert_eq!(evaluation.groups["b"], Some(0.0));
        let terms = [
            ("local.gaussian", Some(0.5)),
            ("local.reconstruction", Some(2.0 / 6.0)),
        ];
        assert_eq!(evaluation.terms, terms.into());
        let kind = |pictures, flagged| KindCounts { pictures, flagged };
        assert_eq!(evaluation.kinds["good"], kind(2, 1));
        assert_eq!(evaluation.kinds["crack"], kind(2, 1));
        assert_eq!(evaluation.kinds["stain"], kind(1, 1));
        assert_eq!(evaluation.false_positive_rate, Rate::new(1, 2));
        assert_eq!(evaluation.detection_rate, Rate::new(2, 3));
        let notes = evaluation.notes(&scored);
        assert!(
            notes.len() == 1 && notes[0].contains("no masks"),
            "{notes:?}"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let scored = [scored("good", "a", 0.1)];
        let evaluation = Evaluation::new(&scored, f32::INFINITY, PixelMetrics::default());
        assert_eq!(evaluation.image_auroc, None);
        assert_eq!(evaluation.image_f1_max, None);
        assert_eq!(evaluation.groups["a"], None);
        assert_eq!(evaluation.terms["local.gaussian"], None);
        assert_eq!(evaluation.false_positive_rate, None);
        let notes = evaluation.notes(&scored).join("\n");
        for text in ["no anomalous pictures", "no threshold", "no masks"] {
            assert!(notes.contains(text), "{notes}");
        }
    }
}
