//! How well a candidate does, and which one is taken.

use std::time::Duration;

use crate::eval::{Rate, auroc};
use crate::train::Profile;

/// A candidate is taken where its gain is so many times the gain's standard error.
const SURE: f64 = 2.0;

/// A candidate and what its model scores the pictures with.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What it is.
    pub profile: Profile,
    /// The good pictures, each left out in turn or held out.
    pub good: Vec<f32>,
    /// The known defects, in the same order for each candidate.
    pub bad: Vec<f32>,
    /// Score above which a picture is anomalous, which good pictures alone have set.
    pub threshold: f32,
    /// What its fit and looking at the defects took.
    pub time: Duration,
}

/// How much better than another a candidate tells the defects apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    /// Difference of the AUROCs.
    pub auroc: f64,
    /// Its standard error (DeLong et al., 1988) from how the defects differ; infinite for one of them.
    pub error: f64,
}

impl Gain {
    /// Whether that is more than chance.
    pub fn is_sure(&self) -> bool {
        self.auroc > SURE * self.error
    }
}

impl Tried {
    /// The chance that a known defect scores above a good picture, 0..=1.
    pub fn auroc(&self) -> f64 {
        mean(&self.places())
    }

    /// Defects that are found at the threshold.
    pub fn found(&self) -> Option<Rate> {
        self.above(&self.bad)
    }

    /// Good pictures that are flagged at the threshold.
    pub fn alarms(&self) -> Option<Rate> {
        self.above(&self.good)
    }

    fn above(&self, scores: &[f32]) -> Option<Rate> {
        let above = scores.iter().filter(|&&score| score > self.threshold);
        Rate::new(above.count(), scores.len())
    }

    /// The share of good pictures that each defect scores above.
    fn places(&self) -> Vec<f64> {
        let place = |&defect: &f32| auroc(&self.good, &[defect]).unwrap_or(0.5);
        self.bad.iter().map(place).collect()
    }

    /// Against another that has judged the same defects.
    pub fn gain_over(&self, other: &Self) -> Gain {
        let places = self.places().into_iter().zip(other.places());
        let gains: Vec<f64> = places.map(|(here, there)| here - there).collect();
        let auroc = mean(&gains);
        let squares = gains.iter().map(|gain| (gain - auroc).powi(2)).sum::<f64>();
        let count = gains.len() as f64;
        Gain {
            auroc,
            // One defect does not tell how others differ.
            error: match gains.len() {
                0 | 1 => f64::INFINITY,
                _ => (squares / (count * (count - 1.0))).sqrt(),
            },
        }
    }
}

/// Which is taken: of those that are surely better than the first the one with the largest gain, the earliest of equal
/// ones; else the first.
pub fn best(tried: &[Tried]) -> usize {
    let gains = tried.iter().map(|one| one.gain_over(&tried[0]));
    let sure = gains.enumerate().filter(|(_, gain)| gain.is_sure());
    sure.min_by(|(_, one), (_, other)| other.auroc.total_cmp(&one.auroc))
        .map_or(0, |(index, _)| index)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::dense::Options;

    /// Good pictures score 0 to 1.
    fn tried(bad: &[f32]) -> Tried {
        Tried {
            profile: Profile::Dense(Options::default()),
            good: (0..=100).map(|index| index as f32 / 100.0).collect(),
            bad: bad.to_vec(),
            threshold: 0.985,
            time: Duration::ZERO,
        }
    }

    #[test]
    fn counts_at_the_threshold() {
        let one = tried(&[0.5, 0.99, 2.0, 3.0]);
        assert_eq!(one.found(), Rate::new(3, 4));
        assert_eq!(one.alarms(), Rate::new(2, 101));
        assert!((one.auroc() - (0.5 + 99.5 / 101.0 + 2.0) / 4.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_surely_better_is_taken() {
        let usual = tried(&[0.5, 0.6, 0.7, 0.8, 0.9]);
        let better = tried(&[0.6, 0.7, 0.8, 0.9, 0.95]);
        let best_of_all = tried(&[0.7, 0.8, 0.9, 0.95, 1.0]);
        assert_eq!(
            best(&[usual.clone(), better.clone(), best_of_all.clone()]),
            2
        );
        let twice = best_of_all.clone();
        assert_eq!(best(&[usual.clone(), best_of_all, better, twice]), 1);
        // Of two defects more and three less it is the one far above that speaks for it.
        let chance = tried(&[0.4, 0.5, 0.6, 0.99, 0.99]);
        assert_eq!(best(&[usual.clone(), chance]), 0);
        assert_eq!(best(&[usual.clone(), usual]), 0);
    }

    #[test]
    fn one_defect_decides_nothing() {
        let gain = tried(&[0.9]).gain_over(&tried(&[0.1]));
        assert!((gain.auroc - 0.8).abs() < 0.02 && !gain.is_sure());
    }
}
