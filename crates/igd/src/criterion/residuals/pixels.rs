//! The loops over pixels, compiled once for each kind of vector unit.

use multiversion::multiversion;

/// Values that are summed side by side, so that the compiler can use vector instructions.
const LANES: usize = 16;

/// What keeps SSIM's quotients from 0 / 0.
#[derive(Clone, Copy)]
pub struct Constants {
    luminance: f32,
    contrast: f32,
}

impl Constants {
    pub fn new(range: f32) -> Self {
        Self {
            luminance: (0.01 * range).powi(2),
            contrast: (0.03 * range).powi(2),
        }
    }
}

/// A part of a picture's channel, row by row, `stride` values apart: its pixels and their blurred moments.
pub struct ChannelPart<'a> {
    pub stride: usize,
    pub x: &'a [f32],
    pub mean: &'a [f32],
    pub square: &'a [f32],
}

/// Means over the SSIM map.
#[derive(Clone, Copy, Debug, Default)]
pub struct Means {
    pub ssim: f32,
    pub contrast: f32,
}

/// Memory for moments on their way through the two directions of a blur.
#[derive(Debug)]
pub struct Blur {
    /// Blurred along the rows: of y, y y and x y.
    across: [Vec<f32>; 3],
    /// A row of products, or of moments blurred in both directions.
    row: [Vec<f32>; 3],
    /// A row of the SSIM map and its contrast.
    ssim: Vec<f32>,
    contrast: Vec<f32>,
}

impl Blur {
    /// For pictures of up to `side` x `side`.
    pub fn new(side: usize) -> Self {
        let row = || vec![0.0; side];
        Self {
            across: std::array::from_fn(|_| vec![0.0; side * side]),
            row: std::array::from_fn(|_| row()),
            ssim: row(),
            contrast: row(),
        }
    }
}

/// The blurred first and second moments of `x` (side x side), both with rows of `side` values.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn moments(
    blur: &mut Blur,
    x: &[f32],
    side: usize,
    taps: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
) {
    let outputs = side + 1 - taps.len();
    let Blur { across, row, .. } = blur;
    for (y, x) in x.chunks_exact(side).enumerate() {
        multiply(x, x, &mut row[0][..side]);
        let place = y * side..y * side + outputs;
        blur_row(x, taps, &mut across[0][place.clone()]);
        blur_row(&row[0][..side], taps, &mut across[1][place]);
    }
    for y in 0..outputs {
        let place = y * side..y * side + outputs;
        blur_column(&across[0][y * side..], side, taps, &mut mean[place.clone()]);
        blur_column(&across[1][y * side..], side, taps, &mut square[place]);
    }
}

/// Compares the part's pixels with `y` (side x side), and adds `gray` (1 - SSIM) to `residuals`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
#[allow(clippy::too_many_arguments)]
pub fn compare(
    blur: &mut Blur,
    x: &ChannelPart,
    y: &[f32],
    side: usize,
    taps: &[f32],
    constants: Constants,
    gray: f32,
    residuals: &mut [f32],
) -> Means {
    let outputs = side + 1 - taps.len();
    let Blur {
        across,
        row,
        ssim,
        contrast,
    } = blur;
    let [_, square_row, product_row] = row;
    for (index, y) in y.chunks_exact(side).enumerate() {
        let x = &x.x[index * x.stride..][..side];
        multiply(y, y, &mut square_row[..side]);
        multiply(x, y, &mut product_row[..side]);
        let place = index * side..index * side + outputs;
        blur_row(y, taps, &mut across[0][place.clone()]);
        blur_row(&square_row[..side], taps, &mut across[1][place.clone()]);
        blur_row(&product_row[..side], taps, &mut across[2][place]);
    }
    let mut means = Means::default();
    let [mean_y, yy, xy] = row;
    let (mean_y, yy, xy) = (
        &mut mean_y[..outputs],
        &mut yy[..outputs],
        &mut xy[..outputs],
    );
    let (ssim, contrast) = (&mut ssim[..outputs], &mut contrast[..outputs]);
    for index in 0..outputs {
        let start = index * side;
        blur_column(&across[0][start..], side, taps, mean_y);
        blur_column(&across[1][start..], side, taps, yy);
        blur_column(&across[2][start..], side, taps, xy);
        let mean_x = &x.mean[index * x.stride..][..outputs];
        let xx = &x.square[index * x.stride..][..outputs];
        let residuals = &mut residuals[index * outputs..][..outputs];
        for i in 0..outputs {
            let (square_x, square_y) = (mean_x[i] * mean_x[i], mean_y[i] * mean_y[i]);
            let product = mean_x[i] * mean_y[i];
            contrast[i] = (2.0 * (xy[i] - product) + constants.contrast)
                / ((xx[i] - square_x) + (yy[i] - square_y) + constants.contrast);
            let luminance =
                (2.0 * product + constants.luminance) / (square_x + square_y + constants.luminance);
            ssim[i] = luminance * contrast[i];
            residuals[i] += gray * (1.0 - ssim[i].max(0.0));
        }
        means.ssim += sum(ssim);
        means.contrast += sum(contrast);
    }
    let count = (outputs * outputs) as f32;
    Means {
        ssim: means.ssim / count,
        contrast: means.contrast / count,
    }
}

