//! Average precision: how clean what is flagged is, averaged over what is found.

use super::ranking::{Ranking, Score};

impl<A: Score> Ranking<A> {
    /// The precision of each step weighed with the recall that it adds, 0..=1; nothing is interpolated between steps.
    pub fn average_precision(&self) -> f64 {
        let mut before = 0;
        let mut sum = 0.0;
        for step in self.steps() {
            let flagged = step.false_positives + step.true_positives;
            let precision = step.true_positives as f64 / flagged as f64;
            sum += (step.true_positives - before) as f64 * precision;
            before = step.true_positives;
        }
        sum / self.anomalous().len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_one_ahead_halves_the_precision() {
        let ranking = Ranking::new(vec![2.0, 0.0], vec![3.0, 1.0]).unwrap();
        assert_eq!(ranking.average_precision(), 0.5 * (1.0 + 2.0 / 3.0));
        let tied = Ranking::new(vec![1.0], vec![1.0]).unwrap();
        assert_eq!(tied.average_precision(), 0.5);
    }
}
