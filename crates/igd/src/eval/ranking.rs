//! Scores of normal and of anomalous things, in order: what all metrics of a test set are counted from.

use rayon::slice::ParallelSliceMut;

/// Something with a score: a picture, or a pixel.
pub trait Score: Copy + Send {
    /// Higher is more anomalous; never NaN.
    fn score(&self) -> f32;
}

impl Score for f32 {
    fn score(&self) -> f32 {
        *self
    }
}

/// Scores of both classes, each sorted, the highest first.
#[derive(Clone, Debug)]
pub struct Ranking<A = f32> {
    normal: Vec<f32>,
    anomalous: Vec<A>,
}

/// What a threshold at one of the scores flags: all that score at least as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The lowest score that is flagged.
    pub threshold: f32,
    /// How many normal ones are flagged.
    pub false_positives: usize,
    /// How many anomalous ones are flagged.
    pub true_positives: usize,
}

impl<A: Score> Ranking<A> {
    /// Sorts in place, as there may be hundreds of millions. `None` if one of the two is empty: no metric is known
    /// then.
    pub fn new(mut normal: Vec<f32>, mut anomalous: Vec<A>) -> Option<Self> {
        if normal.is_empty() || anomalous.is_empty() {
            return None;
        }
        normal.par_sort_unstable_by(|a, b| b.total_cmp(a));
        anomalous.par_sort_unstable_by(|a, b| b.score().total_cmp(&a.score()));
        Some(Self { normal, anomalous })
    }

    /// The normal ones, the highest score first.
    pub fn normal(&self) -> &[f32] {
        &self.normal
    }

    /// The anomalous ones, the highest score first.
    pub fn anomalous(&self) -> &[A] {
        &self.anomalous
    }

    /// One for each distinct score of both classes, from the highest down to the lowest, where everything is flagged.
    /// Equal scores cannot be told apart by any threshold, and are in one step.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        let (mut false_positives, mut true_positives) = (0, 0);
        std::iter::from_fn(move || {
            let normal = self.normal.get(false_positives).copied();
            let anomalous = self.anomalous.get(true_positives).map(Score::score);
            let threshold = match (normal, anomalous) {
                (Some(normal), Some(anomalous)) => normal.max(anomalous),
                (normal, anomalous) => normal.or(anomalous)?,
            };
            let is_flagged = |score: &f32| *score >= threshold;
            while self.normal.get(false_positives).is_some_and(is_flagged) {
                false_positives += 1;
            }
            let anomalous = |index: usize| self.anomalous.get(index).map(Score::score);
            while anomalous(true_positives).is_some_and(|score| is_flagged(&score)) {
                true_positives += 1;
            }
            Some(Step {
                threshold,
                false_positives,
                true_positives,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_step() {
        let ranking = Ranking::new(vec![0.0, 2.0, -0.0], vec![2.0, 3.0, 2.0]).unwrap();
        let step = |threshold, false_positives, true_positives| Step {
            threshold,
            false_positives,
            true_positives,
        };
        let steps: Vec<_> = ranking.steps().collect();
        assert_eq!(steps, [step(3.0, 0, 1), step(2.0, 1, 3), step(0.0, 3, 3)]);
    }

    #[test]
    fn both_classes_are_needed() {
        assert!(Ranking::<f32>::new(vec![], vec![1.0]).is_none());
        assert!(Ranking::<f32>::new(vec![1.0], vec![]).is_none());
    }
}
