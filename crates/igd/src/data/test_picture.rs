//! A picture of a test set, and what is known of it.

use std::path::PathBuf;

use super::error::SetError;
use super::ground_truth::GroundTruth;
use super::sample::Sample;

/// A picture to judge a model with.
#[derive(Clone, Debug, PartialEq)]
pub struct TestPicture {
    /// Where it is read from.
    pub sample: Sample,
    /// The folder it lies in, `good` or the kind of defect; or its class.
    pub kind: String,
    /// Whether it should be flagged.
    pub anomalous: bool,
    /// The picture that is not black where the defect is.
    pub mask: Option<PathBuf>,
}

impl TestPicture {
    /// Which pixels of the picture, of `size` (width, height), are anomalous. `None` if it is anomalous and has no
    /// mask. Fails as [`GroundTruth::open`] does.
    pub fn ground_truth(&self, size: (u32, u32)) -> Result<Option<GroundTruth>, SetError> {
        match &self.mask {
            Some(mask) => GroundTruth::open(mask, size).map(Some),
            None if self.anomalous => Ok(None),
            None => Ok(Some(GroundTruth::normal(size))),
        }
    }
}
