//! A rectangle of the picture at another place.

use fastrand::Rng;
use image::RgbImage;

use super::coverage::{blend, cover, fade};
use super::tone::Tone;
use super::turn::Turn;
use super::{between, place, side};

/// Turned by up to an eighth either way.
const TURNS: f32 = 0.25;

pub fn draw(picture: &RgbImage, rng: &mut Rng) -> RgbImage {
    let area = between(0.004, 0.04, rng).sqrt() * side(picture);
    let aspect = between(0.55, 1.8, rng);
    // Half of width and height.
    let [width, height] = [0.5 * area * aspect, 0.5 * area / aspect];
    let to = place(picture, rng);
    let turn = Turn::draw(picture, to, TURNS, 1.0, rng);
    let coverage = cover(picture, |place| {
        let [x, y] = turn.offset(place).map(f32::abs);
        fade((width - x).min(height - y), 1.0)
    });
    let tone = Tone::draw(picture, 0.05..0.35, 0.3, rng);
    let mut drawn = picture.clone();
    blend(&mut drawn, &coverage, |x, y, _| {
        tone.of(turn.pixel(picture, [x as f32 + 0.5, y as f32 + 0.5]))
    });
    drawn
}
