//! Area under the ROC curve: the chance that something anomalous scores above something normal, where ties count half.

use super::ranking::{Ranking, Score};

impl<A: Score> Ranking<A> {
    /// Area under the ROC curve, 0..=1: the chance that something anomalous scores above something normal.
    pub fn auroc(&self) -> f64 {
        let (mut before, mut twice) = ((0, 0), 0);
        for step in self.steps() {
            let (width, heights) = (
                step.false_positives - before.0,
                step.true_positives + before.1,
            );
            // Whole numbers: those of all pixels of a test set are beyond what even f64 can add up without a rest.
            twice += width as u128 * heights as u128;
            before = (step.false_positives, step.true_positives);
        }
        let pairs = self.normal().len() as f64 * self.anomalous().len() as f64;
        twice as f64 / (2.0 * pairs)
    }
}

/// Area under the ROC curve of some scores, 0..=1. `None` if one of the two is empty.
pub fn auroc(normal: &[f32], anomalous: &[f32]) -> Option<f64> {
    Ranking::new(normal.to_vec(), anomalous.to_vec()).map(|ranking| ranking.auroc())
}

#[cfg(test)]
mod tests {
    use super::auroc;

    #[test]
    fn counts_pairs() {
        assert_eq!(auroc(&[0.1, 0.2], &[0.3, 0.4]), Some(1.0));
        assert_eq!(auroc(&[0.3, 0.4], &[0.1, 0.2]), Some(0.0));
        assert_eq!(auroc(&[0.5, 0.5], &[0.5]), Some(0.5));
        assert_eq!(
            auroc(&[0.1, 0.4, 0.35], &[0.8, 0.35]),
            Some((3.0 + 1.5) / 6.0)
        );
        assert_eq!(auroc(&[], &[0.5]), None);
    }
}
