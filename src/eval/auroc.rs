//! Area under the ROC curve: the chance that an anomalous picture scores above a normal one.

/// Ties count half. `None` if one of the two is empty.
pub fn auroc(normal: &[f32], anomalous: &[f32]) -> Option<f64> {
    if normal.is_empty() || anomalous.is_empty() {
        return None;
    }
    let mut sorted = normal.to_vec();
    sorted.sort_by(f32::total_cmp);
    let wins: f64 = anomalous
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|normal| normal < score);
            let at_most = sorted.partition_point(|normal| normal <= score);
            (below + at_most) as f64 / 2.0
        })
        .sum();
    Some(wins / (normal.len() * anomalous.len()) as f64)
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
