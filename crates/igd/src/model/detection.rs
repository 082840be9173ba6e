//! What a [`Detector`](super::Detector) says about one picture.

use serde::{Deserialize, Serialize};

use crate::criterion::{ScoreWeights, TermWeights, gaussian_term};

/// The two terms of the score at one scale (paper: Section 3.3), each in 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScaleTerms {
    /// 0.85 (1 - MS-SSIM) + 0.15 L1 / range, of the worst patch at the local scale.
    pub reconstruction: f32,
    /// 1 - exp(-||z - c||^2 / sigma), of the same patch.
    pub gaussian: f32,
}

impl ScaleTerms {
    /// What the whole or a patch counts.
    pub(super) fn score(&self, weights: &TermWeights) -> f32 {
        weights.mix(self.reconstruction, self.gaussian)
    }

    /// Those with the highest score, where there are any; what is not a number is worse than anything.
    pub(super) fn worst<'a>(
        terms: impl IntoIterator<Item = &'a Self>,
        weights: &TermWeights,
    ) -> Option<Self> {
        let key = |terms: &Self| {
            let score = terms.score(weights);
            if score.is_nan() { f32::INFINITY } else { score }
        };
        let terms = terms.into_iter().copied();
        terms.reduce(|worst, terms| {
            if key(&terms) > key(&worst) {
                terms
            } else {
                worst
            }
        })
    }
}

/// The terms of a dense model: those of the place that is the farthest from normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DenseTerms {
    /// The distance, which is the score where the model has no head: 0 or more, about 1 where normal.
    pub distance: f32,
    /// IGD's term of it, 1 - exp(-distance^2), in 0..=1.
    pub gaussian: f32,
}

/// The terms of each scale the model has: global, local or both in the paper's models, and one of its own in dense
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scales {
    /// Those of the whole picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<ScaleTerms>,
    /// Those of the worst patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<ScaleTerms>,
    /// Those of the farthest place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dense: Option<DenseTerms>,
}

impl Scales {
    /// Those of a dense model.
    pub(crate) fn dense(distance: f32) -> Self {
        let terms = DenseTerms {
            distance,
            gaussian: gaussian_term(distance),
        };
        Self {
            dense: Some(terms),
            ..Self::default()
        }
    }

    /// Each term with its name, such as `global.gaussian`.
    pub fn terms(&self) -> impl Iterator<Item = (&'static str, f32)> {
        let paper = |terms: Option<ScaleTerms>| terms.map(|it| [it.reconstruction, it.gaussian]);
        [
            (
                ["global.reconstruction", "global.gaussian"],
                paper(self.global),
            ),
            (
                ["local.reconstruction", "local.gaussian"],
                paper(self.local),
            ),
            (
                ["dense.distance", "dense.gaussian"],
                self.dense.map(|it| [it.distance, it.gaussian]),
            ),
        ]
        .into_iter()
        .filter_map(|(names, values)| Some(names.into_iter().zip(values?)))
        .flatten()
    }

    /// The score of a paper's model.
    pub(super) fn score(&self, weights: &ScoreWeights) -> f32 {
        let global = self.global.map(|terms| terms.score(&weights.global));
        let local = self.local.map(|terms| terms.score(&weights.local));
        weights.combine(global, local)
    }
}

/// What inference says of a picture, before threshold and calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawDetection {
    /// IGD's, or a dense model's largest distance, which a head may have changed; the higher, the less normal.
    pub score: f32,
    /// What the score is made of.
    pub scales: Scales,
    /// The terms of each patch, row by row; empty where the model has no local network.
    pub patches: Vec<ScaleTerms>,
    /// The map at the model's input size, row by row.
    pub map: Vec<f32>,
    /// How far from normal the details of each pixel of the map are, about 1 where they are normal: they say where in the
    /// map's coarse places something is. Empty where the model knows nothing of them.
    pub details: Vec<f32>,
    /// What a dense model's head has multiplied the largest distance with; `None` where there is no head.
    pub factor: Option<f32>,
    /// The direction in which the picture departs from normal, as [`Head`](crate::criterion::Head) takes it; empty
    /// where nobody asks for it.
    pub departure: Vec<f32>,
    /// The mean of all places' residuals P x - c in a dense model, for [`Drift`](crate::criterion::Drift); empty in
    /// others.
    pub pooled: Vec<f32>,
}

