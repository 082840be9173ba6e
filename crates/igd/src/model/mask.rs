//! What of a picture is inspected.

use std::path::{Path, PathBuf};

use image::{GrayImage, LumaA};

use crate::decode::{PictureError, decode};
use crate::resize::{PlaneView, Resizer};

/// Brightness (0..=255) from which a place of a mask is inspected.
const INSPECTED: f32 = 127.5;

/// A picture's inspected pixels, at the size that a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    inspected: Vec<bool>,
}

/// Why a file is no mask.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// It cannot be read, or is no picture.
    #[error("cannot read {0}")]
    Read(#[from] PictureError),
    /// Nothing would be inspected.
    #[error("{path} is black everywhere: make white what is to be inspected", path = .0.display())]
    Black(PathBuf),
}

/// Reads the picture of a mask, PNG, JPEG, BMP or TIFF, whatever its name says. What is transparent is black. Fails
/// where none of it is white.
pub fn read_mask(path: &Path) -> Result<GrayImage, MaskError> {
    let picture = decode(path)?.into_luma_alpha8();
    let seen = |pixel: &LumaA<u8>| (u16::from(pixel.0[0]) * u16::from(pixel.0[1]) / 255) as u8;
    let values = picture.pixels().map(seen).collect();
    let picture = GrayImage::from_raw(picture.width(), picture.height(), values)
        .expect("a value for each pixel");
    if picture.iter().any(|value| f32::from(*value) > INSPECTED) {
        Ok(picture)
    } else {
        Err(MaskError::Black(path.to_owned()))
    }
}

/// Why a mask cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mask is black everywhere: nothing would be inspected")]
pub struct BlackMask;

impl Mask {
    /// What is white (a brightness above 127) is inspected. The picture is stretched to `size` (width, height), a
    /// model's input size.
    pub fn new(picture: &GrayImage, size: (usize, usize)) -> Result<Self, BlackMask> {
        let source = (picture.width() as usize, picture.height() as usize);
        let plane = PlaneView {
            data: picture.as_raw(),
            stride: source.0,
            pixel_stride: 1,
        };
        let mut values = vec![0.0; size.0 * size.1];
        // An empty picture has no pixel, and is as black as one can be.
        let read = Resizer::new(source, size).run(plane, &[0], &mut values);
        let inspected: Vec<bool> = values.iter().map(|value| *value > INSPECTED).collect();
        if read.is_err() || !inspected.contains(&true) {
            return Err(BlackMask);
        }
        Ok(Self {
            width: size.0,
            inspected,
        })
    }

    /// For each pixel, row by row, whether it is inspected.
    pub fn inspected(&self) -> &[bool] {
        &self.inspected
    }

    /// Whether all of a square with its upper left corner at (`x`, `y`) is inspected.
    pub fn contains(&self, (x, y): (usize, usize), side: usize) -> bool {
        let rows = self.inspected.chunks(self.width).skip(y).take(side);
        let mut rows = rows.map(|row| row.get(x..x + side));
        rows.all(|row| row.is_some_and(|row| row.iter().all(|inspected| *inspected)))
    }

    /// Gives ignored pixels of planar R, G, B the mean colour of the others, so that nothing depends on what they
    /// showed.
    pub fn fill(&self, rgb: &mut [f32]) {
        for plane in rgb.chunks_exact_mut(self.inspected.len()) {
            let pixels = plane.iter().zip(&self.inspected);
            let (sum, count) = pixels
                .filter(|(_, inspected)| **inspected)
                .fold((0.0, 0.0), |(sum, count), (value, _)| {
                    (sum + f64::from(*value), count + 1.0)
                });
            let mean = (sum / count) as f32;
            for (value, inspected) in plane.iter_mut().zip(&self.inspected) {
                if !inspected {
                    *value = mean;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GrayAlphaImage;

    /// White, but for a black right half.
    fn half() -> Mask {
        let picture = GrayImage::from_fn(4, 2, |x, _| [if x < 2 { 255 } else { 0 }].into());
        Mask::new(&picture, (8, 4)).unwrap()
    }

    #[test]
    fn white_is_inspected_at_any_size() {
        let mask = half();
        for row in mask.inspected().chunks(8) {
            assert_eq!(row, [[true; 4], [false; 4]].concat());
        }
        assert!(mask.contains((0, 0), 4));
        assert!(!mask.contains((1, 0), 4));
    }

    #[test]
    fn ignored_pixels_take_the_mean_of_the_others() {
        let mut rgb: Vec<f32> = (0..3 * 32).map(|i| (i % 8) as f32).collect();
        half().fill(&mut rgb);
        for row in rgb.chunks(8) {
            assert_eq!(row, [0.0, 1.0, 2.0, 3.0, 1.5, 1.5, 1.5, 1.5]);
        }
    }

    #[test]
    fn what_is_transparent_is_black() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let picture = GrayAlphaImage::from_fn(2, 1, |x, _| [255, 255 * (x as u8)].into());
        picture.save(&path).unwrap();
        assert_eq!(read_mask(&path).unwrap().as_raw(), &[0, 255]);
    }

    /// The same that bounds pictures.
    #[test]
    fn a_mask_that_would_fill_the_memory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 30_000, 30_000);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[]).unwrap();
        drop(writer);
        let error = read_mask(&path).unwrap_err().to_string();
        assert!(
            error.contains("mask.png") && error.contains("more than a picture may have"),
            "{error}"
        );
    }

    #[test]
    fn a_black_mask_is_refused() {
        let black = GrayImage::new(3, 3);
        assert_eq!(Mask::new(&black, (8, 8)), Err(BlackMask));
        assert_eq!(Mask::new(&GrayImage::new(0, 0), (8, 8)), Err(BlackMask));
    }
}
