//! Small round spots.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::RgbImage;

use super::coverage::{cover, fade};
use super::tone::Tone;
use super::{between, place, side};

pub fn draw(picture: &RgbImage, rng: &mut Rng) -> RgbImage {
    let tone = Tone::draw(picture, 0.4..0.95, 0.2, rng);
    let mut picture = picture.clone();
    for _ in 0..rng.usize(1..=3) {
        let spot = Spot::draw(&picture, rng);
        picture = tone.on(&picture, &cover(&picture, |place| spot.share(place)));
    }
    picture
}

/// Nearly an ellipse.
struct Spot {
    centre: [f32; 2],
    radius: f32,
    /// Share of the radius over which the edge fades.
    softness: f32,
    /// For two and three bulges: how far out they are, as a share of the radius, and where.
    bulges: [(f32, f32, f32); 2],
}

impl Spot {
    fn draw(picture: &RgbImage, rng: &mut Rng) -> Self {
        let radius = (side(picture) * between(0.008, 0.04, rng)).max(1.8);
        Self {
            centre: place(picture, rng),
            radius,
            softness: between(0.2, 0.7, rng).max(1.0 / radius),
            bulges: [2.0, 3.0].map(|count| {
                (
                    count,
                    between(0.0, 0.4, rng) / count,
                    between(0.0, TAU, rng),
                )
            }),
        }
    }

    fn share(&self, [x, y]: [f32; 2]) -> f32 {
        let [x, y] = [x - self.centre[0], y - self.centre[1]];
        let angle = y.atan2(x);
        let bulge = self
            .bulges
            .iter()
            .map(|&(count, far, at)| far * (count * angle + at).cos());
        let radius = 1.0 + bulge.sum::<f32>();
        fade(radius - x.hypot(y) / self.radius, self.softness)
    }
}
