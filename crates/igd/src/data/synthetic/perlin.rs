//! An irregular region in which another texture shines through.

use fastrand::Rng;
use image::{DynamicImage, RgbImage};
use noise::{Fbm, MultiFractal, NoiseFn, Perlin};

use super::coverage::{Coverage, blend, cover, fade};
use super::tone::Tone;
use super::turn::Turn;
use super::{between, is_gray, place, side};

pub fn draw(picture: &RgbImage, other: &RgbImage, rng: &mut Rng) -> RgbImage {
    let coverage = region(picture, rng);
    let gray;
    let texture = match rng.bool() {
        true if is_gray(picture) && !is_gray(other) => {
            gray = DynamicImage::from(other.clone()).grayscale().into_rgb8();
            &gray
        }
        true => other,
        false => picture,
    };
    let to = place(picture, rng);
    let scale = between(0.5, 2.0, rng);
    let turn = Turn::draw(texture, to, 1.0, scale, rng);
    let tone = Tone::draw(picture, 0.15..0.6, 0.3, rng);
    let mut drawn = picture.clone();
    blend(&mut drawn, &coverage, |x, y, _| {
        tone.of(turn.pixel(texture, [x as f32 + 0.5, y as f32 + 0.5]))
    });
    drawn
}

/// Where Perlin noise is largest around some place, up to a twelfth of the picture.
fn region(picture: &RgbImage, rng: &mut Rng) -> Coverage {
    let centre = place(picture, rng);
    let side = side(picture);
    let reach = side * between(0.15, 0.4, rng);
    let period = side * between(0.08, 0.3, rng);
    let noise = Fbm::<Perlin>::new(rng.u32(..)).set_octaves(3);
    let height = |[x, y]: [f32; 2]| {
        let distance = (x - centre[0]).hypot(y - centre[1]) / reach;
        noise.get([x, y].map(|along| f64::from(along / period))) as f32 - 0.5 * distance * distance
    };
    let heights = cover(picture, height);
    let mut sorted = heights.as_raw().clone();
    let share = between(0.005, 0.08, rng);
    let rank = ((1.0 - share) * sorted.len() as f32) as usize;
    let (_, &mut threshold, _) = sorted.select_nth_unstable_by(rank, f32::total_cmp);
    // The noise rises by about 2 a period: an edge of some two pixels.
    let softness = 4.0 / period;
    let opacity = between(0.6, 1.0, rng);
    cover(picture, |place| {
        opacity * fade(height(place) - threshold, softness)
    })
}
