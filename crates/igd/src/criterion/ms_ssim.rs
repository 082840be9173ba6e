//! Multi-scale structural similarity (Wang, Simoncelli & Bovik, 2003), with the paper's windows and weights.

use tch::{Device, Kind, Tensor};

use crate::nn::{PATCH, PICTURE, halve};

/// Deviation of the Gaussian window in pixels.
const WINDOW_SIGMA: f64 = 1.5;
/// A contrast or structure of zero counts as this, so that its power has a gradient.
pub(super) const SMALLEST: f64 = 1e-12;

/// MS-SSIM for pictures of one side length.
#[derive(Debug)]
pub struct MsSsim {
    weights: &'static [f64],
    range: f64,
    /// For each scale the matrix that blurs a row: (side, side - window + 1).
    blurs: Vec<Tensor>,
}

/// How alike two batches of pictures are.
#[derive(Debug)]
pub struct Similarity {
    /// MS-SSIM of each picture: (N), 1 for equal pictures.
    pub value: Tensor,
    /// SSIM map of each scale, the finest first: (N, C, side - window + 1, ...), negative values cut off.
    pub maps: Vec<Tensor>,
}

impl MsSsim {
    /// Weights of the five scales of the whole picture.
    pub(super) const GLOBAL_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
    /// Weights of the four scales of a patch.
    pub(super) const LOCAL_WEIGHTS: [f64; 4] = [0.0516, 0.3295, 0.3463, 0.2726];

    pub(super) const GLOBAL_WINDOW: Window = Window(11);
    pub(super) const LOCAL_WINDOW: Window = Window(3);

    /// For whole pictures: window 11, five scales. `range` is the distance from the darkest to the brightest possible
    /// value.
    pub fn global(range: f64, device: Device) -> Self {
        Self::new(
            &Self::GLOBAL_WEIGHTS,
            Self::GLOBAL_WINDOW,
            PICTURE,
            range,
            device,
        )
    }

    /// For patches: window 3, four scales. See [`MsSsim::global`].
    pub fn local(range: f64, device: Device) -> Self {
        Self::new(
            &Self::LOCAL_WEIGHTS,
            Self::LOCAL_WINDOW,
            PATCH,
            range,
            device,
        )
    }

    fn new(weights: &'static [f64], window: Window, side: i64, range: f64, device: Device) -> Self {
        let blurs = (0..weights.len())
            .map(|scale| window.blur_matrix(side >> scale).to_device(device))
            .collect();
        Self {
            weights,
            range,
            blurs,
        }
    }

    /// Weight of each scale, the finest first.
    pub fn weights(&self) -> &'static [f64] {
        self.weights
    }

    /// The distance from the darkest to the brightest possible value.
    pub fn range(&self) -> f64 {
        self.range
    }

    /// Compares the pictures of two batches (N, C, side, side), one by one.
    pub fn compare(&self, x: &Tensor, y: &Tensor) -> Similarity {
        let last = self.weights.len() - 1;
        let (mut x, mut y) = (x.shallow_clone(), y.shallow_clone());
        let mut value: Option<Tensor> = None;
        let mut maps = Vec::with_capacity(self.weights.len());
        for (scale, (&weight, blur)) in self.weights.iter().zip(&self.blurs).enumerate() {
            if scale > 0 {
                x = halve(&x);
                y = halve(&y);
            }
            let (ssim, contrast) = self.ssim(&x, &y, blur);
            // Luminance counts at the coarsest scale alone.
            let factor = if scale == last { &ssim } else { &contrast };
            let mean = factor.mean_dim([2, 3].as_slice(), false, Kind::Float);
            let factor = mean.clamp_min(SMALLEST).pow_tensor_scalar(weight);
            value = Some(match value {
                Some(value) => value * factor,
                None => factor,
            });
            maps.push(ssim.relu());
        }
        let value = value.expect("there is one scale at least");
        Similarity {
            value: value.mean_dim([1].as_slice(), false, Kind::Float),
            maps,
        }
    }

    /// The SSIM map and its contrast-structure factor.
    fn ssim(&self, x: &Tensor, y: &Tensor, blur: &Tensor) -> (Tensor, Tensor) {
        let c1 = (0.01 * self.range).powi(2);
        let c2 = (0.03 * self.range).powi(2);
        // All five moments in one blur.
        let moments = Tensor::stack(&[x, y, &(x * x), &(y * y), &(x * y)], 0);
        let moments = moments
            .matmul(blur)
            .transpose(-1, -2)
            .matmul(blur)
            .transpose(-1, -2)
            .unbind(0);
        let [mean_x, mean_y, xx, yy, xy] = moments.as_slice() else {
            unreachable!("five moments were stacked");
        };
        let (square_x, square_y, product) = (mean_x * mean_x, mean_y * mean_y, mean_x * mean_y);
        let contrast = ((xy - &product) * 2.0 + c2) / ((xx - &square_x) + (yy - &square_y) + c2);
        let luminance = (product * 2.0 + c1) / (square_x + square_y + c1);
        (luminance * &contrast, contrast)
    }
}

/// A Gaussian window of that many taps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(i64);

impl Window {
    /// The weights; they sum to 1.
    pub(super) fn taps(self) -> Vec<f64> {
        let taps = (0..self.0).map(|tap| {
            let distance = (tap - self.0 / 2) as f64;
            (-distance * distance / (2.0 * WINDOW_SIGMA * WINDOW_SIGMA)).exp()
        });
        let sum: f64 = taps.clone().sum();
        taps.map(|tap| tap / sum).collect()
    }

    /// The window as a banded matrix, so that a blur without padding is a matrix product: (side, side - window + 1).
    fn blur_matrix(self, side: i64) -> Tensor {
        let taps = self.taps();
        let outputs = side + 1 - self.0;
        let mut matrix = vec![0.0f32; (side * outputs) as usize];
        for output in 0..outputs {
            for (tap, &value) in taps.iter().enumerate() {
                matrix[(output as usize + tap) * outputs as usize + output as usize] = value as f32;
            }
        }
        Tensor::from_slice(&matrix).view([side, outputs])
    }
}
