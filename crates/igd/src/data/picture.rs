//! A picture file as the networks' input.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::panic;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits, Rgb, RgbImage,
};

use super::jpeg;
use crate::resize::{PlaneView, Resizer};

/// Sides beyond this are refused before anything is allocated for them.
const LARGEST_SIDE: u32 = 32_768;
/// A decoder may take this much memory, in bytes.
const LARGEST_DECODED: u64 = 2 << 30;
/// More pixels are refused: a file of 100 kB may claim so many that 8 bits of R, G, B of each fill the memory.
const MOST_PIXELS: u64 = 256 << 20;
/// How a TIFF file of more than 4 GiB begins.
const BIG_TIFF: [&[u8]; 2] = [b"II+\0", b"MM\0+"];

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is no picture, a damaged one, or too large a one.
    #[error("{path}: not a picture: {cause}", path = .path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        cause: ImageError,
    },
    /// It has more pixels than a picture may have.
    #[error(
        "{path}: {width} x {height} pixels are more than a picture may have ({MOST_PIXELS})",
        path = .path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Its samples are floats.
    #[error(
        "{path}: its pixels are floating-point numbers, whose white nobody knows: convert it to 8 or 16 bits",
        path = .path.display()
    )]
    FloatingPoint {
        /// The file.
        path: PathBuf,
    },
    /// Decoders of foreign files do now and then.
    #[error("{path}: not a picture: its decoder panicked", path = .path.display())]
    Panicked {
        /// The file.
        path: PathBuf,
    },
    /// A JPEG file that ends before the picture does.
    #[error("{path}: a part of the picture is missing at its end", path = .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// A file of many pictures, or of their labels, is not what it should be.
    #[error("{path}: {reason}", path = .path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

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
        Self(Pixels::Bits8(self.into_bits8(bits.unwrap_or(u16::BITS))))
    }

    fn into_bits8(self, bits: u32) -> RgbImage {
        match self.0 {
            Pixels::Bits8(pixels) => pixels,
            Pixels::Bits16(pixels) => bits8(&pixels, bits),
        }
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
            Pixels::Bits16(pixels) => Cow::Owned(bits8(pixels, u16::BITS)),
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
        self.into_bits8(u16::BITS)
    }
}

/// The upper 8 of the lower `bits`, rounded.
fn bits8(pixels: &Rgb16Image, bits: u32) -> RgbImage {
    let white = u32::from(u16::MAX >> (u16::BITS - bits.clamp(u8::BITS, u16::BITS)));
    let shown = |sample: &u16| ((u32::from(*sample).min(white) * 255 + white / 2) / white) as u8;
    let (width, height) = pixels.dimensions();
    let samples = pixels.iter().map(shown).collect();
    RgbImage::from_raw(width, height, samples).expect("as many samples as before")
}

/// Whether a file is of a kind that 16 bits are to be had in, by its first bytes.
pub(super) fn may_have_16_bits(path: &Path) -> bool {
    // A PNG tells its bit depth there.
    const DEPTH: usize = 24;
    let mut start = [0; DEPTH + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match (read, image::guess_format(&start)) {
        (Ok(()), Ok(ImageFormat::Png)) => start[DEPTH] == 16,
        (Ok(()), Ok(ImageFormat::Tiff)) => true,
        (Ok(()), Err(_)) => is_big_tiff(&start),
        _ => false,
    }
}

fn is_big_tiff(bytes: &[u8]) -> bool {
    BIG_TIFF.iter().any(|start| bytes.starts_with(start))
}

/// Any of the kinds of picture that we read, upright, with all that the file says of its pixels.
pub(super) fn decode(path: &Path) -> Result<DynamicImage, PictureError> {
    panic::catch_unwind(|| decode_or_panic(path)).unwrap_or_else(|_| {
        Err(PictureError::Panicked {
            path: path.to_owned(),
        })
    })
}

fn decode_or_panic(path: &Path) -> Result<DynamicImage, PictureError> {
    let path = path.to_owned();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(PictureError::Io { path, cause }),
    };
    let mut reader = match ImageReader::new(Cursor::new(&bytes)).with_guessed_format() {
        Ok(reader) => reader,
        Err(cause) => return Err(PictureError::Io { path, cause }),
    };
    if is_big_tiff(&bytes) {
        reader.set_format(ImageFormat::Tiff);
    }
    if reader.format() == Some(ImageFormat::Jpeg) && jpeg::is_cut_off(&bytes) {
        return Err(PictureError::CutOff { path });
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_DECODED);
    reader.limits(limits.clone());
    let refused = |cause| match cause {
        ImageError::IoError(cause) => PictureError::Io {
            path: path.clone(),
            cause,
        },
        cause => PictureError::Decode {
            path: path.clone(),
            cause,
        },
    };
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(PictureError::TooLarge {
            path,
            width,
            height,
        });
    }
    if matches!(decoder.color_type(), ColorType::Rgb32F | ColorType::Rgba32F) {
        return Err(PictureError::FloatingPoint { path });
    }
    limits.reserve(decoder.total_bytes()).map_err(refused)?;
    // A camera's note that makes no sense is none.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder, Rgb32FImage};
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
    fn what_would_fill_the_memory_is_refused() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 30_000, 30_000);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[]).unwrap();
        drop(writer);
        let (_folder, path) = file(&bytes);
        let error = Picture::open(&path).unwrap_err();
        assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
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

    #[test]
    fn floating_point_numbers_are_refused() {
        let mut bytes = Vec::new();
        let picture = DynamicImage::from(Rgb32FImage::from_pixel(2, 2, [4000.0; 3].into()));
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Tiff)
            .unwrap();
        let (_folder, path) = file(&bytes);
        let error = Picture::open(&path).unwrap_err().to_string();
        assert!(error.contains("convert it to 8 or 16 bits"), "{error}");
    }
}
