//! Copies of pictures in which parts lie elsewhere.

use std::f32::consts::TAU;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::warp::{Transform, warp};

/// How a picture is shifted, turned and zoomed for a model of parts that do not lie still. Each copy has its own lot, which
/// depends on nothing but the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Copies of each picture.
    pub copies: usize,
    /// Up to this share of its side, in each direction.
    pub shift: f32,
    /// Up to so many degrees either way.
    pub turn: f32,
    /// Up to this share larger or smaller.
    pub zoom: f32,
}

impl Augmentation {
    /// Two copies, shifted by up to 8 pixels of 256, and turned by up to 3 degrees.
    pub const USUAL: Self = Self {
        copies: 2,
        shift: 0.03125,
        turn: 3.0,
        zoom: 0.03,
    };

    /// For a model that looks for its parts: two copies, which half of the margin bounds, a share of the side.
    pub fn within(margin: f64) -> Self {
        Self {
            copies: 2,
            shift: margin as f32 / 2.0,
            turn: 5.0,
            zoom: 0.03,
        }
    }

    /// The copies of a picture's planes, each of `size` (width, height), whose pixels are `stretch` times as wide as
    /// high. What comes in at the edges is mirrored.
    pub(super) fn copies(&self, rgb: &[f32], size: (usize, usize), stretch: f32) -> Vec<Vec<f32>> {
        let mut rng = Rng::with_seed(seed(rgb));
        let mut up_to = |most: f32| most * (2.0 * rng.f32() - 1.0);
        let copy = |_| {
            let (degrees, zoom) = (up_to(self.turn), 1.0 + up_to(self.zoom));
            let shift = [size.0, size.1].map(|side| up_to(self.shift * side as f32));
            let transform = Transform::new(degrees, zoom, shift, stretch);
            let mut copy = vec![0.0; rgb.len()];
            warp(rgb, size, &transform, &mut copy, size);
            copy
        };
        (0..self.copies).map(copy).collect()
    }

    /// Refuses what would leave nothing of the pictures.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self {
            shift, turn, zoom, ..
        } = *self;
        let fits = (0.0..=0.5).contains(&shift)
            && (0.0..=TAU.to_degrees()).contains(&turn)
            && (0.0..=0.5).contains(&zoom);
        match fits {
            true => Ok(()),
            false => Err(format!(
                "pictures are to be shifted by {shift} and zoomed by {zoom} of their side, expected up to 0.5, and \
                turned by {turn} degrees"
            )),
        }
    }
}

/// A number of the values (FNV-1a).
fn seed(values: &[f32]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_differ_and_are_the_same_each_time() {
        let size = (32, 24);
        let rgb: Vec<f32> = (0..3 * 32 * 24)
            .map(|value| (value * 37 % 256) as f32)
            .collect();
        let copies = Augmentation::USUAL.copies(&rgb, size, 1.0);
        assert_eq!(copies.len(), 2);
        assert!(copies[0] != copies[1] && copies.iter().all(|copy| *copy != rgb));
        assert!(
            copies
                .iter()
                .flatten()
                .all(|value| (0.0..=255.0).contains(value))
        );
        assert_eq!(Augmentation::USUAL.copies(&rgb, size, 1.0), copies);
        let still = Augmentation {
            copies: 1,
            shift: 0.0,
            turn: 0.0,
            zoom: 0.0,
        };
        assert_eq!(still.copies(&rgb, size, 1.0), [rgb]);
        still.check().unwrap();
        assert!(
            Augmentation {
                shift: 0.6,
                ..still
            }
            .check()
            .is_err()
        );
    }
}
