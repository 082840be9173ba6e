//! From a picture's raw numbers to what is said of it: threshold, mask, smoothing and regions.

use std::sync::Arc;

use super::calibration::Calibration;
use super::config::ModelConfig;
use super::detection::{Detection, RawDetection, ScaleTerms, Scales};
use super::mask::Mask;
use super::regions::RegionFinder;
use super::sharp::{product, sharpen};
use crate::criterion::ScoreWeights;
use crate::nn::{PATCH, PATCHES, STRIDE};

/// Judges the raw numbers of one stream of pictures, one after the other. Several streams, each with one of these, may
/// share a [`Detector`](super::Detector).
///
/// What is judged needs two pairs of numbers, which the model's [`Calibration`] has: the threshold and the median of
/// scores, and those of the map's values. A threshold that the user sets takes the place of the first one:
///
/// | model | calibrated | map and regions with a user's threshold |
/// |---|---|---|
/// | dense | yes or no | by the user's threshold |
/// | paper | yes | by the calibration's threshold of map values, which a threshold of scores says nothing of |
/// | paper | no | none: the map is 0 everywhere, whatever the score |
///
/// The map of a dense model with a head ([`Head`](crate::criterion::Head)) is judged by the calibration's threshold of
/// map values. The head knows whole pictures: with a mask it is not used, and scores are distances with that threshold.
///
/// Only pictures whose score is above its threshold have regions; in a dense model without a head all of them do, but
/// for regions that are too small. Without calibration the medians count as 0. With neither a calibration nor a
/// threshold nothing is anomalous.
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
    history: Option<History>,
    /// The map as it is shown.
    sharp: Vec<f32>,
}

/// The pictures so far, smoothed.
#[derive(Debug)]
struct History {
    score: f32,
    map: Vec<f32>,
    details: Vec<f32>,
}

/// What values are normalised by: see [`Calibration::normalise`].
#[derive(Clone, Copy, Debug)]
struct Normal {
    threshold: f32,
    median: f32,
}

