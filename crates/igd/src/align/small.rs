//! Pictures as they are held against each other: small, gray, and with the light taken out of them.

use crate::resize::{PlaneView, Resizer};

/// Side of a small picture, whatever the shape of the picture is.
pub const SIDE: usize = 64;
/// Its pixels.
pub const AREA: usize = SIDE * SIDE;

/// Brightness and contrast are those of so many pixels to each side.
const RADIUS: usize = 6;
/// Added to the local variance, of the variance of the whole picture: where there is nothing, noise must not look like
/// something.
const FLOOR: f32 = 0.1;
/// The same, in grey levels squared.
const NOISE: f32 = 1.0;

/// Makes small pictures of those of one size. Its memory is used again at each.
#[derive(Clone, Debug)]
pub struct Small {
    /// Of the pictures.
    width: usize,
    resizer: Resizer,
    gray: Vec<f32>,
    values: Vec<f32>,
    /// Means, and means of squares, of what is around each pixel.
    means: [Vec<f32>; 2],
    row: Vec<f32>,
}

impl Small {
    /// For pictures of `size` (width, height).
    pub fn new(size: (usize, usize)) -> Self {
        Self {
            width: size.0,
            resizer: Resizer::new(size, (SIDE, SIDE)),
            gray: vec![0.0; size.0 * size.1],
            values: vec![0.0; AREA],
            means: [vec![0.0; AREA], vec![0.0; AREA]],
            row: vec![0.0; AREA],
        }
    }

    /// The small picture of planar R, G, B values of 0..=255, row by row: each pixel less the mean of those around it,
    /// in units of their deviation.
    pub fn look(&mut self, rgb: &[f32]) -> &[f32] {
        let area = self.gray.len();
        let (red, rest) = rgb.split_at(area);
        let (green, blue) = rest.split_at(area);
        for (((gray, red), green), blue) in self.gray.iter_mut().zip(red).zip(green).zip(blue) {
            *gray = (red + green + blue) / 3.0;
        }
        let view = PlaneView {
            data: &self.gray[..],
            stride: self.width,
            pixel_stride: 1,
        };
        // The sizes are its own.
        let _ = self.resizer.run(view, &[0], &mut self.values);
        self.normalise();
        &self.values
    }

    fn normalise(&mut self) {
        let mean = self.values.iter().sum::<f32>() / AREA as f32;
        for (square, value) in self.means[1].iter_mut().zip(&mut self.values) {
            *value -= mean;
            *square = *value * *value;
        }
        let variance = self.means[1].iter().sum::<f32>() / AREA as f32;
        self.means[0].copy_from_slice(&self.values);
        for means in &mut self.means {
            blur(means, &mut self.row);
            blur(means, &mut self.row);
        }
        let floor = FLOOR * variance + NOISE;
        let [means, squares] = &self.means;
        for ((value, mean), square) in self.values.iter_mut().zip(means).zip(squares) {
            let deviation = ((square - mean * mean).max(0.0) + floor).sqrt();
            *value = (*value - mean) / deviation;
        }
    }
}

/// Means of [`RADIUS`] pixels to both sides along the rows, with rows and columns exchanged: twice is both ways.
fn blur(values: &mut [f32], out: &mut [f32]) {
    for (y, row) in values.chunks_exact(SIDE).enumerate() {
        let mut sum: f32 = row[..RADIUS].iter().sum();
        for x in 0..SIDE {
            if let Some(next) = row.get(x + RADIUS) {
                sum += next;
            }
            if x > RADIUS {
                sum -= row[x - RADIUS - 1];
            }
            let count = (x + RADIUS + 1).min(SIDE) - x.saturating_sub(RADIUS);
            out[x * SIDE + y] = sum / count as f32;
        }
    }
    values.copy_from_slice(out);
}

/// A small picture at half its size.
pub fn halved(small: &[f32]) -> impl Iterator<Item = f32> {
    small.chunks_exact(2 * SIDE).flat_map(|rows| {
        let (upper, lower) = rows.split_at(SIDE);
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        pairs.map(|(upper, lower)| (upper[0] + upper[1] + lower[0] + lower[1]) / 4.0)
    })
}
