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
