//! The published criterion: one blur a moment and a scale, and the SSIM maps computed anew for the map.

use igd::nn::halve;
use tch::{Kind, Tensor};

/// MS-SSIM and what is made of it, for one scale's pictures.
#[derive(Clone, Copy)]
pub struct Criterion {
    window: i64,
    weights: &'static [f64],
}

const RANGE: f64 = 4.7579;
const STRUCTURE: f64 = 0.85;

impl Criterion {
    /// For whole pictures.
    pub const GLOBAL: Self = Self {
        window: 11,
        weights: &[0.0448, 0.2856, 0.3001, 0.2363, 0.1333],
    };
    /// For patches.
    pub const LOCAL: Self = Self {
        window: 3,
        weights: &[0.0516, 0.3295, 0.3463, 0.2726],
    };

    /// MS-SSIM of each pair: (N).
    pub fn ms_ssim(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let scales = self.scales(x, y);
        let last = scales.len() - 1;
        let factors = scales.iter().zip(self.weights).enumerate();
        let factors = factors.map(|(scale, ((ssim, contrast), &weight))| {
            let factor = if scale == last { ssim } else { contrast };
            factor
                .mean_dim([2, 3].as_slice(), false, Kind::Float)
                .clamp_min(1e-12)
                .pow_tensor_scalar(weight)
        });
        factors
            .reduce(|product, factor| product * factor)
            .unwrap()
            .mean_dim([1].as_slice(), false, Kind::Float)
    }

    /// 0.85 (1 - MS-SSIM) + 0.15 L1 / range of each pair: (N).
    pub fn reconstruction(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let l1 = (x - y)
            .abs()
            .mean_dim([1, 2, 3].as_slice(), false, Kind::Float);
        (1.0 - self.ms_ssim(x, y)) * STRUCTURE + l1 * ((1.0 - STRUCTURE) / RANGE)
    }

    /// Where the pairs differ: (N, 1, side, side).
    pub fn residual_map(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let side = x.size()[3];
        let mut residual = (x - y).abs() * ((1.0 - STRUCTURE) / RANGE);
        for ((ssim, _), weight) in self.scales(x, y).iter().zip(self.weights) {
            let map = ssim.relu().upsample_nearest2d([side, side], None, None);
            residual += (1.0 - map) * (STRUCTURE * weight);
        }
        let gray = Tensor::from_slice(&[0.2989f32, 0.5870, 0.1140]);
        let gray = gray.view([1, 3, 1, 1]).to_device(x.device());
        (residual.relu() * gray).sum_dim_intlist([1].as_slice(), true, Kind::Float)
    }

    /// SSIM map and contrast-structure map of each scale, the finest first.
    fn scales(&self, x: &Tensor, y: &Tensor) -> Vec<(Tensor, Tensor)> {
        let (mut x, mut y) = (x.shallow_clone(), y.shallow_clone());
        let mut scales = vec![self.ssim(&x, &y)];
        while scales.len() < self.weights.len() {
            (x, y) = (halve(&x), halve(&y));
            scales.push(self.ssim(&x, &y));
        }
        scales
    }

    fn ssim(&self, x: &Tensor, y: &Tensor) -> (Tensor, Tensor) {
        let (c1, c2) = ((0.01 * RANGE).powi(2), (0.03 * RANGE).powi(2));
        let taps = self.taps().to_device(x.device());
        let (mean_x, mean_y) = (blur(x, &taps), blur(y, &taps));
        let (square_x, square_y, product) = (&mean_x * &mean_x, &mean_y * &mean_y, mean_x * mean_y);
        let variance_x = blur(&(x * x), &taps) - &square_x;
        let variance_y = blur(&(y * y), &taps) - &square_y;
        let covariance = blur(&(x * y), &taps) - &product;
        let contrast = (covariance * 2.0 + c2) / (variance_x + variance_y + c2);
        let luminance = (product * 2.0 + c1) / (square_x + square_y + c1);
        (luminance * &contrast, contrast)
    }

    /// A row of the Gaussian window with deviation 1.5 for each channel: (3, 1, 1, window).
    fn taps(&self) -> Tensor {
        let distance =
            Tensor::arange(self.window, (Kind::Float, tch::Device::Cpu)) - self.window / 2;
        let taps = (-distance.square() / (2.0 * 1.5 * 1.5)).exp();
        (&taps / taps.sum(Kind::Float)).repeat([3, 1, 1, 1])
    }
}

/// Blurs rows, then columns, without padding.
fn blur(x: &Tensor, taps: &Tensor) -> Tensor {
    let convolve =
        |x: &Tensor, taps: &Tensor| x.conv2d(taps, None::<Tensor>, [1, 1], [0, 0], [1, 1], 3);
    convolve(&convolve(x, taps), &taps.transpose(2, 3))
}
