//! Area under the per-region overlap curve (Bergmann et al., CVPR 2019), where a small defect counts as much as a large
//! one.

use super::ranking::{Ranking, Score};

/// The false-positive rate up to which the overlap counts.
const LIMIT: f64 = 0.3;

/// A pixel of a defect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DefectPixel {
    /// The raw map's value there.
    pub score: f32,
    /// Pixels of the region that it belongs to.
    pub area: u32,
}

impl Score for DefectPixel {
    fn score(&self) -> f32 {
        self.score
    }
}

impl Ranking<DefectPixel> {
    /// The mean share of `regions` regions that is flagged, integrated over the share of normal pixels that is, from 0
    /// to 30 %, and divided by these 30 %: 0..=1. Straight lines join the steps.
    pub fn aupro(&self, regions: usize) -> f64 {
        let (mut rate, mut overlap, mut area) = (0.0, 0.0, 0.0);
        let (mut found, mut covered) = (0, 0.0);
        for step in self.steps() {
            let pixels = &self.anomalous()[found..step.true_positives];
            covered += pixels
                .iter()
                .map(|pixel| 1.0 / f64::from(pixel.area))
                .sum::<f64>();
            found = step.true_positives;
            let next_rate = step.false_positives as f64 / self.normal().len() as f64;
            let next_overlap = covered / regions as f64;
            if next_rate >= LIMIT {
                let share = (LIMIT - rate) / (next_rate - rate);
                let at_limit = overlap + share * (next_overlap - overlap);
                area += 0.5 * (overlap + at_limit) * (LIMIT - rate);
                break;
            }
            area += 0.5 * (overlap + next_overlap) * (next_rate - rate);
            (rate, overlap) = (next_rate, next_overlap);
        }
        area / LIMIT
    }
}
