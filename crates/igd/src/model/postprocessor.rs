//! From a picture's raw numbers to what is said of it: threshold, mask, smoothing and regions.

use std::sync::Arc;

use super::calibration::Calibration;
use super::config::ModelConfig;
use super::detection::{Detection, RawDetection, ScaleTerms, Scales};
use super::mask::Mask;
use super::regions::RegionFinder;
use crate::criterion::ScoreWeights;
use crate::nn::{PATCH, PATCHES, STRIDE};

/// Judges the raw numbers of one stream of pictures; several of them may share a [`Detector`](super::Detector).
#[derive(Debug)]
pub struct Postprocessor {
    config: ModelConfig,
    calibration: Option<Calibration>,
    threshold: Option<f32>,
    min_area: u32,
    max_regions: usize,
    finds_candidates: bool,
    mask: Option<Arc<Mask>>,
    smoothing: f32,
    region_finder: RegionFinder,
    /// Score and map of the pictures so far, smoothed.
    history: Option<(f32, Vec<f32>)>,
}

impl Postprocessor {
    pub fn new(config: ModelConfig, calibration: Option<Calibration>) -> Self {
        Self {
            config,
            calibration,
            threshold: None,
            min_area: 16,
            max_regions: 16,
            finds_candidates: false,
            mask: None,
            smoothing: 0.0,
            region_finder: RegionFinder::default(),
            history: None,
        }
    }

    /// Width and height in pixels of the pictures.
    pub fn input_size(&self) -> (usize, usize) {
        self.config.input().into()
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Replaces the model's calibration.
    pub fn set_calibration(&mut self, calibration: Calibration) {
        self.calibration = Some(calibration);
    }

    /// Raw score above which a picture is anomalous: the user's, the model's, or infinite where neither is known.
    pub fn threshold(&self) -> f32 {
        let calibrated = || self.calibration.map(|calibration| calibration.threshold);
        self.threshold.or_else(calibrated).unwrap_or(f32::INFINITY)
    }

    /// Overrides the model's threshold; `None` goes back to it.
    pub fn set_threshold(&mut self, threshold: Option<f32>) {
        self.threshold = threshold;
    }

    /// Which regions are reported: those of at least `min_area` pixels of the frame, and the `max_regions` largest.
    pub fn set_region_limits(&mut self, min_area: u32, max_regions: usize) {
        self.min_area = min_area;
        self.max_regions = max_regions;
    }

    /// Whether pictures that are not anomalous have candidates: the regions that they would have if they were.
    pub fn set_candidates(&mut self, finds_candidates: bool) {
        self.finds_candidates = finds_candidates;
    }

    /// What is ignored counts neither for the score nor for the map; the mask has the model's input size.
    ///
    /// In the paper's models only patches that are inspected as a whole count, and the whole picture is seen with its
    /// ignored parts in the mean colour of the rest (see [`prepare`](Self::prepare)): calibrate with the same mask. In
    /// a dense model each place sees a little of what is around it.
    pub fn set_mask(&mut self, mask: Option<Arc<Mask>>) {
        let is_same = match (&self.mask, &mask) {
            (Some(before), Some(mask)) => Arc::ptr_eq(before, mask),
            (before, mask) => before.is_none() && mask.is_none(),
        };
        if !is_same {
            self.mask = mask;
            self.history = None;
        }
    }

    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_deref()
    }

    /// The weight (0..1) of the pictures before in score and map: exponential smoothing over time.
    pub fn set_smoothing(&mut self, smoothing: f32) {
        self.smoothing = smoothing;
    }

    /// The next picture has nothing to do with those before.
    pub fn forget(&mut self) {
        self.history = None;
    }

    /// Takes out of a picture what must not be seen, before its inference.
    pub fn prepare(&self, rgb: &mut [f32]) {
        if let (Some(mask), ModelConfig::Paper(_)) = (&self.mask, &self.config) {
            mask.fill(rgb);
        }
    }

    /// The score and the terms of what is inspected.
    pub fn score(&self, raw: &RawDetection) -> (f32, Scales) {
        let Some(mask) = &self.mask else {
            return (raw.score, raw.scales);
        };
        match &self.config {
            ModelConfig::Dense(_) => {
                let distance = highest(&raw.map, mask.inspected());
                (distance, Scales::dense(distance))
            }
            ModelConfig::Paper(config) => masked_score(&config.score, raw, mask),
        }
    }

