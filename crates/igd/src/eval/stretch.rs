//! A map at another size.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// Stretches a map of `from` (width, height) to `to`, bilinearly on half-pixel centres; the triangle grows where it
/// shrinks, as in Pillow.
///
/// # Panics
/// Where the map has fewer values than `from` says.
pub fn stretch(map: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let map: Vec<F32> = map.iter().copied().map(F32::new).collect();
    let side = |side: usize| u32::try_from(side).expect("pictures have sides below 2^15");
    let map = TypedImageRef::new(side(from.0), side(from.1), &map).expect("a map is of its size");
    let mut stretched = TypedImage::new(side(to.0), side(to.1));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(&map, &mut stretched, &options)
        .expect("the whole of a map lies within it");
    stretched.pixels().iter().map(|pixel| pixel.0).collect()
}

#[cfg(test)]
mod tests {
    use super::stretch;

    #[test]
    fn half_pixel_centres_and_any_range() {
        let found = stretch(&[0.0, 8.0], (2, 1), (4, 2));
        assert_eq!(found, [0.0, 2.0, 6.0, 8.0, 0.0, 2.0, 6.0, 8.0]);
        assert_eq!(stretch(&[-3.0, 9.0], (1, 2), (1, 1)), [3.0]);
    }
}