/// Means of 2x2 pixels of a plane of `side` x `side`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn halve(plane: &[f32], side: usize, out: &mut [f32]) {
    let rows = plane[..side * side].chunks_exact(2 * side);
    for (rows, out) in rows.zip(out.chunks_exact_mut(side / 2)) {
        let (upper, lower) = rows.split_at(side);
        let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
        for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            *out = 0.25 * (upper[0] + upper[1] + lower[0] + lower[1]);
        }
    }
}

/// The sum of |x - y|, of which `share` is added to the map, whose rows are `stride` apart.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn add_distance(
    x: &ChannelPart,
    y: &[f32],
    side: usize,
    share: f32,
    map: &mut [f32],
    stride: usize,
) -> f32 {
    let mut total = 0.0;
    for (index, y) in y.chunks_exact(side).enumerate() {
        let x = &x.x[index * x.stride..][..side];
        let map = &mut map[index * stride..][..side];
        let mut sums = [0.0; LANES];
        let (x, y) = (x.as_chunks::<LANES>().0, y.as_chunks::<LANES>().0);
        for ((x, y), map) in x.iter().zip(y).zip(map.as_chunks_mut::<LANES>().0) {
            for lane in 0..LANES {
                let distance = (x[lane] - y[lane]).abs();
                sums[lane] += distance;
                map[lane] += share * distance;
            }
        }
        total += sums.iter().sum::<f32>();
    }
    total
}

/// Adds `share` times the small plane, enlarged by nearest neighbours, to the map, whose rows are `stride` apart.
/// `nearest` has the small plane's column for each of the map's, and its row for each of the map's rows.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn add_enlarged(
    plane: &[f32],
    nearest: &[usize],
    share: f32,
    map: &mut [f32],
    stride: usize,
    enlarged: &mut [f32],
) {
    let small = nearest.last().map_or(0, |last| last + 1);
    let mut shown = None;
    for (y, &from) in nearest.iter().enumerate() {
        if shown != Some(from) {
            shown = Some(from);
            let row = &plane[from * small..][..small];
            for (value, &column) in enlarged.iter_mut().zip(nearest) {
                *value = share * row[column];
            }
        }
        for (map, value) in map[y * stride..].iter_mut().zip(&*enlarged) {
            *map += value;
        }
    }
}

#[inline(always)]
fn multiply(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a * b;
    }
}

#[inline(always)]
fn blur_row(row: &[f32], taps: &[f32], out: &mut [f32]) {
    weighted_sum(taps, out, |tap, count| &row[tap..tap + count]);
}

#[inline(always)]
fn blur_column(rows: &[f32], stride: usize, taps: &[f32], out: &mut [f32]) {
    weighted_sum(taps, out, |tap, count| {
        &rows[tap * stride..tap * stride + count]
    });
}

/// Each tap times its samples, summed.
#[inline(always)]
fn weighted_sum<'a>(taps: &[f32], out: &mut [f32], samples: impl Fn(usize, usize) -> &'a [f32]) {
    out.fill(0.0);
    let count = out.len();
    for (tap, weight) in taps.iter().enumerate() {
        for (out, sample) in out.iter_mut().zip(samples(tap, count)) {
            *out += weight * sample;
        }
    }
}

#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
