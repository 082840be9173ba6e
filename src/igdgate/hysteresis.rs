//! Which frames are anomalous.

use crate::meta::AnomalyMeta;

/// `normalized` at the threshold.
const THRESHOLD: f32 = 0.5;

/// When a frame counts as anomalous.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// From this normalized score on; by the result's own flag where there is none.
    pub min_score: Option<f32>,
    /// How far the normalized score has to fall below that, before a frame counts as normal again.
    pub hysteresis: f32,
}

/// Remembers what the last frame was.
#[derive(Debug, Default)]
pub struct Hysteresis {
    anomalous: bool,
}

impl Hysteresis {
    pub fn is_anomalous(&mut self, result: &AnomalyMeta, rule: Rule) -> bool {
        let over = rule
            .min_score
            .map_or(result.anomalous, |score| result.normalized >= score);
        let limit = rule.min_score.unwrap_or(THRESHOLD) - rule.hysteresis;
        self.anomalous = over || (self.anomalous && result.normalized > limit);
        self.anomalous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(rule: Rule, results: &[(f32, bool)]) -> Vec<bool> {
        let mut hysteresis = Hysteresis::default();
        let results = results.iter().map(|&(normalized, anomalous)| AnomalyMeta {
            normalized,
            anomalous,
            ..AnomalyMeta::default()
        });
        results
            .map(|result| hysteresis.is_anomalous(&result, rule))
            .collect()
    }

    const PLAIN: Rule = Rule {
        min_score: None,
        hysteresis: 0.0,
    };

    #[test]
    fn the_flag_decides_where_no_score_is_given() {
        let results = [(0.9, false), (0.1, true), (0.5, false), (f32::NAN, false)];
        assert_eq!(decide(PLAIN, &results), [false, true, false, false]);
    }

    #[test]
    fn a_score_decides_where_it_is_given() {
        let rule = Rule {
            min_score: Some(0.75),
            ..PLAIN
        };
        let results = [
            (0.74, true),
            (0.75, false),
            (1.0, false),
            (0.74, true),
            (f32::NAN, true),
        ];
        assert_eq!(decide(rule, &results), [false, true, true, false, false]);
    }

    #[test]
    fn hysteresis_bridges_dips_but_starts_nothing() {
        let rule = Rule {
            min_score: Some(0.75),
            hysteresis: 0.25,
        };
        let results = [0.6, 0.8, 0.6, 0.51, 0.5, 0.6].map(|normalized| (normalized, false));
        assert_eq!(
            decide(rule, &results),
            [false, true, true, true, false, false]
        );
        // Below the threshold of the model where the flag decides.
        let rule = Rule {
            hysteresis: 0.25,
            ..PLAIN
        };
        let results = [
            (0.4, false),
            (0.6, true),
            (0.4, false),
            (0.2, false),
            (0.4, false),
        ];
        assert_eq!(decide(rule, &results), [false, true, true, false, false]);
    }
}
