//! What a defect does to the light of what it covers: the texture below is still seen.

use std::ops::Range;

use fastrand::Rng;
use image::{Rgb, RgbImage};

use super::coverage::{Coverage, blend};
use super::{between, is_gray};

/// A shift towards white or towards black.
pub struct Tone {
    /// 255 or 0.
    towards: f32,
    /// Share of the way for each channel.
    strengths: [f32; 3],
}

impl Tone {
    /// One of those strengths (shares of 0 to 1), brighter or darker. `tint`: how far the channels of colour pictures
    /// may differ, as a share of the strength.
    pub fn draw(picture: &RgbImage, strengths: Range<f32>, tint: f32, rng: &mut Rng) -> Self {
        let strength = between(strengths.start, strengths.end, rng);
        let tint = if is_gray(picture) { 0.0 } else { tint };
        Self {
            towards: if rng.bool() { 255.0 } else { 0.0 },
            strengths: [(); 3]
                .map(|()| (strength * (1.0 + between(-tint, tint, rng))).clamp(0.0, 1.0)),
        }
    }

    /// The pixel in this tone, values of 0..=255.
    pub fn of(&self, Rgb(pixel): Rgb<u8>) -> [f32; 3] {
        [0, 1, 2].map(|channel| {
            let value = f32::from(pixel[channel]);
            value + self.strengths[channel] * (self.towards - value)
        })
    }

    /// The picture with this tone where it is covered.
    pub fn on(&self, picture: &RgbImage, coverage: &Coverage) -> RgbImage {
        let mut picture = picture.clone();
        blend(&mut picture, coverage, |_, _, pixel| self.of(pixel));
        picture
    }
}
