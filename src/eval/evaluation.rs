//! Scores of pictures or frames of known kinds, summed up.

use std::collections::BTreeMap;

use serde::Serialize;

use super::auroc;

/// A picture's score and what it should be.
#[derive(Clone, Debug)]
pub struct Scored {
    /// `good` or the kind of defect.
    pub kind: String,
    /// A group to look at by itself, such as a type of product.
    pub group: Option<String>,
    pub anomalous: bool,
    pub score: f32,
}

/// What became of the pictures of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Kind {
    pub pictures: usize,
    /// How many scored above the threshold.
    pub flagged: usize,
}

/// How well the scores tell anomalous from normal pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Area under the ROC curve; `None` if there are no normal or no anomalous pictures.
    pub image_auroc: Option<f64>,
    /// The same within each group.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Option<f64>>,
    pub threshold: f32,
    pub kinds: BTreeMap<String, Kind>,
}

impl Evaluation {
    pub fn new(scored: &[Scored], threshold: f32) -> Self {
        let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for picture in scored {
            let kind = kinds.entry(picture.kind.clone()).or_default();
            kind.pictures += 1;
            kind.flagged += usize::from(picture.score > threshold);
            if let Some(group) = &picture.group {
                groups
                    .entry(group.clone())
                    .or_insert_with(|| area(scored, |other| other.group.as_ref() == Some(group)));
            }
        }
        Self {
            image_auroc: area(scored, |_| true),
            groups,
            threshold,
            kinds,
        }
    }
}

/// The area under the ROC curve of the chosen pictures.
fn area(scored: &[Scored], chosen: impl Fn(&Scored) -> bool) -> Option<f64> {
    let (anomalous, normal): (Vec<_>, Vec<_>) = scored
        .iter()
        .filter(|picture| chosen(picture))
        .partition(|picture| picture.anomalous);
    let scores = |pictures: Vec<&Scored>| -> Vec<f32> {
        pictures.into_iter().map(|picture| picture.score).collect()
    };
    auroc(&scores(normal), &scores(anomalous))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_groups() {
        let scored = |kind: &str, group: &str, score| Scored {
            kind: kind.to_owned(),
            group: Some(group.to_owned()),
            anomalous: kind != "good",
            score,
        };
        let evaluation = Evaluation::new(
            &[
                scored("good", "a", 0.1),
                scored("good", "b", 0.4),
                scored("crack", "a", 0.3),
                scored("crack", "b", 0.2),
                scored("stain", "a", 0.9),
            ],
            0.25,
        );
        assert_eq!(evaluation.image_auroc, Some(4.0 / 6.0));
        assert_eq!(evaluation.groups["a"], Some(1.0));
        assert_eq!(evaluation.groups["b"], Some(0.0));
        let kind = |pictures, flagged| Kind { pictures, flagged };
        assert_eq!(evaluation.kinds["good"], kind(2, 1));
        assert_eq!(evaluation.kinds["crack"], kind(2, 1));
        assert_eq!(evaluation.kinds["stain"], kind(1, 1));
    }
}