/// A picture on its way through inference, with the memory for what is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputPicture {
    /// Planar R, G, B with values in 0..=255, at the model's input size.
    pub rgb: Vec<f32>,
    /// What was found.
    pub raw: RawDetection,
}

/// A connected component of the map above the pixel threshold, as a box in pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Its width.
    pub w: u32,
    /// Its height.
    pub h: u32,
    /// Pixels of the frame that the component covers (at most `w * h`).
    pub area: u32,
    /// The highest value of the normalised map inside, 0.5..=1.
    pub score: f32,
}

/// The anomaly map at the model's input size, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// In values.
    pub width: usize,
    /// In values.
    pub height: usize,
    /// `width * height` of them.
    pub values: Vec<f32>,
}

/// Everything known of one picture after inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection {
    /// The raw score: IGD's, or a dense model's largest distance, which a head may have changed.
    pub score: f32,
    /// clamp(0.5 + (score - threshold) / (2 (threshold - median)), 0, 1): 0 at the median of the calibrating normal
    /// pictures, 0.5 at the threshold. 0 where there is no threshold.
    pub normalized: f32,
    /// The raw score above which a picture is anomalous; infinite where there is none.
    pub threshold: f32,
    /// Whether the score is above the threshold.
    pub anomalous: bool,
    /// What the score is made of.
    pub scales: Scales,
    /// The map, normalised like the score but with the pixel threshold and median: 0..=1, anomalous from 0.5. 0
    /// everywhere where these are not known: see [`Postprocessor`](super::Postprocessor).
    pub map: Map,
    /// Where it is anomalous, the largest first; none where it is not.
    pub regions: Vec<Region>,
    /// Of a picture that is not anomalous, where they are asked for: places that are as far from normal as regions are,
    /// the largest first.
    pub candidates: Vec<Region>,
}

/// Why a picture got no detection.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The picture has not the model's input size.
    #[error("the picture has {found} values, expected {expected}")]
    Size {
        /// Values of all three planes.
        found: usize,
        /// Values of all three planes.
        expected: usize,
    },
    /// Something is NaN or infinite.
    #[error("{what} is {value}: the model's weights or the picture are not usable")]
    NotFinite {
        /// The score, or a value of the map.
        what: &'static str,
        /// What it is.
        value: f32,
    },
    /// libtorch failed: out of memory, or a GPU that was lost. What it says.
    #[error("inference failed: {0}")]
    Inference(String),
}

impl RawDetection {
    /// Refuses a score or a map that is not finite.
    pub fn check(&self) -> Result<(), DetectError> {
        let refuse = |what, value| Err(DetectError::NotFinite { what, value });
        if !self.score.is_finite() {
            return refuse("the score", self.score);
        }
        let mut values = self.map.iter().chain(&self.details);
        match values.find(|value| !value.is_finite()) {
            Some(value) => refuse("a value of the map", *value),
            None => Ok(()),
        }
    }
}

/// The raw numbers of a picture, before calibration.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// The raw score.
    pub score: f32,
    /// What it is made of.
    pub scales: Scales,
    /// Every fourth pixel of every fourth row of the map, as sharp as it is shown, where it is inspected.
    pub map_sample: Vec<f32>,
    /// See [`RawDetection::departure`].
    pub departure: Vec<f32>,
    /// See [`RawDetection::pooled`].
    pub pooled: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_named() {
        let raw = |score, map: [f32; 2]| RawDetection {
            score,
            map: map.into(),
            ..RawDetection::default()
        };
        raw(0.5, [0.0, -1.0]).check().unwrap();
        for (raw, text) in [
            (raw(f32::NAN, [0.0, 1.0]), "the score is NaN:"),
            (raw(0.5, [0.0, f32::NAN]), "a value of the map is NaN:"),
            (
                raw(0.5, [f32::NEG_INFINITY, 1.0]),
                "a value of the map is -inf:",
            ),
        ] {
            let error = raw.check().unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
