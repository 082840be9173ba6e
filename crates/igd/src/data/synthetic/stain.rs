//! A large irregular blob.

use fastrand::Rng;
use image::RgbImage;
use noise::{Fbm, MultiFractal, NoiseFn, Perlin};

use super::coverage::{cover, fade};
use super::tone::Tone;
use super::{between, place, side};

pub fn draw(picture: &RgbImage, rng: &mut Rng) -> RgbImage {
    let [x, y] = place(picture, rng);
    let radius = side(picture) * between(0.06, 0.2, rng);
    let softness = between(0.2, 0.8, rng);
    // How much stronger the rim is, as where a drop has dried.
    let rim = between(0.0, 0.6, rng);
    let noise = Fbm::<Perlin>::new(rng.u32(..)).set_octaves(4);
    let coverage = cover(picture, |place| {
        let [x, y] = [(place[0] - x) / radius, (place[1] - y) / radius];
        let unevenness = noise.get([f64::from(x), f64::from(y)]) as f32;
        let inside = 1.0 + 0.9 * unevenness - x.hypot(y);
        let mottled = 1.0 - rim * inside.clamp(0.0, 1.0) + 0.3 * unevenness;
        fade(inside, softness) * mottled.clamp(0.0, 1.0)
    });
    Tone::draw(picture, 0.25..0.65, 0.5, rng).on(picture, &coverage)
}
