//! A picture against its reconstructions on the CPU: the numbers of [`MsSsim`], [`reconstruction`](super::reconstruction) and
//! [`residual_map`](super::residual_map), without temporaries and from memory that stays in the cache.
//!
//! What depends on the picture alone (its scales and their moments) is computed once for the whole picture and serves all
//! its patches: they start at multiples of 16 pixels, so that their means of 2x2, 4x4 and 8x8 pixels are the picture's.

mod pixels;

use self::pixels::{Constants, Moments, Part};
use super::STRUCTURE;
use super::heatmap::GRAY;
use super::ms_ssim::{MsSsim, SMALLEST, Window};
use crate::nn::{PATCH, PICTURE};

const CHANNELS: usize = 3;
/// Side of the whole picture.
const SIDE: usize = PICTURE as usize;

/// Compares parts of one picture with their reconstructions.
#[derive(Debug)]
pub struct Residuals {
    taps: Vec<f32>,
    range: f32,
    /// Side of a reconstruction.
    side: usize,
    scales: Vec<Scale>,
    /// A channel of the reconstruction at the scale at hand, and at the next one.
    y: Vec<f32>,
    coarser: Vec<f32>,
    moments: Moments,
}

#[derive(Debug)]
struct Scale {
    weight: f32,
    /// The whole picture's channels.
    picture: [Channel; CHANNELS],
    /// 1 - SSIM of the reconstruction at hand, its channels mixed to gray, row by row.
    gray: Vec<f32>,
}

/// A channel of the whole picture and the blurred moments of its pixels.
#[derive(Debug)]
struct Channel {
    x: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Residuals {
    /// For reconstructions of the whole picture. `range` is the distance from the darkest to the brightest possible value.
    pub fn global(range: f64) -> Self {
        Self::new(&MsSsim::GLOBAL_WEIGHTS, MsSsim::GLOBAL_WINDOW, SIDE, range)
    }

    /// For reconstructions of patches.
    pub fn local(range: f64) -> Self {
        let side = PATCH as usize;
        Self::new(&MsSsim::LOCAL_WEIGHTS, MsSsim::LOCAL_WINDOW, side, range)
    }

    fn new(weights: &[f64], window: Window, side: usize, range: f64) -> Self {
        let taps: Vec<f32> = window.taps().into_iter().map(|tap| tap as f32).collect();
        let scales = weights.iter().enumerate().map(|(index, &weight)| {
            let outputs = (side >> index) + 1 - taps.len();
            Scale {
                weight: weight as f32,
                picture: std::array::from_fn(|_| Channel::new(SIDE >> index)),
                gray: vec![0.0; outputs * outputs],
            }
        });
        Self {
            scales: scales.collect(),
            taps,
            range: range as f32,
            side,
            y: vec![0.0; side * side],
            coarser: vec![0.0; side * side],
            moments: Moments::new(SIDE),
        }
    }

    /// Takes the picture that the next reconstructions are of: planar (3, 256, 256), normalised.
    pub fn set_picture(&mut self, picture: &[f32]) {
        for (channel, plane) in picture.chunks_exact(SIDE * SIDE).enumerate().take(CHANNELS) {
            let mut finer: Option<&Channel> = None;
            for (index, scale) in self.scales.iter_mut().enumerate() {
                let current = &mut scale.picture[channel];
                match finer {
                    Some(finer) => pixels::halve(&finer.x, 2 * (SIDE >> index), &mut current.x),
                    None => current.x.copy_from_slice(plane),
                }
                let Channel { x, mean, square } = current;
                self.moments
                    .of_picture(x, SIDE >> index, &self.taps, mean, square);
                finer = Some(current);
            }
        }
    }

    /// The reconstruction error of a reconstruction (planar, normalised) of the part of the picture that starts at `corner`
    /// (x, y). Its residual map, made gray, is added to that part of `map` (256 x 256).
    ///
    /// Corners are multiples of 16 and keep the reconstruction within the picture.
    pub fn compare(
        &mut self,
        reconstruction: &[f32],
        corner: (usize, usize),
        map: &mut [f32],
    ) -> f32 {
        let (side, range) = (self.side, self.range);
        let constants = Constants::new(range);
        let map = &mut map[corner.1 * SIDE + corner.0..];
        for scale in &mut self.scales {
            scale.gray.fill(0.0);
        }
        let last = self.scales.len() - 1;
        let (mut similarity, mut distance) = (0.0, 0.0);
        let planes = reconstruction.chunks_exact(side * side);
        for (channel, (plane, gray)) in planes.zip(GRAY).enumerate() {
            self.y.copy_from_slice(plane);
            let mut product = 1.0;
            for (index, scale) in self.scales.iter_mut().enumerate() {
                let side = side >> index;
                let x = scale.picture[channel]
                    .part(SIDE >> index, (corner.0 >> index, corner.1 >> index));
                if index == 0 {
                    let share = gray * (1.0 - STRUCTURE as f32) / range;
                    distance += pixels::add_distance(&x, plane, side, share, map, SIDE);
                } else {
                    pixels::halve(&self.y, 2 * side, &mut self.coarser);
                    std::mem::swap(&mut self.y, &mut self.coarser);
                }
                let means = self.moments.compare(
                    &x,
                    &self.y[..side * side],
                    side,
                    &self.taps,
                    constants,
                    gray,
                    &mut scale.gray,
                );
                // Luminance counts at the coarsest scale alone.
                let mean = if index == last {
                    means.ssim
                } else {
                    means.contrast
                };
                product *= mean.max(SMALLEST as f32).powf(scale.weight);
            }
            similarity += product / CHANNELS as f32;
        }
        for (index, scale) in self.scales.iter().enumerate() {
            let outputs = (side >> index) + 1 - self.taps.len();
            let share = STRUCTURE as f32 * scale.weight;
            pixels::add_enlarged(&scale.gray, outputs, share, map, SIDE, side);
        }
        let l1 = distance / (CHANNELS * side * side) as f32;
        STRUCTURE as f32 * (1.0 - similarity) + (1.0 - STRUCTURE as f32) * l1 / range
    }
}

impl Channel {
    fn new(side: usize) -> Self {
        let plane = || vec![0.0; side * side];
        Self {
            x: plane(),
            mean: plane(),
            square: plane(),
        }
    }

    /// From `corner` on, in a picture of `stride` pixels a row.
    fn part(&self, stride: usize, corner: (usize, usize)) -> Part<'_> {
        let start = corner.1 * stride + corner.0;
        Part {
            stride,
            x: &self.x[start..],
            mean: &self.mean[start..],
            square: &self.square[start..],
        }
    }
}
