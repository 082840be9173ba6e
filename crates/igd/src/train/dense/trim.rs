//! Pictures among those that are trained on that do not fit the others: defects that nobody has seen there.

/// Pictures are dropped in so many rounds at most: each shows what the ones before have hidden.
pub const MOST_ROUNDS: usize = 10;
/// Share of the pictures that is dropped at most, in all rounds together.
pub const MOST_DROPPED: f64 = 0.25;

/// Scores above the median by so many times what the lower part of the scores lies below it are odd.
const FARTHEST: f64 = 2.5;
/// The share of the scores below that lower part: as much as lies below a Gaussian's mean less its deviation.
const LOWER: f64 = 0.16;

/// Which of the scores, each of a picture that was left out in turn, are odd: the highest first, `most` of them at
/// most.
///
/// On a logarithmic scale, where scores lie evenly about their median; how far they spread is read off their lower
/// half, which defects do not touch. Scores at 0 and below have no logarithm, and are never odd.
pub fn odd(scores: &[f32], most: usize) -> Vec<usize> {
    let logarithms: Vec<f64> = scores.iter().map(|&score| f64::from(score).ln()).collect();
    let mut sorted = logarithms.clone();
    sorted.retain(|value| value.is_finite());
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return Vec::new();
    };
    let quantile = |share: f64| sorted[(share * last as f64).round() as usize];
    let median = quantile(0.5);
    let limit = median + FARTHEST * (median - quantile(LOWER));
    let mut odd: Vec<usize> = (0..scores.len())
        .filter(|&index| logarithms[index] > limit)
        .collect();
    odd.sort_by(|&one, &other| logarithms[other].total_cmp(&logarithms[one]));
    odd.truncate(most);
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly about 1, from 1/4 to 4.
    fn even() -> Vec<f32> {
        (-50..=50).map(|step| (step as f32 / 36.0).exp()).collect()
    }

    #[test]
    fn what_lies_evenly_is_not_odd() {
        assert!(odd(&even(), 100).is_empty());
        assert!(odd(&[1.0; 60], 100).is_empty());
        assert!(odd(&[], 100).is_empty());
    }

    #[test]
    fn what_lies_far_above_is_odd_the_farthest_first() {
        let mut scores = even();
        // The median is e^(2 / 36), the lower end of the middle e^(-33 / 36): the limit is 12.
        scores.extend([10.0, 20.0, 13.0, 15.0]);
        assert_eq!(odd(&scores, 100), [102, 104, 103]);
        assert_eq!(odd(&scores, 2), [102, 104]);
    }

    #[test]
    fn scores_without_a_logarithm_are_never_odd() {
        let mut scores = even();
        scores.extend([0.0, -1.0, f32::NAN, 100.0]);
        assert_eq!(odd(&scores, 100), [104]);
    }
}
