//! From raw scores to decisions: what normal pictures that were not trained on score.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::detection::Measurement;

/// What raw scores and map values are held against: the `calibration` entry of a model file's header.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Raw score above which a picture is anomalous.
    pub threshold: f32,
    /// Median raw score of those normal pictures.
    pub median: f32,
    /// The share of normal pictures that may lie above the threshold, and of their pixels above the pixel threshold.
    pub false_positive_rate: f64,
    /// Raw map value from which a pixel is anomalous.
    pub pixel_threshold: f32,
    /// Median raw map value of those normal pictures.
    pub pixel_median: f32,
    /// Normal pictures that it comes of.
    pub pictures: usize,
    /// Files of versions before have none: there they were held out.
    #[serde(default)]
    pub method: CalibrationMethod,
}

/// How the pictures that calibrate come to be new to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationMethod {
    /// It was not trained on them.
    #[default]
    HeldOut,
    /// It was fitted to them, and each was judged as if it alone had been left out; of few pictures with some others.
    LeaveOneOut,
    /// It learned from them and from marked pictures, and each was judged by what the others have taught.
    CrossValidated,
}

impl CalibrationMethod {
    /// So many pictures, in words.
    pub fn describe(self, pictures: usize) -> String {
        match self {
            Self::HeldOut => format!("{pictures} held-out pictures"),
            Self::LeaveOneOut => format!("{pictures} pictures, each left out in turn"),
            Self::CrossValidated => {
                format!("{pictures} pictures, each judged by what the others have taught")
            }
        }
    }
}

/// Share of normal pictures that may be flagged, unless told otherwise: one in a hundred.
pub const FALSE_POSITIVE_RATE: f64 = 0.01;

/// How far a threshold may lie above the highest of the held-out scores, of their range: two scores bound next to
/// nothing.
const FARTHEST: f32 = 10.0;
/// Of further pictures, that a bound may be asked for: one for which none may be above does not exist.
const RAREST: f64 = 1e-6;
/// Thresholds keep at least this distance from the median, relative to it, or they could not be told apart.
const SMALLEST_MARGIN: f32 = 1e-4;

impl Calibration {
    /// The pictures that it comes of, in words.
    pub fn origin(&self) -> String {
        self.method.describe(self.pictures)
    }

    /// Refuses numbers that could not have been measured, thresholds at or below their medians; the reason names the
    /// field.
    pub fn check(&self) -> Result<(), String> {
        let pairs = [
            ("threshold", self.threshold, "median", self.median),
            (
                "pixel_threshold",
                self.pixel_threshold,
                "pixel_median",
                self.pixel_median,
            ),
        ];
        for (upper_name, upper, lower_name, lower) in pairs {
            if !upper.is_finite() || !lower.is_finite() || upper <= lower {
                return Err(format!(
                    "calibration.{upper_name} ({upper}) must be above calibration.{lower_name} ({lower})"
                ));
            }
        }
        Ok(())
    }

    /// Normalises a raw score against a threshold: 0 at the median of normal pictures, 0.5 at the threshold, at most 1.
    pub(super) fn normalise(value: f32, threshold: f32, median: f32) -> f32 {
        normalise(value, threshold, Self::slope(threshold, median))
    }

    /// The same for many values: fills `normalised`.
    pub(super) fn normalise_all(
        values: &[f32],
        threshold: f32,
        median: f32,
        normalised: &mut Vec<f32>,
    ) {
        let slope = Self::slope(threshold, median);
        let values = values.iter();
        normalised.clear();
        normalised.extend(values.map(|&value| normalise(value, threshold, slope)));
    }

    /// What a normalised score rises by with a raw one.
    pub(crate) fn slope(threshold: f32, median: f32) -> f32 {
        // A user's threshold may lie below the median.
        0.5 / (threshold - median).max(smallest_distance(median))
    }
}

fn normalise(value: f32, threshold: f32, slope: f32) -> f32 {
    (0.5 + (value - threshold) * slope).clamp(0.0, 1.0)
}

/// The least distance of a threshold from its median.
fn smallest_distance(median: f32) -> f32 {
    SMALLEST_MARGIN * median.abs().max(1e-3)
}

