//! Colours over the samples of a row.

use multiversion::multiversion;
use multiversion::target::match_target;

use super::look_up::{self, BLOCK};

/// What the levels of a map look like.
#[derive(Clone, Debug)]
pub struct Look {
    /// For each component of a frame, its part of the colour at each level.
    colors: [[u8; 256]; 3],
    /// The weight of level 1, as a part of 2^23.
    step: u16,
}

impl Look {
    /// A color weighs `opacity` (0..=1) times its level, of which 255 is the whole.
    pub fn new(colors: [[u8; 256]; 3], opacity: f32) -> Self {
        Self {
            colors,
            step: (opacity * 32_896.0).round() as u16,
        }
    }
}

/// Blends a row of pixels of `stride` bytes, from its first component's sample to its last one. `components` are pairs of
/// an index and an offset in the pixel; `levels` are one a pixel, in whole blocks.
#[multiversion(targets("x86_64+avx512bw+avx512vbmi", "x86_64+avx2"))]
pub fn paint(
    row: &mut [u8],
    stride: usize,
    components: &[(usize, usize)],
    levels: &[u8],
    look: &Look,
) {
    let look_up = match_target! {
        "x86_64+avx512bw+avx512vbmi" => |table: &_, levels: &_| look_up::avx512(table, levels),
        "x86_64+avx2" => |table: &_, levels: &_| look_up::avx2(table, levels),
        _ => look_up::plain,
    };
    match stride {
        1 => paint_pixels::<1>(row, components, levels, look, look_up),
        2 => paint_pixels::<2>(row, components, levels, look, look_up),
        3 => paint_pixels::<3>(row, components, levels, look, look_up),
        4 => paint_pixels::<4>(row, components, levels, look, look_up),
        // No supported format has any other.
        _ => {}
    }
}

// Inlined by force, as only then the instructions of the function above are theirs.

#[inline(always)]
fn paint_pixels<const STRIDE: usize>(
    row: &mut [u8],
    components: &[(usize, usize)],
    levels: &[u8],
    look: &Look,
    look_up: impl Fn(&[u8; 256], &[u8; BLOCK]) -> [u8; BLOCK],
) {
    let mut levels = levels.as_chunks().0.iter();
    let whole = row.len() / (STRIDE * BLOCK) * (STRIDE * BLOCK);
    let (blocks, rest) = row.split_at_mut(whole);
    let blocks = blocks.as_chunks_mut::<STRIDE>().0.as_chunks_mut().0;
    for (pixels, levels) in blocks.iter_mut().zip(&mut levels) {
        paint_block(pixels, components, levels, look, &look_up);
    }
    if let Some(levels) = levels.next() {
        let mut pixels = [[0; STRIDE]; BLOCK];
        pixels.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        paint_block(&mut pixels, components, levels, look, &look_up);
        rest.copy_from_slice(&pixels.as_flattened()[..rest.len()]);
    }
}

#[inline(always)]
fn paint_block<const STRIDE: usize>(
    pixels: &mut [[u8; STRIDE]; BLOCK],
    components: &[(usize, usize)],
    levels: &[u8; BLOCK],
    look: &Look,
    look_up: impl Fn(&[u8; 256], &[u8; BLOCK]) -> [u8; BLOCK],
) {
    if *levels == [0; BLOCK] {
        return;
    }
    let mut samples = [[0; BLOCK]; STRIDE];
    for x in 0..BLOCK {
        for offset in 0..STRIDE {
            samples[offset][x] = pixels[x][offset];
        }
    }
    for &(index, offset) in components {
        let colors = look_up(&look.colors[index], levels);
        let samples = &mut samples[offset];
        for x in 0..BLOCK {
            samples[x] = blend(samples[x], colors[x], levels[x], look.step);
        }
    }
    for x in 0..BLOCK {
        for offset in 0..STRIDE {
            pixels[x][offset] = samples[offset][x];
        }
    }
}

/// In 16 bits, of which vectors hold many.
#[inline(always)]
fn blend(sample: u8, color: u8, level: u8, step: u16) -> u8 {
    // level * step / 2^8, which is a part of 2^15.
    let [low, high] = step.to_le_bytes().map(u16::from);
    let level = u16::from(level);
    let weight = (level * high + ((level * low) >> 8)) as i16;
    let difference = (i16::from(color) - i16::from(sample)) << 7;
    let change = ((i32::from(difference) * i32::from(weight)) >> 16) as i16;
    (i16::from(sample) + ((change + 32) >> 6)) as u8
}
