//! What there is to evaluate.

use anyhow::Context;
use igd::data::{Picture, Sample};
use igd::eval::{PixelMetrics, Scored};
use igd::model::{Detection, Detector};

/// Pictures or frames with what is said of them.
pub struct Results {
    /// What was judged and by what, for people: pairs of a name and what it is.
    pub about: Vec<(&'static str, String)>,
    pub scored: Vec<Scored>,
    /// Infinite where the model has none.
    pub threshold: f32,
    /// Pictures that could not be used.
    pub skipped: usize,
    pub pixels: PixelMetrics,
    /// What can be shown of each of `scored`; frames of a video cannot.
    pub pictures: Option<Pictures>,
}

/// Pictures that can be looked at again.
pub struct Pictures {
    samples: Vec<Sample>,
    detector: Detector,
}

impl Pictures {
    pub fn new(samples: Vec<Sample>, detector: Detector) -> Self {
        Self { samples, detector }
    }

    /// Opens and judges one of them once more: no memory holds the maps of thousands.
    pub fn look_at(&mut self, index: usize) -> anyhow::Result<(Picture, Detection)> {
        let picture = self.samples[index].open_as(self.detector.significant_bits())?;
        let mut detection = Detection::default();
        detect(&mut self.detector, &picture, &mut detection)
            .with_context(|| self.samples[index].to_string())?;
        Ok((picture, detection))
    }
}

/// Judges a picture of any size.
pub fn detect(
    detector: &mut Detector,
    picture: &Picture,
    detection: &mut Detection,
) -> anyhow::Result<()> {
    let rgb = picture.resized(detector.input_size());
    Ok(detector.detect(&rgb, picture.size(), detection)?)
}
