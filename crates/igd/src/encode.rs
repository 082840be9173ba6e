//! Pictures for people: smaller ones, and files of them. Programs that are compiled for a short build have this done
//! here, in code that is not.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, GrayImage, ImageEncoder, ImageError, RgbImage};

/// A JPEG file; `quality` is 1 to 100.
pub fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode_image(picture)?;
    Ok(file)
}

/// A PNG file.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    png_of(picture, picture.dimensions(), ExtendedColorType::Rgb8)
}

/// A PNG file of one channel.
pub fn gray_png(picture: &GrayImage) -> Result<Vec<u8>, ImageError> {
    png_of(picture, picture.dimensions(), ExtendedColorType::L8)
}

fn png_of(
    pixels: &[u8],
    (width, height): (u32, u32),
    colour: ExtendedColorType,
) -> Result<Vec<u8>, ImageError> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(pixels, width, height, colour)?;
    Ok(file)
}

/// At another width and height; each pixel is a mean, weighted by distance.
pub fn scaled(picture: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    imageops::resize(picture, width, height, FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_the_pictures() {
        let rgb = RgbImage::from_fn(40, 24, |x, y| [6 * x as u8, 10 * y as u8, 90].into());
        let gray = GrayImage::from_fn(40, 24, |x, y| [(6 * x as u8) ^ (y as u8)].into());
        let read = |file: &[u8]| image::load_from_memory(file).unwrap();
        assert_eq!(read(&png(&rgb).unwrap()).into_rgb8(), rgb);
        assert_eq!(read(&gray_png(&gray).unwrap()).into_luma8(), gray);
        let lossy = read(&jpeg(&rgb, 90).unwrap()).into_rgb8();
        let apart = lossy
            .iter()
            .zip(rgb.iter())
            .map(|(one, other)| one.abs_diff(*other));
        assert!(apart.max() < Some(24));
        assert!(jpeg(&rgb, 20).unwrap().len() < jpeg(&rgb, 90).unwrap().len());
        assert_eq!(scaled(&rgb, (10, 6)).dimensions(), (10, 6));
    }
}