    /// Judges a picture that belongs to a frame of `frame` (width, height): regions are in its pixels. `out` keeps its
    /// buffers from picture to picture.
    pub fn finish(&mut self, raw: &RawDetection, frame: (u32, u32), out: &mut Detection) {
        let (score, scales) = self.score(raw);
        self.smooth(score, &raw.map);
        let (score, scales, map) = match &self.history {
            None => (score, scales, &raw.map),
            // The score of a dense model is the highest value of its map.
            Some((_, map)) if scales.dense.is_some() => {
                let highest = match &self.mask {
                    Some(mask) => highest(map, mask.inspected()),
                    None => map.iter().copied().fold(0.0, f32::max),
                };
                (highest, Scales::dense(highest), map)
            }
            Some((score, map)) => (*score, scales, map),
        };
        let threshold = self.threshold();
        let calibration = self.calibration;
        out.score = score;
        out.scales = scales;
        out.threshold = threshold;
        out.anomalous = score > threshold;
        out.normalized = if threshold.is_finite() {
            let median = calibration.map_or(0.0, |calibration| calibration.median);
            Calibration::normalise(score, threshold, median)
        } else {
            0.0
        };
        (out.map.width, out.map.height) = self.config.input().into();
        let values = &mut out.map.values;
        match calibration {
            Some(calibration) => {
                let pixel_threshold = match scales.dense {
                    // There are regions if and only if the score is above its threshold.
                    Some(_) => threshold,
                    None => calibration.pixel_threshold,
                };
                Calibration::normalise_all(map, pixel_threshold, calibration.pixel_median, values);
            }
            // Nothing says which values are normal.
            None => {
                values.clear();
                values.resize(map.len(), 0.0);
            }
        }
        if let Some(mask) = &self.mask {
            for (value, inspected) in values.iter_mut().zip(mask.inspected()) {
                *value *= f32::from(u8::from(*inspected));
            }
        }
        // What is found below the threshold of the score is no anomaly, whatever single pixels are above.
        out.regions.clear();
        out.candidates.clear();
        let regions = if out.anomalous {
            &mut out.regions
        } else {
            &mut out.candidates
        };
        if out.anomalous || self.finds_candidates {
            self.region_finder
                .find(&out.map, frame, self.min_area, self.max_regions, regions);
        }
    }

    /// Takes a picture into the history, if there is to be one.
    fn smooth(&mut self, score: f32, map: &[f32]) {
        let weight = self.smoothing;
        if weight <= 0.0 {
            self.history = None;
            return;
        }
        match &mut self.history {
            Some((smooth, values)) => {
                let mix = |before: &mut f32, now: f32| *before += (1.0 - weight) * (now - *before);
                mix(smooth, score);
                for (value, now) in values.iter_mut().zip(map) {
                    mix(value, *now);
                }
            }
            None => self.history = Some((score, map.to_vec())),
        }
    }
}

/// The highest value of what is inspected.
fn highest(map: &[f32], inspected: &[bool]) -> f32 {
    let values = map.iter().zip(inspected);
    values
        .filter_map(|(value, inspected)| inspected.then_some(*value))
        .fold(0.0, f32::max)
}

/// With those patches alone that are inspected as a whole; 0 stands for none.
fn masked_score(weights: &ScoreWeights, raw: &RawDetection, mask: &Mask) -> (f32, Scales) {
    // A patch that is the whole picture is seen with what the mask hides filled, as the global network sees it.
    if raw.patches.len() == 1 {
        return (raw.scales.score(weights), raw.scales);
    }
    let side = PATCHES as usize;
    let corner = |index: usize| {
        let at = |position: usize| position * STRIDE as usize;
        (at(index % side), at(index / side))
    };
    let patches = raw.patches.iter().enumerate();
    let whole = patches.filter(|(index, _)| mask.contains(corner(*index), PATCH as usize));
    let local = ScaleTerms::worst(whole.map(|(_, terms)| terms), &weights.local);
    let scales = Scales {
        local: raw.scales.local.map(|_| local.unwrap_or_default()),
        ..raw.scales
    };
    (scales.score(weights), scales)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{EncoderKind, GlobalConfig};

    #[test]
    fn a_picture_below_the_threshold_has_candidates_at_most() {
        let global = GlobalConfig {
            encoder: EncoderKind::Scratch,
            width: 1,
            latent: 1,
        };
        let calibration = Calibration {
            threshold: 1.0,
            median: 0.5,
            false_positive_rate: 0.01,
            pixel_threshold: 0.5,
            pixel_median: 0.25,
            pictures: 1,
        };
        let config = ModelConfig::paper(Some(global), None);
        let mut postprocessor = Postprocessor::new(config, Some(calibration));
        let (width, height) = postprocessor.input_size();
        let mut raw = RawDetection {
            map: vec![0.0; width * height],
            ..RawDetection::default()
        };
        for row in raw.map.chunks_mut(width).take(10) {
            row[..20].fill(0.75);
        }
        let mut detection = Detection::default();
        let mut found = |score, finds_candidates| {
            raw.score = score;
            postprocessor.set_candidates(finds_candidates);
            let frame = (width as u32, height as u32);
            postprocessor.finish(&raw, frame, &mut detection);
            [&detection.regions, &detection.candidates].map(|all| {
                let sizes = all.iter().map(|region| (region.w, region.h));
                sizes.collect::<Vec<_>>()
            })
        };
        assert_eq!(found(1.5, false), [vec![(20, 10)], vec![]]);
        assert_eq!(found(0.75, false), [vec![], vec![]]);
        assert_eq!(found(0.75, true), [vec![], vec![(20, 10)]]);
        assert_eq!(found(1.5, true), [vec![(20, 10)], vec![]]);
    }
}
