//! What a threshold promises of new normal pictures, whatever their scores are like.

use std::fmt;

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

use super::Calibration;

/// How sure it is that no more than [`Promise::high`] are flagged.
const CONFIDENCE: f64 = 0.95;

/// The share of new normal pictures that is flagged, as far as the number of pictures that calibrate can tell.
///
/// Any further picture is as likely at each rank among n others. The share that lies above the k highest of them is
/// distributed as Beta(k, n + 1 - k), with the mean k / (n + 1): with k = 1 no n pictures can promise less. A rate that
/// is rarer is what a Gaussian's tail says (`calibrate`), and holds as far as scores follow one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// The share to be expected, 0..=1: what was asked for, or the least that so few pictures can promise.
    pub rate: f64,
    /// With 95 % confidence it is no more than this, 0..=1: the upper end of a one-sided interval.
    pub high: f64,
    /// Where less was asked for than can be promised: how many pictures it takes.
    pub pictures_needed: Option<usize>,
    /// What was asked for, 0..=1.
    pub asked: f64,
    /// Pictures that calibrate.
    pub pictures: usize,
}

impl Calibration {
    /// What its threshold promises.
    pub fn promise(&self) -> Promise {
        let ranks = self.pictures as f64 + 1.0;
        let asked = self.false_positive_rate;
        // At most all but one, or there would be no distribution.
        let above = (ranks * asked).clamp(1.0, (ranks - 1.0).max(1.0));
        let high = Beta::new(above, (ranks - above).max(f64::MIN_POSITIVE))
            .map_or(1.0, |beta| beta.inverse_cdf(CONFIDENCE));
        let is_rarer = ranks * asked < 1.0 && asked > 0.0;
        Promise {
            // What is asked for itself, and not what rounding makes of it.
            rate: asked.clamp(1.0 / ranks, (ranks - 1.0).max(1.0) / ranks),
            high,
            pictures_needed: is_rarer.then(|| (1.0 / asked).ceil() as usize - 1),
            asked,
            pictures: self.pictures,
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let [rate, high, asked] = [self.rate, self.high, self.asked].map(|share| 100.0 * share);
        if self.rate <= self.asked {
            return write!(
                formatter,
                "{rate:.1} % of new good parts are to be flagged, at most {high:.1} % (95 % confidence)"
            );
        }
        write!(
            formatter,
            "{} pictures cannot promise that {asked} % of new good parts are flagged, only {rate:.1} %, and at most \
             {high:.1} % (95 % confidence)",
            self.pictures
        )?;
        match self.pictures_needed {
            Some(needed) => write!(formatter, ": that takes {needed} pictures"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CalibrationMethod;

    fn promise(pictures: usize, false_positive_rate: f64) -> Promise {
        let calibration = Calibration {
            threshold: 2.0,
            median: 1.0,
            false_positive_rate,
            pixel_threshold: 2.0,
            pixel_median: 1.0,
            pictures,
            method: CalibrationMethod::HeldOut,
        };
        calibration.promise()
    }

    #[test]
    fn what_is_asked_for_where_there_are_enough() {
        let found = promise(99, 0.01);
        assert!((found.rate - 0.01).abs() < 1e-12 && found.pictures_needed.is_none());
        // Of the highest of n the share above is at most 1 - 0.05^(1/n), with 95 % confidence.
        assert!((found.high - (1.0 - 0.05_f64.powf(1.0 / 99.0))).abs() < 1e-6);
        let more = promise(1024, 0.01);
        assert!(more.high > 0.01 && more.high < 0.016, "{}", more.high);
    }

    #[test]
    fn no_less_than_so_few_can_promise() {
        let found = promise(30, 0.01);
        assert!((found.rate - 1.0 / 31.0).abs() < 1e-12);
        assert!((found.high - (1.0 - 0.05_f64.powf(1.0 / 30.0))).abs() < 1e-6);
        assert_eq!(found.pictures_needed, Some(99));
        assert_eq!(
            found.to_string(),
            "30 pictures cannot promise that 1 % of new good parts are flagged, only 3.2 %, and at most 9.5 % (95 % \
             confidence): that takes 99 pictures"
        );
    }

    #[test]
    fn what_is_promised_is_not_said_to_be_too_little() {
        for (pictures, asked) in (1..3000).flat_map(|n| [0.01, 0.03, 0.05].map(|asked| (n, asked)))
        {
            let text = promise(pictures, asked).to_string();
            let can = (pictures + 1) as f64 * asked >= 1.0;
            assert_ne!(
                text.contains("cannot promise"),
                can,
                "{pictures} {asked}: {text}"
            );
        }
    }

    #[test]
    fn it_holds_for_scores_of_any_kind() {
        // Uniform scores and a highest of 30: shares above it.
        let mut random = fastrand::Rng::with_seed(5);
        let shares: Vec<f64> = (0..20_000)
            .map(|_| (0..30).fold(1.0, |least: f64, _| least.min(random.f64())))
            .collect();
        let found = promise(30, 0.01);
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!((mean / found.rate - 1.0).abs() < 0.03, "{mean}");
        let above = shares.iter().filter(|&&share| share > found.high).count();
        let missed = above as f64 / shares.len() as f64;
        assert!((missed - 0.05).abs() < 0.006, "{missed}");
    }

    #[test]
    fn odd_numbers_have_a_promise_too() {
        for (pictures, rate) in [(0, 0.01), (1, 0.5), (1, 1.0), (10, 0.0), (10, 1.0)] {
            let found = promise(pictures, rate);
            assert!(
                (0.0..=1.0).contains(&found.rate),
                "{pictures} {rate}: {found:?}"
            );
            assert!(
                (found.rate..=1.0).contains(&found.high),
                "{pictures} {rate}: {found:?}"
            );
            assert!(!found.to_string().contains("NaN"));
        }
    }
}
