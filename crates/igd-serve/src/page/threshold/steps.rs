//! The places that the slider has, and what each promises.

use std::collections::BTreeMap;

use igd::eval::Rate;
use serde::Serialize;

use crate::line::Scores;

/// Places of the slider.
const COUNT: usize = 241;
/// What lies this much above the threshold or the highest good score is off the scale.
const REACH: f32 = 1.5;
/// Room below the lowest and above the highest, of the scale.
const MARGIN: f32 = 0.02;

/// A threshold at each place, in rising order, and what lies above it.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    pub thresholds: Vec<f32>,
    /// Good pictures of the fit above each. Parts that users call good are marked because they alarm, so that they tell
    /// nothing of how often others will.
    pub alarms: Vec<usize>,
    /// Of so many.
    pub good: usize,
    /// Defects above each.
    pub found: Vec<usize>,
    /// Of so many.
    pub bad: usize,
    /// Parts that are marked good above each.
    pub unjust: Vec<usize>,
    /// Of so many.
    pub marked_good: usize,
    /// Lower and upper end of the 95 % interval of the share of good pictures, by their number.
    pub alarm_intervals: BTreeMap<usize, [f64; 2]>,
    /// The same of defects.
    pub found_intervals: BTreeMap<usize, [f64; 2]>,
}

impl Steps {
    pub fn new(scores: &Scores) -> Self {
        let (from, to) = range(scores);
        let share = |index| index as f32 / (COUNT - 1) as f32;
        let thresholds = (0..COUNT).map(|index| from + (to - from) * share(index));
        let mut thresholds: Vec<f32> = thresholds.collect();
        // The model's threshold and the one in use have places of their own.
        for known in [scores.calibrated, scores.threshold] {
            let nearest = nearest(&thresholds, known);
            thresholds[nearest] = known;
        }
        let above = |scores: &[f32]| -> Vec<usize> {
            let count = |threshold: &f32| scores.iter().filter(|score| *score > threshold).count();
            thresholds.iter().map(count).collect()
        };
        let (alarms, found) = (above(&scores.good), above(&scores.marked_bad));
        Self {
            alarm_intervals: intervals(&alarms, scores.good.len()),
            found_intervals: intervals(&found, scores.marked_bad.len()),
            unjust: above(&scores.marked_good),
            marked_good: scores.marked_good.len(),
            good: scores.good.len(),
            bad: scores.marked_bad.len(),
            alarms,
            found,
            thresholds,
        }
    }

    /// The place nearest to a threshold.
    pub fn nearest(&self, threshold: f32) -> usize {
        nearest(&self.thresholds, threshold)
    }

    /// Where a score lies on the scale, 0..=1; what is off it lies at its end.
    pub fn place(&self, score: f32) -> f32 {
        let (from, to) = (self.thresholds[0], self.thresholds[COUNT - 1]);
        ((score - from) / (to - from)).clamp(0.0, 1.0)
    }
}

fn nearest(thresholds: &[f32], threshold: f32) -> usize {
    let apart = thresholds.iter().map(|one| (one - threshold).abs());
    let nearest = apart.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
    nearest.map_or(0, |(index, _)| index)
}

/// The ends of the scale: from the lowest score to what lies well above all good ones. A defect far away would leave no
/// room for the rest.
fn range(scores: &Scores) -> (f32, f32) {
    let all = [&scores.good, &scores.marked_good, &scores.marked_bad];
    let all = all.into_iter().flatten().copied();
    let all = all.chain([scores.threshold, scores.calibrated]);
    let all = all.filter(|score| score.is_finite());
    let lowest = all.clone().fold(f32::INFINITY, f32::min);
    let highest = all.fold(f32::NEG_INFINITY, f32::max);
    let of_good = scores.good.iter().chain(&scores.marked_good).copied();
    let of_good = of_good.fold(scores.threshold.max(scores.calibrated), f32::max);
    let reach = of_good + (REACH - 1.0) * of_good.abs();
    let highest = highest.min(reach);
    let length = match highest > lowest {
        true => highest - lowest,
        false => 1.0,
    };
    (lowest - MARGIN * length, lowest + (1.0 + MARGIN) * length)
}

fn intervals(counts: &[usize], all: usize) -> BTreeMap<usize, [f64; 2]> {
    let mut intervals = BTreeMap::new();
    for &count in counts {
        if !intervals.contains_key(&count)
            && let Some(rate) = Rate::new(count, all)
        {
            intervals.insert(count, [rate.low, rate.high]);
        }
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> Scores {
        Scores {
            good: (0..100).map(|index| 1.0 + 0.01 * index as f32).collect(),
            marked_bad: vec![1.5, 2.5, 40.0],
            marked_good: vec![2.2],
            threshold: 2.0,
            calibrated: 1.9,
        }
    }

    #[test]
    fn each_place_promises_what_lies_above_it() {
        let steps = Steps::new(&scores());
        let at = steps.nearest(2.1);
        assert!((steps.thresholds[at] - 2.1).abs() < 0.01);
        assert_eq!((steps.alarms[at], steps.good), (0, 100));
        assert_eq!((steps.unjust[at], steps.marked_good), (1, 1));
        assert_eq!((steps.found[at], steps.bad), (2, 3));
        let rate = Rate::new(0, 100).unwrap();
        assert_eq!(steps.alarm_intervals[&0], [rate.low, rate.high]);
        assert_eq!(steps.thresholds[steps.nearest(2.0)], 2.0);
        assert_eq!(steps.thresholds[steps.nearest(1.9)], 1.9);
        assert_eq!(steps.alarms[0], 100);
        assert_eq!(steps.alarms[COUNT - 1], 0);
    }

    #[test]
    fn one_defect_far_away_leaves_room_for_the_rest() {
        let steps = Steps::new(&scores());
        assert!(steps.thresholds[COUNT - 1] < 3.5);
        assert_eq!(steps.place(40.0), 1.0);
    }

    #[test]
    fn without_scores_there_is_a_scale_still() {
        let steps = Steps::new(&Scores::default());
        assert!(steps.thresholds[0] < steps.thresholds[COUNT - 1]);
        assert!(steps.alarm_intervals.is_empty());
    }
}
