//! A picture file as the networks' input.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use image::{ImageFormat, ImageReader, Limits, RgbImage};

use crate::resize::{PlaneView, Resizer};

/// Sides beyond this are refused before anything is allocated for them.
const LARGEST_SIDE: u32 = 32_768;
/// A decoder may take this much memory, in bytes.
const LARGEST_DECODED: u64 = 2 << 30;

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("{path}: {cause}", path = .path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{path}: not a picture: {cause}", path = .path.display())]
    Decode {
        path: PathBuf,
        cause: image::ImageError,
    },
    #[error("{path}: a part of the picture is missing at its end", path = .path.display())]
    CutOff { path: PathBuf },
    #[error("{path}: {reason}", path = .path.display())]
    Packed { path: PathBuf, reason: String },
}

/// A decoded picture, 8 bits of R, G, B a pixel. Gray pictures have three equal channels.
#[derive(Clone, Debug)]
pub struct Picture(RgbImage);

impl From<RgbImage> for Picture {
    fn from(rgb: RgbImage) -> Self {
        Self(rgb)
    }
}

impl Picture {
    /// Decodes a PNG, JPEG, BMP or TIFF file, whatever its name says.
    pub fn open(path: &Path) -> Result<Self, PictureError> {
        let io = |cause| PictureError::Io {
            path: path.to_owned(),
            cause,
        };
        let bytes = fs::read(path).map_err(io)?;
        let mut reader = ImageReader::new(Cursor::new(&bytes))
            .with_guessed_format()
            .map_err(io)?;
        if reader.format() == Some(ImageFormat::Jpeg) && is_cut_off(&bytes) {
            return Err(PictureError::CutOff {
                path: path.to_owned(),
            });
        }
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        limits.max_alloc = Some(LARGEST_DECODED);
        reader.limits(limits);
        match reader.decode() {
            Ok(picture) => Ok(Self(picture.into_rgb8())),
            Err(image::ImageError::IoError(cause)) => Err(io(cause)),
            Err(cause) => Err(PictureError::Decode {
                path: path.to_owned(),
                cause,
            }),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    /// The whole picture at `size` (width, height), whatever its shape: planar R, G, B, values of 0..=255.
    pub fn resized(&self, size: (usize, usize)) -> Vec<f32> {
        let (width, height) = self.0.dimensions();
        let mut resizer = Resizer::new((width as usize, height as usize), size);
        let plane = size.0 * size.1;
        let mut planes = vec![0.0; 3 * plane];
        let view = PlaneView {
            data: self.0.as_raw(),
            stride: 3 * width as usize,
            pixel_stride: 3,
        };
        // The sizes are the picture's own; only a picture without pixels fails, and stays black.
        let _ = resizer.run(view, &[0, 1, 2], &mut planes);
        planes
    }

    /// The pixels, to draw on.
    pub fn into_rgb(self) -> RgbImage {
        self.0
    }
}

/// Whether a JPEG file has no end after its last scan. The decoder fills what is missing with gray and says nothing.
fn is_cut_off(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|window| window == marker);
    last(JPEG_END) < last(JPEG_SCAN)
}

const JPEG_END: [u8; 2] = [0xff, 0xd9];
const JPEG_SCAN: [u8; 2] = [0xff, 0xda];
