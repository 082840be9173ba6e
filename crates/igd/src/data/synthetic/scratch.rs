//! Thin curved strokes.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::RgbImage;

use super::coverage::{Coverage, add_disc, nothing};
use super::tone::Tone;
use super::{between, place, side};

/// Pixels from one disc of a stroke to the next.
const STEP: f32 = 0.5;

pub fn draw(picture: &RgbImage, rng: &mut Rng) -> RgbImage {
    let mut coverage = nothing(picture);
    // Most scratches come alone.
    for _ in 0..=rng.usize(0..4).saturating_sub(1) {
        stroke(&mut coverage, picture, rng);
    }
    Tone::draw(picture, 0.4..0.9, 0.15, rng).on(picture, &coverage)
}

fn stroke(coverage: &mut Coverage, picture: &RgbImage, rng: &mut Rng) {
    let side = side(picture);
    let length = side * between(0.15, 0.8, rng);
    let radius = (side * between(0.001, 0.005, rng)).max(between(0.5, 1.0, rng));
    let mut place = place(picture, rng);
    let mut heading = between(0.0, TAU, rng);
    // Radians a pixel: in all up to half a turn, with a trembling hand.
    let mut bend = between(-1.2, 1.2, rng) / length;
    let mut pressure = between(0.5, 1.0, rng);
    let steps = (length / STEP) as usize;
    for step in 0..steps {
        let along = (step as f32 + 0.5) / steps as f32;
        // Thin at both ends.
        let taper = (8.0 * along * (1.0 - along)).min(1.0);
        add_disc(coverage, place, radius * taper, pressure * taper);
        pressure = (pressure + between(-0.04, 0.04, rng)).clamp(0.4, 1.0);
        bend += between(-0.1, 0.1, rng) / length;
        heading += STEP * bend + between(-0.06, 0.06, rng);
        place[0] += STEP * heading.cos();
        place[1] += STEP * heading.sin();
    }
}
