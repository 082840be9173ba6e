//! What marks change, measured on pictures that did not teach.

use super::{FeedbackError, Seen, calibration, logistic};
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
    /// What the good pictures score afterwards: those of the fit, then those that are marked.
    pub scores: Vec<f32>,
}

impl Comparison {
    pub fn new(fitted: &Seen, bad: &Seen, good: &Seen, rate: f64) -> Result<Self, FeedbackError> {
        let all_good = fitted.and(good);
        let (scores, bad_scores) = match bad.len() {
            0 => (all_good.distances.clone(), Vec::new()),
            _ => cross_validated(fitted, bad, good)?,
        };
        let threshold = |scores: &[f32], of: &Seen| {
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
            scores,
        })
    }

    /// Whether defects are told from good pictures better; where that is the same, whether the threshold does it
    /// better: fewer mistakes of one kind, and no more of the other.
    pub fn is_better(&self) -> bool {
        let [auroc_before, auroc_after] = self.auroc;
        if auroc_after != auroc_before {
            return auroc_after > auroc_before;
        }
        let alarms = |flagged: Flagged| flagged.good + flagged.pictures;
        let (before, after) = (self.before, self.after);
        let no_worse = after.bad >= before.bad && alarms(after) <= alarms(before);
        no_worse && (after.bad > before.bad || alarms(after) < alarms(before))
    }
}

/// Scores of all good pictures and of the defects, each by a head that was learned without its part. Parts are runs of
/// neighbours, since marks that follow each other may show the same thing.
fn cross_validated(
    fitted: &Seen,
    bad: &Seen,
    good: &Seen,
) -> Result<(Vec<f32>, Vec<f32>), FeedbackError> {
    let parts = MOST_PARTS.min(bad.len());
    let (mut of_fitted, mut of_good, mut of_bad) = (Vec::new(), Vec::new(), Vec::new());
    for part in 0..parts {
        let [(fitted, fitted_rest), (good, good_rest), (bad, bad_rest)] =
            [fitted, good, bad].map(|seen| seen.part(part, parts));
        let head = logistic::learn(&fitted_rest.and(&good_rest), &bad_rest)
            .ok_or(FeedbackError::NothingToLearn)?;
        of_fitted.extend(fitted.scores(&head));
        of_good.extend(good.scores(&head));
        of_bad.extend(bad.scores(&head));
    }
    of_fitted.append(&mut of_good);
    Ok((of_fitted, of_bad))
}
