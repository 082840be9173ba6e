//! A picture file as the networks' input.

use std::borrow::Cow;
use std::path::Path;

use image::imageops::crop_imm;
use image::{ImageBuffer, Rgb, RgbImage};

use crate::decode::{PictureError, decode};
use crate::resize::{PlaneView, Resizer};

/// A decoded picture: R, G, B of 8 or 16 bits a pixel. Gray pictures have three equal channels.
#[derive(Clone, Debug)]
pub struct Picture(Pixels);

type Rgb16Image = ImageBuffer<Rgb<u16>, Vec<u16>>;

#[derive(Clone, Debug)]
enum Pixels {
    Bits8(RgbImage),
    Bits16(Rgb16Image),
}

impl From<RgbImage> for Picture {
    fn from(rgb: RgbImage) -> Self {
        Self(Pixels::Bits8(rgb))
    }
}

impl Picture {
    /// Decodes a PNG, JPEG, BMP or TIFF file, whatever its name says, and turns it upright where the camera says how it
    /// was held.
    pub fn open(path: &Path) -> Result<Self, PictureError> {
        let picture = decode(path)?;
        Ok(Self(
            match picture.color().bytes_per_pixel() / picture.color().channel_count() {
                1 => Pixels::Bits8(picture.into_rgb8()),
                _ => Pixels::Bits16(picture.into_rgb16()),
            },
        ))
    }

    /// What [`resized`](Self::resized) gives, again a picture: planar R, G, B, values of 0..=255, which are rounded, of
    /// `size` (width, height).
    ///
    /// # Panics
    /// Where there are fewer values than `size` says.
    pub fn of_planes(rgb: &[f32], size: (usize, usize)) -> Self {
        let area = size.0 * size.1;
        let pixel = |x: u32, y: u32| {
            let place = y as usize * size.0 + x as usize;
            // As `round` does, which is a call of a function on the oldest processors that we run on.
            Rgb([0, 1, 2].map(|channel| (rgb[channel * area + place] + 0.5) as u8))
        };
        RgbImage::from_fn(size.0 as u32, size.1 as u32, pixel).into()
    }

    /// How many bits the brightest sample needs, where there are 16 for each: cameras of 10, 12 or 14 bits leave the
    /// upper ones zero. `None` for pictures of 8 bits.
    pub fn significant_bits(&self) -> Option<u32> {
        match &self.0 {
            Pixels::Bits8(_) => None,
            Pixels::Bits16(pixels) => {
                let brightest = pixels.iter().max().copied().unwrap_or_default();
                Some(u16::BITS - brightest.leading_zeros())
            }
        }
    }

    /// The picture in 8 bits, if it has 16: of which so many (8 to 16) are used, all unless told, and what is brighter
    /// is white.
    pub fn of_significant_bits(self, bits: Option<u32>) -> Self {
        Self(Pixels::Bits8(self.into_bits8(bits)))
    }

    fn into_bits8(self, bits: Option<u32>) -> RgbImage {
        match self.0 {
            Pixels::Bits8(pixels) => pixels,
            Pixels::Bits16(pixels) => bits8(&pixels, bits),
        }
    }

    /// A part of it: left, upper edge, width and height in pixels. What of that lies outside is left out; where nothing
    /// lies within, it is the whole picture.
    pub fn cut(self, [x, y, width, height]: [u32; 4]) -> Self {
        let size = self.size();
        let (width, height) = (
            width.min(size.0.saturating_sub(x)),
            height.min(size.1.saturating_sub(y)),
        );
        if width == 0 || height == 0 {
            return self;
        }
        Self(match &self.0 {
            Pixels::Bits8(pixels) => {
                Pixels::Bits8(crop_imm(pixels, x, y, width, height).to_image())
            }
            Pixels::Bits16(pixels) => {
                Pixels::Bits16(crop_imm(pixels, x, y, width, height).to_image())
            }
        })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        match &self.0 {
            Pixels::Bits8(pixels) => pixels.dimensions(),
            Pixels::Bits16(pixels) => pixels.dimensions(),
        }
    }

    /// The whole picture at `size` (width, height), whatever its shape: planar R, G, B, values of 0..=255.
    pub fn resized(&self, size: (usize, usize)) -> Vec<f32> {
        let rgb = match &self.0 {
            Pixels::Bits8(pixels) => Cow::Borrowed(pixels),
            Pixels::Bits16(pixels) => Cow::Owned(bits8(pixels, None)),
        };
        let (width, height) = rgb.dimensions();
        let mut resizer = Resizer::new((width as usize, height as usize), size);
        let plane = size.0 * size.1;
        let mut planes = vec![0.0; 3 * plane];
        let view = PlaneView {
            data: rgb.as_raw(),
            stride: 3 * width as usize,
            pixel_stride: 3,
        };
        // The sizes are the picture's own; only a picture without pixels fails, and stays black.
        let _ = resizer.run(view, &[0, 1, 2], &mut planes);
        planes
    }