impl Postprocessor {
    /// For a model. Until it is told otherwise it has the model's threshold, no mask and no smoothing, and reports up
    /// to 16 regions of at least 16 pixels.
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
            sharp: Vec::new(),
        }
    }

    /// Width and height in pixels of the pictures.
    pub fn input_size(&self) -> (usize, usize) {
        self.config.input().into()
    }

    /// What the model consists of.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The model's calibration, if it has one.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Replaces the model's calibration.
    pub(crate) fn set_calibration(&mut self, calibration: Calibration) {
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

    /// What is inspected; `None` for all.
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

    /// Takes out of a picture what must not be seen, before its inference: planar R, G, B at the model's input size.
    /// Only the paper's models with a mask need it.
    pub fn prepare(&self, rgb: &mut [f32]) {
        if let (Some(mask), ModelConfig::Paper(_)) = (&self.mask, &self.config) {
            mask.fill(rgb);
        }
    }

    /// The score and the terms of what is inspected, of one picture's raw numbers alone.
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

    /// The map of one picture's raw numbers alone as it is shown and has regions: sharpened by its
    /// [details](RawDetection::details).
    pub(super) fn sharp(&mut self, raw: &RawDetection) -> &[f32] {
        show(
            self.mask.as_deref(),
            &raw.map,
            &raw.details,
            &mut self.sharp,
        );
        &self.sharp
    }

    /// Judges a picture that belongs to a frame of `frame` (width, height): regions are in its pixels. `out` keeps its
    /// buffers from picture to picture.
    pub fn finish(&mut self, raw: &RawDetection, frame: (u32, u32), out: &mut Detection) {
        let (score, scales) = self.score(raw);
        self.smooth(score, raw);
        let (score, scales) = match &self.history {
            None => (score, scales),
            Some(History { score, .. }) if raw.factor.is_some() && self.mask.is_none() => {
                (*score, scales)
            }
            // The score of a dense model is the highest value of its map, of the smoothed one too.
            Some(History { map, .. }) if scales.dense.is_some() => {
                let highest = match &self.mask {
                    Some(mask) => highest(map, mask.inspected()),
                    None => map.iter().copied().fold(0.0, f32::max),
                };
                (highest, Scales::dense(highest))
            }
            Some(History { score, .. }) => (*score, scales),
        };
        let (map, details) = match &self.history {
            None => (&raw.map, &raw.details),
            Some(History { map, details, .. }) => (map, details),
        };
        show(self.mask.as_deref(), map, details, &mut self.sharp);
        out.score = score;
        out.scales = scales;
        out.threshold = self.threshold_of(raw);
        out.anomalous = score > out.threshold;
        out.normalized = self.normal_scores(raw).map_or(0.0, |normal| {
            Calibration::normalise(score, normal.threshold, normal.median)
        });
        (out.map.width, out.map.height) = self.config.input().into();
        let values = &mut out.map.values;
        match self.normal_pixels(raw) {
            Some(normal) => {
                Calibration::normalise_all(&self.sharp, normal.threshold, normal.median, values);
            }
            // Nothing says which values are normal.
            None => {
                values.clear();
                values.resize(self.sharp.len(), 0.0);
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

    /// As [`threshold`](Self::threshold), for the score that such a picture has.
    fn threshold_of(&self, raw: &RawDetection) -> f32 {
        match self.calibration {
            Some(known) if self.threshold.is_none() && self.hides_head(raw) => {
                known.pixel_threshold
            }
            _ => self.threshold(),
        }
    }

    /// Whether the score is the distance, though there is a head.
    fn hides_head(&self, raw: &RawDetection) -> bool {
        self.mask.is_some() && raw.factor.is_some()
    }

    /// What scores are normal; `None` where neither the user nor the model has a threshold.
    fn normal_scores(&self, raw: &RawDetection) -> Option<Normal> {
        let threshold = self.threshold_of(raw);
        threshold.is_finite().then(|| Normal {
            threshold,
            median: self
                .calibration
                .map_or(0.0, |known| match self.hides_head(raw) {
                    true => known.pixel_median,
                    false => known.median,
                }),
        })
    }

    /// What values of the map are normal, if that is known.
    fn normal_pixels(&self, raw: &RawDetection) -> Option<Normal> {
        match (&self.config, self.calibration) {
            (ModelConfig::Dense(_), Some(known)) if raw.factor.is_some() => Some(Normal {
                threshold: self.threshold.unwrap_or(known.pixel_threshold),
                median: known.pixel_median,
            }),
            // They are of the same kind as the score, which is the highest of them.
            (ModelConfig::Dense(_), calibration) => Some(Normal {
                median: calibration.map_or(0.0, |known| known.pixel_median),
                ..self.normal_scores(raw)?
            }),
            (ModelConfig::Paper(_), calibration) => calibration.map(|known| Normal {
                threshold: known.pixel_threshold,
                median: known.pixel_median,
            }),
        }
    }

    /// Takes a picture into the history, if there is to be one.
    fn smooth(&mut self, score: f32, raw: &RawDetection) {
        let weight = self.smoothing;
        if weight <= 0.0 {
            self.history = None;
            return;
        }
        match &mut self.history {
            Some(before) => {
                let mix = |before: &mut f32, now: f32| *before += (1.0 - weight) * (now - *before);
                mix(&mut before.score, score);
                let maps = before.map.iter_mut().zip(&raw.map);
                let details = before.details.iter_mut().zip(&raw.details);
                maps.chain(details)
                    .for_each(|(value, now)| mix(value, *now));
            }
            None => {
                self.history = Some(History {
                    score,
                    map: raw.map.clone(),
                    details: raw.details.clone(),
                });
            }
        }
    }
}

/// Fills `sharp` with the map as it is shown.
fn show(mask: Option<&Mask>, map: &[f32], details: &[f32], sharp: &mut Vec<f32>) {
    match (details, mask) {
        ([], _) => product(map, &[], sharp),
        (_, Some(mask)) => sharpen(map, details, |index| mask.inspected()[index], sharp),
        (_, None) => sharpen(map, details, |_| true, sharp),
    }
}

/// The highest value of what is inspected, 0 at least.
fn highest(map: &[f32], inspected: &[bool]) -> f32 {
    let values = map.iter().zip(inspected);
    values
        .filter_map(|(value, inspected)| inspected.then_some(*value))
        .fold(0.0, f32::max)
}

/// The score of a paper model's picture of which the mask hides something. At the local scale the worst patch counts,
/// of those that the mask leaves whole: others saw pixels that are not to be judged. Where it leaves none whole, the
/// local terms are 0. The global network saw the picture with the hidden pixels [filled](Mask::fill), and its terms
/// stay.
fn masked_score(weights: &ScoreWeights, raw: &RawDetection, mask: &Mask) -> (f32, Scales) {
    // A model of small pictures: its only patch is the whole picture, which was filled too.
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
    use crate::model::calibration::CalibrationMethod;
    use crate::model::config::{DenseConfig, Tiling};
    use crate::nn::{EncoderKind, GlobalConfig, LocalConfig, LocalEncoderKind};

    const CALIBRATION: Calibration = Calibration {
        threshold: 2.0,
        median: 1.0,
        false_positive_rate: 0.01,
        pixel_threshold: 0.5,
        pixel_median: 0.25,
        pictures: 20,
        method: CalibrationMethod::HeldOut,
    };

    fn dense() -> ModelConfig {
        ModelConfig::Dense(DenseConfig {
            tiling: Tiling::whole([64, 64]),
            dimensions: 16,
            ..DenseConfig::usual()
        })
    }

    fn paper() -> ModelConfig {
        let local = LocalConfig {
            encoder: LocalEncoderKind::Tower,
            frozen_encoder: false,
            encoder_width: 1,
            width: 1,
            latent: 2,
        };
        ModelConfig::paper(None, Some(local))
    }

    /// What is said of a picture whose map has one square of 8 x 8 pixels with the value `highest`, 1 elsewhere.
    fn judge(
        config: ModelConfig,
        calibration: Option<Calibration>,
        threshold: Option<f32>,
        highest: f32,
    ) -> Detection {
        let [width, height] = config.input();
        let mut raw = RawDetection {
            score: highest,
            map: vec![1.0; width * height],
            ..RawDetection::default()
        };
        for row in raw.map.chunks_mut(width).take(8) {
            row[..8].fill(highest);
        }
        if let ModelConfig::Dense(_) = config {
            raw.scales = Scales::dense(highest);
        }
        let mut postprocessor = Postprocessor::new(config, calibration);
        postprocessor.set_threshold(threshold);
        let mut detection = Detection::default();
        let frame = (width as u32, height as u32);
        postprocessor.finish(&raw, frame, &mut detection);
        detection
    }

    /// The property that the table says of dense models.
    #[test]
    fn a_dense_model_has_regions_where_and_only_where_the_score_is_above_the_threshold() {
        for calibration in [None, Some(CALIBRATION)] {
            for (threshold, highest, anomalous) in [
                (Some(3.0), 4.0, true),
                (Some(3.0), 2.5, false),
                (Some(0.5), 1.5, true),
                (None, 4.0, calibration.is_some()),
                (None, 1.5, false),
            ] {
                let found = judge(dense(), calibration, threshold, highest);
                assert_eq!(found.anomalous, anomalous, "{threshold:?} {highest}");
                assert_eq!(!found.regions.is_empty(), anomalous, "{found:?}");
                // Without a calibration both are normalised by the same numbers.
                let highest = found.map.values.iter().copied().fold(0.0, f32::max);
                assert!(calibration.is_some() || highest == found.normalized);
            }
        }
    }

    /// Threshold and regions, with what a head makes of the score.
    #[test]
    fn a_head_changes_the_score_and_not_what_is_above_in_the_map() {
        let config = dense();
        let [width, height] = config.input();
        let mut raw = RawDetection {
            map: vec![1.0; width * height],
            ..RawDetection::default()
        };
        let judged = |raw: &RawDetection, mask: Option<Arc<Mask>>, smoothing: f32| {
            let mut postprocessor = Postprocessor::new(config.clone(), Some(CALIBRATION));
            postprocessor.set_mask(mask);
            postprocessor.set_smoothing(smoothing);
            let mut detection = Detection::default();
            let frame = (width as u32, height as u32);
            postprocessor.finish(raw, frame, &mut detection);
            detection
        };
        for row in raw.map.chunks_mut(width).take(8) {
            row[..8].fill(1.5);
        }
        for value in raw.map.iter_mut().filter(|value| **value == 1.0) {
            *value = 0.1;
        }
        raw.scales = Scales::dense(1.5);
        for (factor, anomalous) in [(1.5, true), (0.5, false)] {
            (raw.factor, raw.score) = (Some(factor), 1.5 * factor);
            for smoothing in [0.0, 0.5] {
                let detection = judged(&raw, None, smoothing);
                assert_eq!(detection.score, 1.5 * factor);
                assert_eq!(detection.threshold, CALIBRATION.threshold);
                assert_eq!(detection.anomalous, anomalous);
                // By the threshold of the map, which is below 1.5: the square alone.
                let regions = detection.regions.iter().map(|region| (region.w, region.h));
                let expected = if anomalous { vec![(8, 8)] } else { vec![] };
                assert_eq!(regions.collect::<Vec<_>>(), expected);
                assert_eq!(detection.scales, raw.scales);
            }
            // With a mask the score is the distance, above the distance's own threshold.
            let white = image::GrayImage::from_pixel(8, 8, image::Luma([255]));
            let mask = Mask::new(&white, (width, height)).unwrap();
            let detection = judged(&raw, Some(Arc::new(mask)), 0.0);
            assert_eq!((detection.score, detection.threshold), (1.5, 0.5));
            assert!(detection.anomalous && detection.regions.len() == 1);
        }
    }

    #[test]
    fn a_threshold_of_scores_says_nothing_of_a_paper_models_pixels() {
        let found = judge(paper(), None, Some(3.0), 4.0);
        assert!(found.anomalous && found.normalized > 0.5);
        assert!(found.regions.is_empty() && found.map.values.iter().all(|value| *value == 0.0));

        // With a calibration they are the same whatever the threshold.
        let usual = judge(paper(), Some(CALIBRATION), None, 4.0);
        let other = judge(paper(), Some(CALIBRATION), Some(3.0), 4.0);
        assert!(usual.anomalous && other.anomalous);
        assert!(!usual.regions.is_empty());
        assert_eq!((usual.regions, usual.map), (other.regions, other.map));
    }

    #[test]
    fn nothing_is_anomalous_without_a_threshold() {
        for config in [dense(), paper()] {
            let found = judge(config, None, None, 1e9);
            assert!(!found.anomalous && found.regions.is_empty());
            assert_eq!((found.normalized, found.threshold), (0.0, f32::INFINITY));
        }
    }

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
            method: CalibrationMethod::HeldOut,
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
