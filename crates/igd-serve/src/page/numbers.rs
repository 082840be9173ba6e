//! Numbers as a language writes them.

use super::language::Language;

/// With so many decimals.
pub fn decimal(value: impl Into<f64>, decimals: usize, language: Language) -> String {
    let text = format!("{:.decimals$}", value.into());
    match language {
        Language::English => text,
        Language::German => text.replace('.', ","),
    }
}

/// A score as percent of its threshold, where that can be told.
pub fn percent_of(score: f32, threshold: f32) -> Option<String> {
    let share = 100.0 * score / threshold;
    (threshold > 0.0 && share.is_finite()).then(|| format!("{share:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn german_has_a_comma() {
        assert_eq!(decimal(1.25, 1, Language::English), "1.2");
        assert_eq!(decimal(1.5_f32, 2, Language::German), "1,50");
    }

    #[test]
    fn a_threshold_of_nothing_has_no_shares() {
        assert_eq!(percent_of(1.5, 2.0).as_deref(), Some("75"));
        assert_eq!(percent_of(1.5, 0.0), None);
        assert_eq!(percent_of(f32::NAN, 1.0), None);
    }
}
