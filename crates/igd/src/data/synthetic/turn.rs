//! A part of a picture, turned and scaled to another place.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::imageops::interpolate_bilinear;
use image::{Rgb, RgbImage};

use super::place;

/// Where the pixels of a place come from.
pub struct Turn {
    /// The place, and what it is to show, in pixels.
    to: [f32; 2],
    from: [f32; 2],
    sin: f32,
    cos: f32,
}

impl Turn {
    /// From anywhere in `source` to `to`, turned by up to `turns` (1: any way), a pixel of the place being `scale`
    /// pixels of the source.
    pub fn draw(source: &RgbImage, to: [f32; 2], turns: f32, scale: f32, rng: &mut Rng) -> Self {
        let angle = TAU * turns * (rng.f32() - 0.5);
        Self {
            to,
            from: place(source, rng),
            sin: scale * angle.sin(),
            cos: scale * angle.cos(),
        }
    }

    /// From the middle of what is shown, in pixels of the source.
    pub fn offset(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [x, y] = [x - self.to[0], y - self.to[1]];
        [self.cos * x - self.sin * y, self.sin * x + self.cos * y]
    }

    /// What is to be seen at a place. Beyond its edges the source is mirrored.
    pub fn pixel(&self, source: &RgbImage, place: [f32; 2]) -> Rgb<u8> {
        let offset = self.offset(place);
        let [x, y] = [(0, source.width()), (1, source.height())].map(|(axis, side)| {
            let last = side as f32 - 1.0;
            let there = (self.from[axis] + offset[axis]).rem_euclid(2.0 * last);
            there.min(2.0 * last - there)
        });
        interpolate_bilinear(source, x, y).unwrap_or(Rgb([0; 3]))
    }
}
