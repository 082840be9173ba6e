//! The best F1 that any threshold reaches.

use serde::Serialize;

use super::ranking::{Ranking, Score};

/// The harmonic mean of precision and recall where it is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct F1Max {
    /// The F1, 0..=1.
    pub value: f64,
    /// The score from which on it flags; the highest one where several do as well.
    pub threshold: f32,
}

impl<A: Score> Ranking<A> {
    /// The best F1 that any threshold reaches.
    pub fn f1_max(&self) -> F1Max {
        let positives = self.anomalous().len();
        let mut best = F1Max {
            value: 0.0,
            threshold: f32::INFINITY,
        };
        for step in self.steps() {
            let flagged = step.false_positives + step.true_positives;
            let value = 2.0 * step.true_positives as f64 / (flagged + positives) as f64;
            if value > best.value {
                best = F1Max {
                    value,
                    threshold: step.threshold,
                };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_false_alarm_may_be_worth_it() {
        let ranking = Ranking::new(vec![2.0, 0.0], vec![3.0, 1.0]).unwrap();
        let best = F1Max {
            value: 0.8,
            threshold: 1.0,
        };
        assert_eq!(ranking.f1_max(), best);
    }
}
