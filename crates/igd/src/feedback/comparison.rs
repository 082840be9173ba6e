//! What marks change, measured on pictures that did not teach.

use super::{Examples, FeedbackError, calibration, logistic};
use crate::eval::auroc;
use crate::model::Flagged;

/// Parts of the pictures of which each is judged by what the others have taught.
const MOST_PARTS: usize = 10;

/// The model without marks against the one with them.
#[derive(Debug)]
pub struct Comparison {
    pub before: Flagged,
    pub after: Flagged,
    /// Image AUROC of the marked defects against all good pictures, before and after; 0 without marked defects.
    pub auroc: [f64; 2],
    pub threshold_before: f32,
    /// Marked defects.
    marked: usize,
    /// What the good pictures score afterwards: those of the fit, then those that are marked.
    pub scores: Vec<f32>,
    /// What the marked defects score afterwards.
    pub bad_scores: Vec<f32>,
}

impl Comparison {
    pub fn new(
        fitted: &Examples,
        bad: &Examples,
        good: &Examples,
        rate: f64,
    ) -> Result<Self, FeedbackError> {
        let all_good = fitted.and(good);
        let (scores, bad_scores) = match bad.len() {
            0 => (all_good.distances.clone(), Vec::new()),
            _ => cross_validated(fitted, bad, good)?,
        };
        let threshold = |scores: &[f32], of: &Examples| {
            let calibration = calibration(scores, of, rate, None);
            let threshold = calibration.map(|calibration| calibration.threshold);
            threshold.ok_or(FeedbackError::NotCalibrated)
        };
        let threshold_before = threshold(&fitted.distances, fitted)?;
        let threshold_after = threshold(&scores, &all_good)?;
        let flagged = |good: &[f32], bad: &[f32], threshold: f32| {
            let above = |scores: &[f32]| scores.iter().filter(|&&score| score > threshold).count();
            let (pictures, marked) = good.split_at(fitted.len());
            Flagged {
                bad: above(bad),
                good: above(marked),
                pictures: above(pictures),
            }
        };
        Ok(Self {
            before: flagged(&all_good.distances, &bad.distances, threshold_before),
            after: flagged(&scores, &bad_scores, threshold_after),
            auroc: [
                auroc(&all_good.distances, &bad.distances).unwrap_or_default(),
                auroc(&scores, &bad_scores).unwrap_or_default(),
            ],
            threshold_before,
            marked: bad.len(),
            scores,
            bad_scores,
        })
    }

    /// Whether one of two gets better, and neither gets worse: how well defects are told from good pictures at any
    /// threshold (AUROC), and at the model's own (the share of defects that is found, less that of good pictures that
    /// are flagged).
    pub fn is_better(&self) -> bool {
        let share = |flagged: usize, of: usize| flagged as f64 / of.max(1) as f64;
        let at_threshold = |flagged: Flagged| {
            let alarms = share(flagged.good + flagged.pictures, self.scores.len());
            share(flagged.bad, self.marked) - alarms
        };
        let gains = [
            self.auroc[1] - self.auroc[0],
            at_threshold(self.after) - at_threshold(self.before),
        ];
        gains.iter().all(|&gain| gain >= 0.0) && gains.iter().any(|&gain| gain > 0.0)
    }
}

/// Scores of all good pictures and of the defects, each by a head that was learned without its part.
///
/// Parts of the marked pictures are runs of neighbours, since marks that follow each other may show the same thing;
/// those of the fit are dealt out one by one, as each is left out of the fit by itself.
fn cross_validated(
    fitted: &Examples,
    bad: &Examples,
    good: &Examples,
) -> Result<(Vec<f32>, Vec<f32>), FeedbackError> {
    let parts = MOST_PARTS.min(bad.len());
    let dealt = |index: usize| index % parts;
    let in_runs = |seen: &Examples| {
        let count = seen.len();
        move |index: usize| index * parts / count
    };
    let (part_of_good, part_of_bad) = (in_runs(good), in_runs(bad));
    let empty = |seen: &Examples| vec![0.0; seen.len()];
    let (mut of_fitted, mut of_good, mut of_bad) = (empty(fitted), empty(good), empty(bad));
    for part in 0..parts {
        let good_rest = good.only(|index| part_of_good(index) != part);
        let others = fitted.only(|index| dealt(index) != part).and(&good_rest);
        let head = logistic::learn(&others, &bad.only(|index| part_of_bad(index) != part))
            .ok_or(FeedbackError::NothingToLearn)?;
        let judge = |seen: &Examples, part_of: &dyn Fn(usize) -> usize, scores: &mut [f32]| {
            for (index, score) in seen.scores(&head).into_iter().enumerate() {
                if part_of(index) == part {
                    scores[index] = score;
                }
            }
        };
        judge(fitted, &dealt, &mut of_fitted);
        judge(good, &part_of_good, &mut of_good);
        judge(bad, &part_of_bad, &mut of_bad);
    }
    of_fitted.append(&mut of_good);
    Ok((of_fitted, of_bad))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    fn comparison(auroc: [f64; 2], found: [usize; 2], alarms: [usize; 2]) -> Comparison {
        let flagged = |index: usize| Flagged {
            bad: found[index],
            good: 0,
            pictures: alarms[index],
        };
        Comparison {
            before: flagged(0),
            after: flagged(1),
            auroc,
            threshold_before: 1.0,
            marked: 12,
            scores: vec![1.0; 60],
            bad_scores: vec![2.0; 12],
        }
    }

    #[test]
    fn neither_the_order_nor_the_verdict_gets_worse() {
        for (auroc, found, alarms, better) in [
            ([0.9, 0.95], [7, 7], [1, 1], true),
            ([0.9, 0.9], [7, 8], [1, 1], true),
            ([0.9, 0.9], [7, 7], [1, 0], true),
            // One more defect of 12 for one more alarm of 60.
            ([0.9, 0.95], [7, 8], [1, 2], true),
            ([0.9, 0.9], [7, 7], [1, 1], false),
            ([0.9, 0.95], [7, 6], [1, 1], false),
            ([0.9, 0.95], [7, 7], [1, 2], false),
            ([0.9, 0.89], [7, 9], [1, 1], false),
        ] {
            let found = comparison(auroc, found, alarms);
            assert_eq!(found.is_better(), better, "{found:?}");
        }
    }

    /// Each picture is judged once, and by a head that has not seen it: an odd one among the good ones gains nothing
    /// from having taught.
    #[test]
    fn nobody_judges_what_taught_him() {
        tch::manual_seed(5);
        let options = (Kind::Double, Device::Cpu);
        let seen = |count: i64, distance: f32| Examples {
            distances: (0..count)
                .map(|index| distance + 0.01 * (index % 17) as f32)
                .collect(),
            departures: Tensor::randn([count, 40], options),
        };
        // Directions mean nothing here: 40 of them are learned by heart from 20 pictures.
        let (fitted, bad, good) = (seen(60, 1.0), seen(20, 1.02), seen(7, 1.0));
        let (of_good, of_bad) = cross_validated(&fitted, &bad, &good).unwrap();
        assert_eq!((of_good.len(), of_bad.len()), (67, 20));
        assert!(of_good.iter().chain(&of_bad).all(|&score| score > 0.0));
        let head = logistic::learn(&fitted.and(&good), &bad).unwrap();
        let by_heart = auroc(&fitted.and(&good).scores(&head), &bad.scores(&head)).unwrap();
        let honest = auroc(&of_good, &of_bad).unwrap();
        assert!(honest < by_heart - 0.1, "{honest} {by_heart}");
    }
}
