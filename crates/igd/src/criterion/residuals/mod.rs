//! A picture against its reconstructions on the CPU: the numbers of [`MsSsim`],
//! [`reconstruction`](super::reconstruction) and [`residual_map`](super::residual_map), without temporaries and from
//! memory that stays in the cache.
//!
//! What depends on the picture alone (its scales and their moments) is computed once for the whole picture and serves
//! all its patches: they start at multiples of 16 pixels, so that their means of 2x2, 4x4 and 8x8 pixels are the
//! picture's.

mod pixels;

use rayon::prelude::*;

use self::pixels::{Blur, ChannelPart, Constants};
use super::STRUCTURE;
use super::heatmap::GRAY;
use super::ms_ssim::{MsSsim, SMALLEST, Window};
use crate::nn::{PATCH, PICTURE};

const CHANNELS: usize = 3;

/// A whole picture with its scales, ready to be compared with reconstructions of it or of its patches.
#[derive(Debug)]
pub struct Reference {
    weights: Vec<f32>,
    taps: Vec<f32>,
    range: f32,
    /// Side of the picture.
    picture: usize,
    /// Side of a reconstruction.
    side: usize,
    channels: [Channel; CHANNELS],
}

/// A channel at each scale.
#[derive(Debug)]
struct Channel {
    scales: Vec<Plane>,
    blur: Blur,
}

/// A channel at one scale and the blurred moments of its pixels, row by row.
#[derive(Debug)]
struct Plane {
    side: usize,
    x: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Reference {
    /// For reconstructions of the whole picture. `range` is the distance from the darkest to the brightest possible
    /// value.
    pub fn global(range: f64) -> Self {
        let side = PICTURE as usize;
        let (weights, window) = (&MsSsim::GLOBAL_WEIGHTS, MsSsim::GLOBAL_WINDOW);
        Self::new(weights, window, range, side, side)
    }

    /// For reconstructions of patches of a picture with sides of `picture` pixels, a multiple of 32.
    pub fn local(picture: usize, range: f64) -> Self {
        let (weights, window) = (&MsSsim::LOCAL_WEIGHTS, MsSsim::LOCAL_WINDOW);
        Self::new(weights, window, range, picture, PATCH as usize)
    }

    /// `picture` and `side` are the sides of the picture and of a reconstruction.
    fn new(weights: &[f64], window: Window, range: f64, picture: usize, side: usize) -> Self {
        Self {
            taps: window.taps().into_iter().map(|tap| tap as f32).collect(),
            range: range as f32,
            picture,
            side,
            channels: std::array::from_fn(|_| Channel {
                scales: (0..weights.len())
                    .map(|scale| Plane::new(picture >> scale))
                    .collect(),
                blur: Blur::new(picture),
            }),
            weights: weights.iter().map(|&weight| weight as f32).collect(),
        }
    }

    /// Takes the next picture: planar (3, side, side), normalised.
    pub fn set(&mut self, picture: &[f32]) {
        let taps = &self.taps;
        self.channels
            .par_iter_mut()
            .zip(picture.par_chunks_exact(self.picture * self.picture))
            .for_each(|(channel, plane)| channel.set(plane, taps));
    }
}

impl Channel {
    fn set(&mut self, plane: &[f32], taps: &[f32]) {
        let mut finer: Option<&Plane> = None;
        for current in &mut self.scales {
            match finer {
                Some(finer) => pixels::halve(&finer.x, finer.side, &mut current.x),
                None => current.x.copy_from_slice(plane),
            }
            let Plane {
                side,
                x,
                mean,
                square,
            } = current;
            pixels::moments(&mut self.blur, x, *side, taps, mean, square);
            finer = Some(current);
        }
    }
}

impl Plane {
    fn new(side: usize) -> Self {
        let plane = || vec![0.0; side * side];
        Self {
            side,
            x: plane(),
            mean: plane(),
            square: plane(),
        }
    }

