//! Colours over the samples of a row.

use multiversion::multiversion;
use multiversion::target::match_target;

use super::look_up::{self, BLOCK};

/// What the levels of a map look like.
#[derive(Clone, Debug)]
pub struct LevelColors {
    /// For each component of a frame, its part of the colour at each level.
    colors: [[u8; 256]; 3],
    /// The weight of level 1, as a part of 2^23.
    step: u16,
}

impl LevelColors {
    /// A colour weighs `opacity` (0..=1) times its level, of which 255 is the whole.
    pub fn new(colors: [[u8; 256]; 3], opacity: f32) -> Self {
        Self {
            colors,
            // So that 255 of them just fit 15 bits.
            step: (opacity * WHOLE_STEP).round() as u16,
        }
    }
}

/// The weight of level 1 where opacity is 1.
const WHOLE_STEP: f32 = 32_896.0;

/// Blocks after which every number of components has come to where it began.
const PERIOD: usize = 3;

/// Bytes of such a number of blocks.
pub const SPAN: usize = PERIOD * BLOCK;

/// Which bytes are a component's samples: all bits are set in those, none in the others.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    index: usize,
    masks: [[u8; BLOCK]; PERIOD],
}

impl Component {
    /// One sample in `stride` bytes (up to 4), the first one at `offset`.
    pub fn new(index: usize, offset: usize, stride: usize) -> Self {
        let mut masks = [[0; BLOCK]; PERIOD];
        let bytes = masks.as_flattened_mut().iter_mut();
        for mask in bytes.skip(offset).step_by(stride) {
            *mask = u8::MAX;
        }
        Self { index, masks }
    }
}

/// Blends a row of bytes as they lie in memory, whatever takes turns there; `levels` are one a byte, in whole blocks.
#[multiversion(targets("x86_64+avx512bw+avx512vbmi", "x86_64+avx2"))]
pub fn paint(row: &mut [u8], levels: &[u8], components: &[Component], look: &LevelColors) {
    let look_up = match_target! {
        "x86_64+avx512bw+avx512vbmi" => |table: &_, levels: &_| look_up::avx512(table, levels),
        "x86_64+avx2" => |table: &_, levels: &_| look_up::avx2(table, levels),
        _ => look_up::plain,
    };
    let mut levels = levels.as_chunks().0.iter().enumerate();
    let (blocks, rest) = row.as_chunks_mut();
    for (samples, (number, levels)) in blocks.iter_mut().zip(&mut levels) {
        blend_block(samples, levels, number, components, look, look_up);
    }
    if let Some((number, levels)) = levels.next() {
        let mut samples = [0; BLOCK];
        samples[..rest.len()].copy_from_slice(rest);
        blend_block(&mut samples, levels, number, components, look, look_up);
        rest.copy_from_slice(&samples[..rest.len()]);
    }
}

/// The same of gray samples of 16 bits, whose low and high bytes are components 0 and 1 of the colours; both have the
/// sample's level.
pub fn paint_wide(row: &mut [u8], levels: &[u8], look: &LevelColors) {
    let [lows, highs, _] = &look.colors;
    let pairs = levels.as_chunks::<2>().0;
    for (bytes, &[level, _]) in row.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
        let level = usize::from(level);
        let color = i64::from(u16::from_le_bytes([lows[level], highs[level]]));
        let sample = i64::from(u16::from_le_bytes(*bytes));
        let weight = level as i64 * i64::from(look.step);
        let whole = 255 * WHOLE_STEP as i64;
        let blended = sample + ((color - sample) * weight + whole / 2).div_euclid(whole);
        *bytes = (blended as u16).to_le_bytes();
    }
}

/// Inlined by force, as only then the instructions of the function above are its own.
#[inline(always)]
fn blend_block(
    samples: &mut [u8; BLOCK],
    levels: &[u8; BLOCK],
    number: usize,
    components: &[Component],
    look: &LevelColors,
    look_up: impl Fn(&[u8; 256], &[u8; BLOCK]) -> [u8; BLOCK] + Copy,
) {
    if *levels == [0; BLOCK] {
        return;
    }
    // What is no component's keeps its own colour.
    let mut colors = *samples;
    for component in components {
        let found = look_up(&look.colors[component.index], levels);
        let mask = &component.masks[number % PERIOD];
        for i in 0..BLOCK {
            colors[i] = (found[i] & mask[i]) | (colors[i] & !mask[i]);
        }
    }
    for i in 0..BLOCK {
        samples[i] = blend(samples[i], colors[i], levels[i], look.step);
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
