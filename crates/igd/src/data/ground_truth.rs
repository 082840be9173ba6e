//! Which pixels of a picture are anomalous.

use std::path::Path;

use super::error::SetError;
use crate::decode::decode;

/// Which pixels of a picture are anomalous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroundTruth {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// For each pixel, row by row.
    pub anomalous: Vec<bool>,
}

impl GroundTruth {
    /// That of a normal picture of that width and height.
    pub fn normal((width, height): (u32, u32)) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            width,
            height,
            anomalous: vec![false; width * height],
        }
    }

    /// Reads a mask: anomalous is what is neither black nor transparent. Fails where it cannot be read, or is not of
    /// the size (width, height) of its picture.
    pub fn open(path: &Path, size: (u32, u32)) -> Result<Self, SetError> {
        // 16 bits, so that the darkest gray is no black.
        let mask = decode(path)?.into_rgba16();
        if mask.dimensions() != size {
            let (width, height) = mask.dimensions();
            return Err(SetError::Set {
                path: path.to_owned(),
                reason: format!(
                    "the mask has {width}x{height} pixels, its picture {}x{}: they must be of one size",
                    size.0, size.1
                ),
            });
        }
        Ok(Self {
            width: size.0 as usize,
            height: size.1 as usize,
            anomalous: mask
                .pixels()
                .map(|pixel| pixel.0[..3] != [0; 3] && pixel.0[3] != 0)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, RgbaImage};

    #[test]
    fn what_is_not_black_is_anomalous() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let mask = GrayImage::from_fn(3, 2, |x, y| [(x + y * 2) as u8].into());
        mask.save(&path).unwrap();
        let truth = GroundTruth::open(&path, (3, 2)).unwrap();
        assert_eq!((truth.width, truth.height), (3, 2));
        assert_eq!(truth.anomalous, [false, true, true, true, true, true]);

        // As painting programs leave what is not painted: white that is not seen.
        let mask = RgbaImage::from_fn(3, 2, |x, _| [255, 255, 255, 255 * (x as u8 & 1)].into());
        mask.save(&path).unwrap();
        let truth = GroundTruth::open(&path, (3, 2)).unwrap();
        assert_eq!(truth.anomalous, [false, true, false].repeat(2));

        let error = GroundTruth::open(&path, (2, 3)).unwrap_err().to_string();
        assert!(error.contains("mask.png: the mask has 3x2"), "{error}");
    }
}
