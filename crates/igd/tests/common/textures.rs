//! Pictures of a texture that differ as pictures of good parts do.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};

use super::formula;

/// A texture: waves whose phase differs from picture to picture, and noise.
pub fn texture(number: usize, (width, height): (u32, u32)) -> GrayImage {
    let noise = formula::values(&format!("texture {number}"), 4099);
    let phase = (number * 7 % 20) as f32 * 0.3;
    let across: Vec<f32> = (0..width)
        .map(|x| (0.19 * x as f32 + phase).sin())
        .collect();
    let down: Vec<f32> = (0..height)
        .map(|y| (0.16 * y as f32 - phase).cos())
        .collect();
    GrayImage::from_fn(width, height, |x, y| {
        let wave = across[x as usize] * down[y as usize];
        let noise = noise[(x as usize * 131 + y as usize * 7919) % 4099] as f32;
        Luma([(128.0 + 50.0 * wave + 16.0 * noise) as u8])
    })
}

/// A texture with faint lines at a place that differs from picture to picture: from top to bottom, or from left to
/// right.
pub fn lined(number: usize, (width, height): (u32, u32), upright: bool) -> GrayImage {
    let mut picture = texture(number, (width, height));
    let (length, room) = if upright {
        (height, width)
    } else {
        (width, height)
    };
    let start = number as u32 * 37 % (room - 26);
    for along in 0..length {
        for across in [start, start + 4, start + 8] {
            let (x, y) = if upright {
                (across, along)
            } else {
                (along, across)
            };
            let value = &mut picture.get_pixel_mut(x, y).0[0];
            *value = value.saturating_add(14);
        }
    }
    picture
}

/// Writes the textures of these numbers.
pub fn write(folder: &Path, numbers: impl Iterator<Item = usize>, size: (u32, u32)) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        let picture = texture(number, size);
        picture
            .save(folder.join(format!("{number:03}.png")))
            .unwrap();
    }
}
