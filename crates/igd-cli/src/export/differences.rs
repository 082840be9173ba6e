//! How far a graph is from the model that it was made of.

use igd::model::{Calibration, Detection};
use serde::Serialize;

use super::runtime::Outputs;

/// How much may differ, of the largest number: rounding, in another order of sums.
const TOLERANCE: f32 = 1e-4;

/// What pictures have shown so far.
#[derive(Default)]
pub struct Comparison {
    score: Apart,
    map: Apart,
    normalized: Apart,
    normalized_map: Apart,
    distance: f32,
    verdicts: usize,
}

/// An output's largest difference, and the largest number that the model has there.
#[derive(Default)]
struct Apart {
    most: f32,
    largest: f32,
}

/// Differences as shares of the largest number that the model has. Those of normalised outputs are taken back to the scale
/// of raw ones before, so that thresholds near their median do not enlarge them.
#[derive(Clone, Copy, Serialize)]
pub struct Differences {
    pub score: f32,
    pub map: f32,
    pub normalized: f32,
    pub normalized_map: f32,
    /// Pictures that one calls anomalous and the other does not, though their scores are farther from the threshold than
    /// what may differ.
    pub verdicts: usize,
}

impl Comparison {
    /// Takes a picture: what the graph says, and what the model does.
    pub fn add(&mut self, outputs: &Outputs, detection: &Detection, raw_map: &[f32]) {
        self.score.add(&[outputs.score], &[detection.score]);
        self.map.add(&outputs.map, raw_map);
        self.normalized
            .add(&[outputs.normalized], &[detection.normalized]);
        self.normalized_map
            .add(&outputs.normalized_map, &detection.map.values);
        let distance = detection.scales.dense.map_or(0.0, |terms| terms.distance);
        self.distance = self.distance.max(distance);
        let Detection {
            score, threshold, ..
        } = *detection;
        let is_clear = (score - threshold).abs() > TOLERANCE * threshold;
        if is_clear && outputs.anomalous != detection.anomalous {
            self.verdicts += 1;
        }
    }

    /// Of all pictures.
    pub fn differences(&self, calibration: &Calibration) -> Differences {
        let score = 2.0 * (calibration.threshold - calibration.median);
        let pixels = 2.0 * (calibration.pixel_threshold - calibration.pixel_median);
        Differences {
            score: self.score.most / self.score.largest,
            map: self.map.most / self.map.largest,
            normalized: self.normalized.most * score / self.score.largest,
            normalized_map: self.normalized_map.most * pixels / self.distance,
            verdicts: self.verdicts,
        }
    }
}

impl Apart {
    fn add(&mut self, found: &[f32], expected: &[f32]) {
        for (found, expected) in found.iter().zip(expected) {
            let apart = (found - expected).abs();
            // What is no number is as far as can be.
            let apart = if apart.is_nan() { f32::INFINITY } else { apart };
            self.most = self.most.max(apart);
            self.largest = self.largest.max(expected.abs());
        }
    }
}

impl Differences {
    /// Each output's name with its difference.
    pub fn of_outputs(&self) -> [(&'static str, f32); 4] {
        [
            ("score", self.score),
            ("map", self.map),
            ("normalized", self.normalized),
            ("normalized_map", self.normalized_map),
        ]
    }

    /// Whether they are no more than rounding.
    pub fn are_small(&self) -> bool {
        let outputs = self.of_outputs();
        self.verdicts == 0 && outputs.iter().all(|(_, share)| *share <= TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use igd::model::{CalibrationMethod, DenseTerms, Map, Scales};

    use super::*;

    const CALIBRATION: Calibration = Calibration {
        threshold: 2.0,
        median: 1.0,
        false_positive_rate: 0.01,
        pixel_threshold: 2.0,
        pixel_median: 1.0,
        pictures: 20,
        method: CalibrationMethod::HeldOut,
    };

    fn detection(score: f32) -> Detection {
        let terms = DenseTerms {
            distance: score,
            gaussian: 1.0,
        };
        Detection {
            score,
            normalized: 0.5 * (score - 1.0),
            threshold: 2.0,
            anomalous: score > 2.0,
            scales: Scales {
                dense: Some(terms),
                ..Scales::default()
            },
            map: Map {
                width: 2,
                height: 1,
                values: vec![0.0, 0.5],
            },
            ..Detection::default()
        }
    }

    fn outputs(of: &Detection) -> Outputs {
        Outputs {
            score: of.score,
            map: vec![1.0, 4.0],
            normalized: of.normalized,
            anomalous: of.anomalous,
            normalized_map: of.map.values.clone(),
        }
    }

    fn compared(change: impl Fn(&mut Outputs), scores: &[f32]) -> Differences {
        let mut comparison = Comparison::default();
        for &score in scores {
            let detection = detection(score);
            let mut outputs = outputs(&detection);
            change(&mut outputs);
            comparison.add(&outputs, &detection, &[1.0, 4.0]);
        }
        comparison.differences(&CALIBRATION)
    }

    #[test]
    fn differences_are_shares_of_the_largest() {
        assert!(compared(|_| (), &[1.5, 2.5]).are_small());
        let differ = compared(|outputs| outputs.score += 0.5, &[1.0, 2.5]);
        assert_eq!(differ.score, 0.2);
        let differ = compared(|outputs| outputs.map[0] += 0.5, &[1.0]);
        assert_eq!((differ.score, differ.map), (0.0, 0.125));
        let differ = compared(|outputs| outputs.normalized_map[1] += 0.25, &[2.0]);
        assert_eq!(differ.normalized_map, 0.25);
        assert!(!differ.are_small());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for output in [
            |outputs: &mut Outputs| outputs.score = f32::NAN,
            |outputs: &mut Outputs| outputs.map[1] = f32::NAN,
        ] {
            assert!(!compared(output, &[1.5]).are_small());
        }
    }

    #[test]
    fn verdicts_may_differ_at_the_threshold_alone() {
        let turned = |outputs: &mut Outputs| outputs.anomalous = !outputs.anomalous;
        assert_eq!(compared(turned, &[1.0, 2.0, 3.0]).verdicts, 2);
        assert!(compared(turned, &[2.000_01]).are_small());
    }
}
