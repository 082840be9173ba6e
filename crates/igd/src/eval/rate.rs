//! A share of pictures, and how sure it is.

use std::fmt;

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// The chance that an interval of [`Rate`] does not hold the true share.
const MISSED: f64 = 0.05;

/// How many of some pictures are flagged, with the 95 % confidence interval of Clopper and Pearson, which holds for
/// every number of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// How many are flagged.
    pub flagged: usize,
    /// Of how many.
    pub pictures: usize,
    /// The share, 0..=1.
    pub rate: f64,
    /// The lower end of the interval, 0..=1.
    pub low: f64,
    /// The upper end of the interval, 0..=1.
    pub high: f64,
}

impl Rate {
    /// So many of so many pictures; `None` of no pictures.
    pub fn new(flagged: usize, pictures: usize) -> Option<Self> {
        Self::of_best(flagged, pictures, 1)
    }

    /// The same where the best of so many rates was taken: the intervals of all of them hold at once, with 95 %
    /// confidence (Bonferroni).
    pub fn of_best(flagged: usize, pictures: usize, among: usize) -> Option<Self> {
        if pictures == 0 {
            return None;
        }
        let missed = MISSED / among.max(1) as f64;
        let (flagged_f, others) = (flagged as f64, (pictures - flagged) as f64);
        // One end is that of 0..=1 where all or none are flagged: no such distribution exists.
        let quantile = |a, b, share| Beta::new(a, b).ok().map(|beta| beta.inverse_cdf(share));
        Some(Self {
            flagged,
            pictures,
            rate: flagged_f / pictures as f64,
            low: quantile(flagged_f, others + 1.0, 0.5 * missed).unwrap_or(0.0),
            high: quantile(flagged_f + 1.0, others, 1.0 - 0.5 * missed).unwrap_or(1.0),
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "{:.1} % ({} of {}; 95 % confidence: {:.1} to {:.1} %)",
            100.0 * self.rate,
            self.flagged,
            self.pictures,
            100.0 * self.low,
            100.0 * self.high
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    /// At each end of the interval what was seen, or more of its kind, has a chance of 2.5 %.
    #[test]
    fn ends_are_where_the_binomial_leaves_two_and_a_half_percent() {
        for (flagged, pictures) in [(1, 10), (3, 300), (150, 300), (9, 10), (5000, 10_000)] {
            let rate = Rate::new(flagged, pictures).unwrap();
            let binomial = |share| Binomial::new(share, pictures as u64).unwrap();
            let at_least = binomial(rate.low).sf(flagged as u64 - 1);
            let at_most = binomial(rate.high).cdf(flagged as u64);
            for chance in [at_least, at_most] {
                assert!((chance - 0.025).abs() < 1e-6, "{rate:?} {chance}");
            }
        }
    }

    #[test]
    fn all_none_and_nothing() {
        let none = Rate::new(0, 20).unwrap();
        assert_eq!((none.rate, none.low), (0.0, 0.0));
        assert!((none.high - (1.0 - 0.025_f64.powf(1.0 / 20.0))).abs() < 1e-9);
        let all = Rate::new(20, 20).unwrap();
        assert_eq!((all.rate, all.high), (1.0, 1.0));
        assert!((all.low - 0.025_f64.powf(1.0 / 20.0)).abs() < 1e-9);
        assert_eq!(Rate::new(0, 0), None);
    }

    #[test]
    fn the_best_of_several_is_less_sure() {
        let (one, best) = (Rate::new(4, 5).unwrap(), Rate::of_best(4, 5, 6).unwrap());
        assert!(best.low < one.low && best.high > one.high && best.rate == one.rate);
        let chance = Binomial::new(best.low, 5).unwrap().sf(3);
        assert!((chance - 0.025 / 6.0).abs() < 1e-6, "{chance}");
    }

    #[test]
    fn reads_as_a_sentence() {
        let text = Rate::new(3, 300).unwrap().to_string();
        assert_eq!(text, "1.0 % (3 of 300; 95 % confidence: 0.2 to 2.9 %)");
    }
}
