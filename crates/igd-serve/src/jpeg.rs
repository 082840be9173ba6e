//! Pictures as they are kept and sent.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageError, RgbImage};

/// `quality` is 1 to 100.
pub fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(picture)?;
    Ok(jpeg)
}
