//! How much of each pixel a defect covers.

use image::{ImageBuffer, Luma, Rgb, RgbImage};

/// Shares of 0 to 1.
pub type Coverage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Nothing of a picture.
pub fn nothing(picture: &RgbImage) -> Coverage {
    Coverage::new(picture.width(), picture.height())
}

/// The share of each pixel of a picture by its centre.
pub fn cover(picture: &RgbImage, share: impl Fn([f32; 2]) -> f32) -> Coverage {
    Coverage::from_fn(picture.width(), picture.height(), |x, y| {
        Luma([share([x as f32 + 0.5, y as f32 + 0.5])])
    })
}

/// The share of a pixel so far inside an edge (negative: outside) that fades over `softness`, in the same unit.
pub fn fade(inside: f32, softness: f32) -> f32 {
    let share = (0.5 + inside / softness).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// Adds a disc of so many pixels with an edge of one pixel.
pub fn add_disc(coverage: &mut Coverage, [x, y]: [f32; 2], radius: f32, strength: f32) {
    let (width, height) = coverage.dimensions();
    let reach = radius + 1.0;
    // `as` saturates at 0.
    let range =
        |centre: f32, side: u32| (centre - reach) as u32..((centre + reach) as u32 + 1).min(side);
    for row in range(y, height) {
        for column in range(x, width) {
            let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
            let share = strength * fade(radius - distance, 1.0);
            let Luma([covered]) = coverage.get_pixel_mut(column, row);
            *covered = covered.max(share);
        }
    }
}

/// Changes each pixel as far as it is covered, to what `changed` makes of it.
pub fn blend(
    picture: &mut RgbImage,
    coverage: &Coverage,
    changed: impl Fn(u32, u32, Rgb<u8>) -> [f32; 3],
) {
    for ((x, y, pixel), &Luma([share])) in picture.enumerate_pixels_mut().zip(coverage.pixels()) {
        if share > 0.0 {
            let changed = changed(x, y, *pixel);
            for (value, changed) in pixel.0.iter_mut().zip(changed) {
                let before = f32::from(*value);
                *value = (before + share * (changed - before)).round() as u8;
            }
        }
    }
}