    /// From `corner` on.
    fn part(&self, corner: (usize, usize)) -> ChannelPart<'_> {
        let start = corner.1 * self.side + corner.0;
        ChannelPart {
            stride: self.side,
            x: &self.x[start..],
            mean: &self.mean[start..],
            square: &self.square[start..],
        }
    }
}

/// Compares reconstructions with a reference, one after the other; the memory for it is used again.
#[derive(Debug)]
pub struct Residuals {
    /// A channel of the reconstruction at the scale at hand, and at the next one.
    y: Vec<f32>,
    coarser: Vec<f32>,
    /// For each scale 1 - SSIM, its channels mixed to gray, row by row.
    gray: Vec<Vec<f32>>,
    /// For each scale where in it a row or column of the reconstruction has its nearest one.
    nearest: Vec<Vec<usize>>,
    /// A row of a scale at the reconstruction's width.
    enlarged: Vec<f32>,
    blur: Blur,
}

impl Residuals {
    /// For the reconstructions that the reference is for.
    pub fn new(reference: &Reference) -> Self {
        let side = reference.side;
        let outputs =
            (0..reference.weights.len()).map(|scale| (side >> scale) + 1 - reference.taps.len());
        let nearest = |outputs| (0..side).map(|place| place * outputs / side).collect();
        Self {
            y: vec![0.0; side * side],
            coarser: vec![0.0; side * side],
            gray: outputs
                .clone()
                .map(|outputs| vec![0.0; outputs * outputs])
                .collect(),
            nearest: outputs.map(nearest).collect(),
            enlarged: vec![0.0; side],
            blur: Blur::new(side),
        }
    }

    /// The reconstruction error of a reconstruction (planar, normalised) of the part of the picture that starts at
    /// `corner` (x, y). Its residual map, made gray, is added to `map`, which starts at the part's first pixel and has
    /// the picture's rows.
    ///
    /// Corners are multiples of 16 and keep the reconstruction within the picture.
    pub fn compare(
        &mut self,
        reference: &Reference,
        reconstruction: &[f32],
        corner: (usize, usize),
        map: &mut [f32],
    ) -> f32 {
        let &Reference {
            picture,
            side,
            range,
            ..
        } = reference;
        let constants = Constants::new(range);
        for gray in &mut self.gray {
            gray.fill(0.0);
        }
        let last = reference.weights.len() - 1;
        let (mut similarity, mut distance) = (0.0, 0.0);
        let planes = reconstruction.chunks_exact(side * side);
        for ((plane, channel), gray) in planes.zip(&reference.channels).zip(GRAY) {
            self.y.copy_from_slice(plane);
            let mut product = 1.0;
            for (index, (scale, residuals)) in channel.scales.iter().zip(&mut self.gray).enumerate()
            {
                let side = side >> index;
                let x = scale.part((corner.0 >> index, corner.1 >> index));
                if index == 0 {
                    let share = gray * (1.0 - STRUCTURE as f32) / range;
                    distance += pixels::add_distance(&x, plane, side, share, map, picture);
                } else {
                    pixels::halve(&self.y, 2 * side, &mut self.coarser);
                    std::mem::swap(&mut self.y, &mut self.coarser);
                }
                let y = &self.y[..side * side];
                let taps = &reference.taps;
                let means = pixels::compare(
                    &mut self.blur,
                    &x,
                    y,
                    side,
                    taps,
                    constants,
                    gray,
                    residuals,
                );
                // Luminance counts at the coarsest scale alone.
                let mean = if index == last {
                    means.ssim
                } else {
                    means.contrast
                };
                product *= mean.max(SMALLEST as f32).powf(reference.weights[index]);
            }
            similarity += product / CHANNELS as f32;
        }
        let scales = self.gray.iter().zip(&self.nearest).zip(&reference.weights);
        for ((gray, nearest), weight) in scales {
            let share = STRUCTURE as f32 * weight;
            pixels::add_enlarged(gray, nearest, share, map, picture, &mut self.enlarged);
        }
        let l1 = distance / (CHANNELS * side * side) as f32;
        STRUCTURE as f32 * (1.0 - similarity) + (1.0 - STRUCTURE as f32) * l1 / range
    }
}