/// Puts the thresholds where `false_positive_rate` of further normal pictures are to be expected above, from held-out
/// ones. `None` without pictures.
///
/// The score's is the value that ranks (n + 1) (1 - rate) among the n held-out ones: any further picture is as likely
/// at each rank. Rates that are too rare for n pictures have no such rank; there it is the bound that a further value
/// of the same Gaussian is above at that rate, which one odd picture among the n does not set alone.
pub fn calibrate(measurements: &[Measurement], false_positive_rate: f64) -> Option<Calibration> {
    let sorted = |mut values: Vec<f32>| {
        values.sort_unstable_by(f32::total_cmp);
        values
    };
    let scores = sorted(
        measurements
            .iter()
            .map(|measurement| measurement.score)
            .collect(),
    );
    let pixels = sorted(
        measurements
            .iter()
            .flat_map(|measurement| &measurement.map_sample)
            .copied()
            .collect(),
    );
    let median = quantile(&scores, 0.5)?;
    let pixel_median = quantile(&pixels, 0.5)?;
    let above = |threshold: f32, median: f32| threshold.max(median + smallest_distance(median));
    let score_threshold = above(threshold(&scores, false_positive_rate)?, median);
    // A dense map's largest value is the distance, which is the score but for what a head makes of it.
    let distances: Vec<f32> = measurements
        .iter()
        .filter_map(|measurement| Some(measurement.scales.dense?.distance))
        .collect();
    let pixel_threshold = if distances.is_empty() {
        quantile(&pixels, 1.0 - false_positive_rate)?
    } else {
        threshold(&sorted(distances), false_positive_rate)?
    };
    Some(Calibration {
        threshold: score_threshold,
        median,
        false_positive_rate,
        pixel_threshold: above(pixel_threshold, pixel_median),
        pixel_median,
        pictures: measurements.len(),
        method: CalibrationMethod::default(),
    })
}

/// The score that a further normal picture is above at that rate; see [`calibrate`].
fn threshold(sorted: &[f32], rate: f64) -> Option<f32> {
    let count = sorted.len() as f64;
    let rank = (count + 1.0) * (1.0 - rate);
    if rank > count && sorted.len() > 1 {
        return Some(prediction_bound(sorted, rate));
    }
    quantile(sorted, (rank - 1.0) / (count - 1.0).max(1.0))
}

/// The bound that a further value of the same Gaussian is above at that rate, from two sorted scores or more. Where
/// scores can have logarithms, these are the Gaussian: scores lean to the right.
fn prediction_bound(scores: &[f32], rate: f64) -> f32 {
    let takes_logarithms = scores.iter().all(|&score| score > 0.0);
    let values: Vec<f64> = scores
        .iter()
        .map(|&score| f64::from(score))
        .map(|score| if takes_logarithms { score.ln() } else { score })
        .collect();
    let count = values.len() as f64;
    let student =
        StudentsT::new(0.0, 1.0, count - 1.0).expect("one score does not tell how others vary");
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (count - 1.0);
    let spread = (variance * (1.0 + 1.0 / count)).sqrt();
    let bound = mean + student.inverse_cdf(1.0 - rate.max(RAREST)) * spread;
    let bound = if takes_logarithms { bound.exp() } else { bound } as f32;
    let (lowest, highest) = (scores[0], scores[scores.len() - 1]);
    bound.min(highest + FARTHEST * (highest - lowest))
}

