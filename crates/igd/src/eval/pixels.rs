//! How well maps tell anomalous from normal pixels.

use serde::Serialize;

use super::aupro::DefectPixel;
use super::ranking::Ranking;
use super::regions::region_areas;
use super::stretch::stretch;
use crate::data::GroundTruth;

/// The pixels of all maps of a test set: 4 bytes a normal one, 8 bytes an anomalous one, at the size of the pictures.
#[derive(Clone, Debug, Default)]
pub struct Pixels {
    normal: Vec<f32>,
    anomalous: Vec<DefectPixel>,
    regions: usize,
    pictures: usize,
    left_out: usize,
}

/// The metrics of a test set's pixels; `None` where there are no normal or no anomalous ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PixelMetrics {
    /// Area under the ROC curve, 0..=1.
    pub pixel_auroc: Option<f64>,
    /// Average precision, 0..=1.
    pub pixel_average_precision: Option<f64>,
    /// Area under the per-region overlap curve up to a false-positive rate of 30 %, 0..=1.
    pub aupro: Option<f64>,
    /// Pictures whose pixels count.
    pub pixel_pictures: usize,
    /// Anomalous pictures without a mask.
    pub pixel_left_out: usize,
    /// Connected regions of all masks.
    pub pixel_regions: usize,
}

impl Pixels {
    /// Adds those of a picture: its raw map of `size` (width, height) is stretched to the picture's size. `None` leaves
    /// the picture out, and counts it.
    ///
    /// # Panics
    /// Where the map has fewer values than `size` says.
    pub fn add(&mut self, map: &[f32], size: (usize, usize), truth: Option<&GroundTruth>) {
        let Some(truth) = truth else {
            self.left_out += 1;
            return;
        };
        let map = stretch(map, size, (truth.width, truth.height));
        let (areas, regions) = region_areas(&truth.anomalous, truth.width);
        for (&score, area) in map.iter().zip(areas) {
            match area {
                0 => self.normal.push(score),
                area => self.anomalous.push(DefectPixel { score, area }),
            }
        }
        self.regions += regions;
        self.pictures += 1;
    }

    /// Measures all that was added, in the memory that it is in.
    pub fn measure(self) -> PixelMetrics {
        let ranking = Ranking::new(self.normal, self.anomalous);
        PixelMetrics {
            pixel_auroc: ranking.as_ref().map(Ranking::auroc),
            pixel_average_precision: ranking.as_ref().map(Ranking::average_precision),
            aupro: ranking.map(|ranking| ranking.aupro(self.regions)),
            pixel_pictures: self.pictures,
            pixel_left_out: self.left_out,
            pixel_regions: self.regions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(anomalous: [bool; 4]) -> GroundTruth {
        GroundTruth {
            width: 2,
            height: 2,
            anomalous: anomalous.into(),
        }
    }

    #[test]
    fn pictures_without_a_mask_are_counted_alone() {
        let mut pixels = Pixels::default();
        let defect = truth([true, false, false, false]);
        pixels.add(&[0.9, 0.1, 0.2, 0.3], (2, 2), Some(&defect));
        pixels.add(&[5.0; 4], (2, 2), None);
        pixels.add(&[0.0; 4], (2, 2), Some(&truth([false; 4])));
        let metrics = PixelMetrics {
            pixel_auroc: Some(1.0),
            pixel_average_precision: Some(1.0),
            aupro: Some(1.0),
            pixel_pictures: 2,
            pixel_left_out: 1,
            pixel_regions: 1,
        };
        assert_eq!(pixels.measure(), metrics);
    }

    #[test]
    fn one_class_alone_measures_nothing() {
        for anomalous in [[false; 4], [true; 4]] {
            let mut pixels = Pixels::default();
            pixels.add(&[0.9, 0.1, 0.2, 0.3], (2, 2), Some(&truth(anomalous)));
            let metrics = pixels.measure();
            assert_eq!((metrics.pixel_auroc, metrics.aupro), (None, None));
        }
    }
}
