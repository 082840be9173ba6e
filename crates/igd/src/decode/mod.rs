//! The one decoder of picture files, whatever they are for: within bounds, and without a panic.

mod error;
mod jpeg;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::panic;
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

pub use self::error::PictureError;

/// Sides beyond this are refused before anything is allocated for them.
const LARGEST_SIDE: u32 = 32_768;
/// Longer files are not read, in bytes; what the system calls a file may have no end.
const LARGEST_FILE: u64 = 2 << 30;
/// A decoder may take this much memory, in bytes.
const LARGEST_DECODED: u64 = 2 << 30;
/// More pixels are refused: a file of 100 kB may claim so many that 8 bits of R, G, B of each fill the memory.
const MOST_PIXELS: u64 = 256 << 20;
/// How a TIFF file of more than 4 GiB begins.
const BIG_TIFF: [&[u8]; 2] = [b"II+\0", b"MM\0+"];

/// Whether a file is of a kind that 16 bits are to be had in, by its first bytes.
pub(crate) fn may_have_16_bits(path: &Path) -> bool {
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

/// What a picture file claims to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// PNG, JPEG, BMP or TIFF.
    pub kind: ImageFormat,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// What the first bytes of a file claim, before anything is decoded. `None` where they are of no kind that we read.
pub fn claimed(file: &[u8]) -> Result<Option<Claim>, ImageError> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    use ImageFormat::{Bmp, Jpeg, Png, Tiff};
    match reader.format() {
        Some(kind @ (Png | Jpeg | Bmp | Tiff)) => Ok(Some(Claim {
            kind,
            size: reader.into_dimensions()?,
        })),
        _ => Ok(None),
    }
}

/// Any of the kinds of picture that we read, upright, with all that the file says of its pixels.
pub(crate) fn decode(path: &Path) -> Result<DynamicImage, PictureError> {
    panic::catch_unwind(|| decode_or_panic(path)).unwrap_or_else(|_| {
        Err(PictureError::Panicked {
            path: path.to_owned(),
        })
    })
}

/// All bytes of a file, or `None` of one that is too long.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > LARGEST_FILE {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // A device has no length, and maybe no end.
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST_FILE).then_some(bytes))
}

fn decode_or_panic(path: &Path) -> Result<DynamicImage, PictureError> {
    let path = path.to_owned();
    let bytes = match read(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(PictureError::TooLong { path }),
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
    use std::fs;
    use std::path::PathBuf;

    use image::Rgb32FImage;
    use tempfile::TempDir;

    fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        fs::write(&path, bytes).unwrap();
        (folder, path)
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
        let error = decode(&path).unwrap_err();
        assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn floating_point_numbers_are_refused() {
        let mut bytes = Vec::new();
        let picture = DynamicImage::from(Rgb32FImage::from_pixel(2, 2, [4000.0; 3].into()));
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Tiff)
            .unwrap();
        let (_folder, path) = file(&bytes);
        let error = decode(&path).unwrap_err().to_string();
        assert!(error.contains("convert it to 8 or 16 bits"), "{error}");
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.png");
        File::create(&path)
            .unwrap()
            .set_len(LARGEST_FILE + 1)
            .unwrap();
        let error = decode(&path).unwrap_err();
        assert!(matches!(error, PictureError::TooLong { .. }), "{error}");
        assert!(error.to_string().contains("long.png"));
    }
}