/// The value below which `share` of the sorted values lie, interpolated between neighbours.
fn quantile(sorted: &[f32], share: f64) -> Option<f32> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract() as f32)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::Normal;

    use super::*;
    use crate::model::Scales;

    #[test]
    fn quantiles() {
        let values = [0.0, 1.0, 2.0, 3.0];
        assert_eq!(quantile(&values, 0.5), Some(1.5));
        assert_eq!(quantile(&values, 1.0), Some(3.0));
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn normal_pictures_that_all_score_the_same_still_calibrate() {
        let measurement = Measurement {
            score: 0.25,
            map_sample: vec![0.0; 5],
            ..Measurement::default()
        };
        let measurements = [measurement.clone(), measurement];
        let calibration = calibrate(&measurements, 0.01).unwrap();
        calibration.check().unwrap();
    }

    fn measurements(scores: &[f32]) -> Vec<Measurement> {
        let measurement = |&score| Measurement {
            score,
            map_sample: vec![0.5 * score, score],
            ..Measurement::default()
        };
        scores.iter().map(measurement).collect()
    }

    /// Gaussian numbers that are the same in each run: libtorch's generator serves all tests at once.
    fn gaussian() -> impl Iterator<Item = f64> {
        let standard = Normal::standard();
        // SplitMix64 (Steele, Lea & Flood, 2014).
        (1..).map(move |step: u64| {
            let bits = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bits = bits ^ bits >> 31;
            standard.inverse_cdf(((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64)
        })
    }

    /// How often further scores lie above the threshold that so many of them have set, on the average.
    fn alarms(count: usize, rate: f64) -> f64 {
        const ROUNDS: usize = 2000;
        // They lean to the right, as scores do.
        let spread = 0.3;
        let mut scores = gaussian().map(|value| (spread * value).exp() as f32);
        let round = |_| {
            let held_out: Vec<f32> = scores.by_ref().take(count).collect();
            let threshold = calibrate(&measurements(&held_out), rate).unwrap().threshold;
            Normal::standard().sf(f64::from(threshold).ln() / spread)
        };
        (0..ROUNDS).map(round).sum::<f64>() / ROUNDS as f64
    }

    #[test]
    fn thresholds_hold_for_further_pictures() {
        for (count, rate) in [
            (30, 0.05),
            (60, 0.05),
            (180, 0.05),
            (180, 0.01),
            (60, 0.01),
            (20, 0.01),
        ] {
            let found = alarms(count, rate);
            println!("{count} held-out pictures, rate {rate}: {found}");
            assert!(
                (found - rate).abs() < 0.15 * rate,
                "{count} {rate}: {found}"
            );
        }
    }

    #[test]
    fn one_odd_picture_does_not_set_the_threshold() {
        let mut scores: Vec<f32> = (0..60).map(|index| 1.5 + 0.01 * index as f32).collect();
        let usual = calibrate(&measurements(&scores), 0.01).unwrap().threshold;
        scores[59] = 4.0;
        let odd = calibrate(&measurements(&scores), 0.01).unwrap().threshold;
        assert!(usual < odd && odd < 3.0, "{usual} {odd}");
    }

    #[test]
    fn few_pictures_and_rate_zero_still_calibrate() {
        for scores in [&[0.3][..], &[0.3, 0.4], &[0.0, 0.4, 0.1], &[0.3; 4]] {
            for rate in [0.0, 0.01, 0.5] {
                let calibration = calibrate(&measurements(scores), rate).unwrap();
                calibration.check().unwrap();
            }
        }
    }

    #[test]
    fn what_no_method_is_told_of_was_held_out() {
        let text = r#"{"threshold": 2.0, "median": 1.0, "false_positive_rate": 0.01, "pixel_threshold": 2.0,
            "pixel_median": 0.8, "pictures": 180}"#;
        let earlier: Calibration = serde_json::from_str(text).unwrap();
        assert_eq!(earlier.origin(), "180 held-out pictures");
        let method = CalibrationMethod::LeaveOneOut;
        let now = Calibration { method, ..earlier };
        let text = serde_json::to_string(&now).unwrap();
        assert!(text.contains(r#""method":"leave-one-out""#), "{text}");
        assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), now);
    }

    #[test]
    fn a_dense_model_has_one_threshold() {
        let mut measurements = measurements(&[1.2, 1.3, 1.5]);
        for measurement in &mut measurements {
            measurement.scales = Scales::dense(measurement.score);
        }
        let calibration = calibrate(&measurements, 0.05).unwrap();
        assert_eq!(calibration.threshold, calibration.pixel_threshold);
        // A head changes scores, and no map.
        for measurement in &mut measurements {
            measurement.score *= 2.0;
        }
        let of_a_head = calibrate(&measurements, 0.05).unwrap();
        assert_eq!(of_a_head.pixel_threshold, calibration.pixel_threshold);
        assert!(of_a_head.threshold > 1.9 * calibration.threshold);
    }

    #[test]
    fn normalised_scores() {
        assert_eq!(Calibration::normalise(0.25, 0.75, 0.25), 0.0);
        assert_eq!(Calibration::normalise(0.75, 0.75, 0.25), 0.5);
        assert_eq!(Calibration::normalise(9.0, 0.75, 0.25), 1.0);
        assert_eq!(Calibration::normalise(0.2, 0.1, 0.5), 1.0);
    }
}