    /// The pixels in 8 bits, to draw on.
    pub fn into_rgb(self) -> RgbImage {
        self.into_bits8(None)
    }
}

/// The brightest sample of 16 bits of which so many are used: 8 to 16, all unless told.
pub fn white(significant_bits: Option<u32>) -> u16 {
    let bits = significant_bits.unwrap_or(u16::BITS);
    u16::MAX >> (u16::BITS - bits.clamp(u8::BITS, u16::BITS))
}

/// The upper 8 of those bits, rounded.
fn bits8(pixels: &Rgb16Image, significant_bits: Option<u32>) -> RgbImage {
    let white = u32::from(white(significant_bits));
    let shown = |sample: &u16| ((u32::from(*sample).min(white) * 255 + white / 2) / white) as u8;
    let (width, height) = pixels.dimensions();
    let samples = pixels.iter().map(shown).collect();
    RgbImage::from_raw(width, height, samples).expect("as many samples as before")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    use tempfile::TempDir;

    type Luma16Image = ImageBuffer<image::Luma<u16>, Vec<u16>>;

    fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// White above black, 16 x 8, from a camera that was held turned by 90 degrees.
    fn turned_jpeg() -> Vec<u8> {
        let picture = RgbImage::from_fn(16, 8, |_, y| [if y < 4 { 255 } else { 0 }; 3].into());
        // Little endian, one entry: tag 0x112 (orientation), a short, 6 (turn clockwise).
        let exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        let (width, height) = picture.dimensions();
        encoder
            .write_image(&picture, width, height, ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    }

    #[test]
    fn pictures_are_turned_upright() {
        let (_folder, path) = file(&turned_jpeg());
        let picture = Picture::open(&path).unwrap();
        assert_eq!(picture.size(), (8, 16));
        let pixels = picture.into_rgb();
        // What was above is at the right.
        assert!(pixels.get_pixel(0, 8).0[0] < 64 && pixels.get_pixel(7, 8).0[0] > 191);
    }

    #[test]
    fn a_part_is_cut_out_as_far_as_it_is_there() {
        let whole = RgbImage::from_fn(6, 4, |x, y| [x as u8, y as u8, 0].into());
        let cut = |area| Picture::from(whole.clone()).cut(area).into_rgb();
        let part = cut([4, 1, 9, 2]);
        assert_eq!(
            (part.dimensions(), part.get_pixel(1, 1).0),
            ((2, 2), [5, 2, 0])
        );
        assert_eq!(cut([6, 0, 1, 1]), whole);
    }

    #[test]
    fn what_lies_behind_a_jpeg_does_not_matter() {
        let mut bytes = turned_jpeg();
        bytes.extend(b"a video of the same moment \xff\xda\0");
        let (_folder, path) = file(&bytes);
        Picture::open(&path).unwrap();
        let (_folder, path) = file(&bytes[..bytes.len() / 2]);
        let error = Picture::open(&path).unwrap_err();
        assert!(matches!(error, PictureError::CutOff { .. }), "{error}");
    }

    #[test]
    fn cameras_of_12_bits_are_not_dark() {
        let samples = Luma16Image::from_fn(3, 1, |x, _| [x as u16 * 2047].into());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("12bits.png");
        samples.save(&path).unwrap();
        let picture = Picture::open(&path).unwrap();
        assert_eq!(picture.significant_bits(), Some(12));
        let reds = |picture: Picture| -> Vec<u8> {
            picture
                .into_rgb()
                .pixels()
                .map(|pixel| pixel.0[0])
                .collect()
        };
        assert_eq!(reds(picture.clone()), [0, 8, 16]);
        assert_eq!(
            reds(picture.clone().of_significant_bits(Some(12))),
            [0, 127, 255]
        );
        // Brighter than anything that was learned.
        assert_eq!(reds(picture.of_significant_bits(Some(11))), [0, 255, 255]);
        // 8 bits have no such choice.
        let picture = Picture::from(RgbImage::from_pixel(1, 1, [9; 3].into()));
        assert_eq!(picture.significant_bits(), None);
        assert_eq!(reds(picture.of_significant_bits(Some(12))), [9]);
    }
}
