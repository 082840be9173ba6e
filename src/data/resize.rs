//! The one resampler of this program: training pictures and video frames pass through the same kernel, so that the same
//! picture gives the network the same numbers.
//!
//! A separable triangle filter whose support grows with the scale when shrinking (antialiased bilinear, what Pillow and
//! torchvision's `Resize` do) on half-pixel centres, in f32 from the first product to the last sum.

use std::ops::Range;

/// Samples that are summed side by side, so that the compiler can use vector instructions.
const LANES: usize = 4;

/// Why [`Resizer::run`] did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    #[error("the source plane needs {needed} bytes and has {found}")]
    Source { needed: usize, found: usize },
    #[error("the destination needs {needed} values and has {found}")]
    Destination { needed: usize, found: usize },
}

/// The samples of one component (0..=255) in memory, the first one at `data[0]`.
#[derive(Clone, Copy, Debug)]
pub struct PlaneView<'a> {
    pub data: &'a [u8],
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Bytes from a sample to the next of its row.
    pub pixel_stride: usize,
}

/// The rectangle of the source that becomes the whole destination, in source samples: sample `i` covers `i..i + 1`.
/// It may reach over the edge, where the nearest samples stand in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Resizes planes of one size to another.
#[derive(Clone, Debug)]
pub struct Resizer {
    src: (usize, usize),
    dst: (usize, usize),
    columns: Kernel,
    rows: Kernel,
    /// The source row at hand, and zeros for the columns' padded weights to fall on.
    row: Vec<f32>,
    /// The same row at the destination's width.
    narrow: Vec<f32>,
}

impl Resizer {
    /// From `src` to `dst`, both (width, height) in samples. A size of 0 counts as 1.
    pub fn new(src: (usize, usize), dst: (usize, usize)) -> Self {
        let window = Window {
            x: 0.0,
            y: 0.0,
            width: src.0.max(1) as f64,
            height: src.1.max(1) as f64,
        };
        Self::with_window(src, window, dst)
    }

    /// As [`new`](Self::new), from a part of the source.
    pub fn with_window(src: (usize, usize), window: Window, dst: (usize, usize)) -> Self {
        let src = (src.0.max(1), src.1.max(1));
        let dst = (dst.0.max(1), dst.1.max(1));
        let columns = Kernel::new(src.0, window.x, window.width, dst.0, LANES);
        let rows = Kernel::new(src.1, window.y, window.height, dst.1, 1);
        let row = vec![0.0; src.0 + columns.taps];
        Self {
            src,
            dst,
            columns,
            rows,
            row,
            narrow: vec![0.0; dst.0],
        }
    }

    /// Fills `dst` (width * height values, row by row, 0..=255) from `src`, reading each source row once.
    pub fn run(&mut self, src: PlaneView<'_>, dst: &mut [f32]) -> Result<(), ResizeError> {
        let row_bytes = (self.src.0 - 1)
            .saturating_mul(src.pixel_stride)
            .saturating_add(1);
        let needed = (self.src.1 - 1)
            .saturating_mul(src.stride)
            .saturating_add(row_bytes);
        if src.data.len() < needed {
            return Err(ResizeError::Source {
                needed,
                found: src.data.len(),
            });
        }
        let needed = self.dst.0 * self.dst.1;
        if dst.len() != needed {
            return Err(ResizeError::Destination {
                needed,
                found: dst.len(),
            });
        }

        dst.fill(0.0);
        // Rows of the destination before `first` are complete.
        let mut first = 0;
        for y in self.rows.sources() {
            let start = y * src.stride;
            widen(
                &src.data[start..start + row_bytes],
                src.pixel_stride,
                &mut self.row[..self.src.0],
            );
            self.columns.apply(&self.row, &mut self.narrow);
            while first < self.dst.1 && self.rows.starts[first] + self.rows.taps <= y {
                first += 1;
            }
            let open = self.rows.starts[first..]
                .iter()
                .take_while(|&&start| start <= y)
                .count();
            for j in first..first + open {
                let weight = self.rows.weights(j)[y - self.rows.starts[j]];
                let out = &mut dst[j * self.dst.0..(j + 1) * self.dst.0];
                for (out, value) in out.iter_mut().zip(&self.narrow) {
                    *out += weight * value;
                }
            }
        }
        Ok(())
    }
}

/// One row of samples as floats. The usual strides are constants, for which the compiler knows better loops.
fn widen(samples: &[u8], pixel_stride: usize, row: &mut [f32]) {
    fn every<const STRIDE: usize>(samples: &[u8], row: &mut [f32]) {
        for (value, sample) in row.iter_mut().zip(samples.chunks(STRIDE)) {
            *value = f32::from(sample[0]);
        }
    }
    match pixel_stride {
        1 => every::<1>(samples, row),
        2 => every::<2>(samples, row),
        3 => every::<3>(samples, row),
        4 => every::<4>(samples, row),
        _ => {
            for (x, value) in row.iter_mut().enumerate() {
                *value = f32::from(samples[x * pixel_stride]);
            }
        }
    }
}

/// The weights along one axis.
#[derive(Clone, Debug)]
struct Kernel {
    /// The first source sample of each destination sample; never falling.
    starts: Vec<usize>,
    /// `taps` weights a destination sample, zeros at the end; they sum to 1.
    weights: Vec<f32>,
    taps: usize,
    /// Source samples along the axis.
    src: usize,
}

impl Kernel {
    /// `from..from + extent` of `src` samples to `dst` samples; the number of weights is a multiple of `lanes`.
    fn new(src: usize, from: f64, extent: f64, dst: usize, lanes: usize) -> Self {
        // Never negative, so that starts never fall.
        let scale = extent.max(0.0) / dst as f64;
        let support = scale.max(1.0);
        let mut starts = Vec::with_capacity(dst);
        let mut triangles = Vec::with_capacity(dst);
        for j in 0..dst {
            let center = (from + (j as f64 + 0.5) * scale).clamp(0.0, src as f64);
            // `as` saturates at 0.
            let start = ((center - support + 0.5) as usize).min(src - 1);
            let end = ((center + support + 0.5) as usize).clamp(start + 1, src);
            let triangle =
                (start..end).map(|i| (1.0 - ((i as f64 + 0.5 - center) / support).abs()).max(0.0));
            starts.push(start);
            triangles.push(triangle.collect::<Vec<_>>());
        }
        let taps = triangles
            .iter()
            .map(Vec::len)
            .max()
            .unwrap_or(1)
            .next_multiple_of(lanes);
        let mut weights = vec![0.0; dst * taps];
        for (weights, triangle) in weights.chunks_exact_mut(taps).zip(&triangles) {
            let sum: f64 = triangle.iter().sum();
            for (weight, value) in weights.iter_mut().zip(triangle) {
                *weight = (value / sum) as f32;
            }
        }
        Self {
            starts,
            weights,
            taps,
            src,
        }
    }

    fn weights(&self, j: usize) -> &[f32] {
        &self.weights[j * self.taps..(j + 1) * self.taps]
    }

    /// The source samples that any destination sample needs.
    fn sources(&self) -> Range<usize> {
        let first = self.starts.first().copied().unwrap_or(0);
        let last = self.starts.last().copied().unwrap_or(0);
        first..(last + self.taps).min(self.src)
    }

    /// Resamples one row, which has `taps` zeros after its samples.
    fn apply(&self, row: &[f32], out: &mut [f32]) {
        for ((out, &start), weights) in out
            .iter_mut()
            .zip(&self.starts)
            .zip(self.weights.chunks_exact(self.taps))
        {
            let samples = &row[start..start + self.taps];
            let mut sums = [0.0; LANES];
            for (samples, weights) in samples.chunks_exact(LANES).zip(weights.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    sums[lane] += samples[lane] * weights[lane];
                }
            }
            *out = sums.iter().sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture that Pillow's numbers below were made from.
    fn picture(width: usize, height: usize) -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).map(move |x| ((x * 37 + y * 91 + x * y * 5) % 256) as u8))
            .collect()
    }

    fn resize(resizer: &mut Resizer, data: &[u8], stride: usize, pixel_stride: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; resizer.dst.0 * resizer.dst.1];
        resizer
            .run(
                PlaneView {
                    data,
                    stride,
                    pixel_stride,
                },
                &mut out,
            )
            .unwrap();
        out
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 2e-4,
                "{found} instead of {expected}"
            );
        }
    }

    #[test]
    fn agrees_with_pillow() {
        // Image.fromarray(picture as f32, 'F').resize(dst, Image.BILINEAR)
        type Size = (usize, usize);
        let cases: [(Size, Size, &[f32]); 4] = [
            (
                (7, 5),
                (3, 2),
                &[102.8961, 119.1176, 123.3117, 118.9221, 120.9786, 120.6883],
            ),
            (
                (3, 2),
                (5, 4),
                &[
                    0.0, 14.8, 37.0, 59.2, 74.0, 22.75, 38.05, 61.0, 83.95, 99.25, 68.25, 84.55,
                    109.0, 133.45, 149.75, 91.0, 107.8, 133.0, 158.2, 175.0,
                ],
            ),
            (
                (13, 9),
                (4, 9),
                &[
                    53.28, 147.2976, 80.3214, 134.72, 141.24, 86.5476, 154.5, 135.16, 137.04,
                    132.4643, 146.3929, 166.32, 91.88, 126.5714, 135.2381, 101.9067, 142.2933,
                    123.7262, 148.4643, 139.8933, 90.3067, 160.5, 152.5476, 133.5067, 120.24,
                    139.369, 150.5357, 86.16, 116.04, 130.4286, 108.9048, 127.56, 118.6667,
                    109.2976, 152.6071, 117.76,
                ],
            ),
            (
                (640, 359),
                (3, 2),
                &[127.6428, 127.6642, 127.7341, 127.5205, 127.4869, 127.5494],
            ),
        ];
        for (src, dst, expected) in cases {
            assert_close(
                &resize(
                    &mut Resizer::new(src, dst),
                    &picture(src.0, src.1),
                    src.0,
                    1,
                ),
                expected,
            );
        }
    }

    #[test]
    fn window_agrees_with_pillow() {
        // ... .resize((4, 3), Image.BILINEAR, box=(0.25, 0, 8.5, 9.5))
        let window = Window {
            x: 0.25,
            y: 0.0,
            width: 8.25,
            height: 9.5,
        };
        let expected = [
            108.145, 121.9021, 115.3672, 130.928, 112.3476, 122.9936, 138.5186, 155.2044, 114.4901,
            118.4086, 131.1156, 145.5216,
        ];
        assert_close(
            &resize(
                &mut Resizer::with_window((9, 10), window, (4, 3)),
                &picture(9, 10),
                9,
                1,
            ),
            &expected,
        );
    }

    #[test]
    fn window_over_the_edge_repeats_it() {
        let window = Window {
            x: -40.0,
            y: 30.0,
            width: 3.0,
            height: 3.0,
        };
        assert_close(
            &resize(
                &mut Resizer::with_window((2, 2), window, (3, 3)),
                &[1, 2, 7, 3],
                2,
                1,
            ),
            &[7.0; 9],
        );
    }

    #[test]
    fn constant_stays_constant() {
        for src in [
            (1, 1),
            (1, 300),
            (17, 19),
            (256, 256),
            (1280, 720),
            (4001, 33),
        ] {
            for value in [1, 128, 255] {
                let data = vec![value; src.0 * src.1];
                for out in resize(&mut Resizer::new(src, (256, 256)), &data, src.0, 1) {
                    assert!(
                        (out - f32::from(value)).abs() < 1e-4,
                        "{out} instead of {value} from {src:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn same_size_is_exact() {
        let data = picture(31, 8);
        let expected: Vec<f32> = data.iter().copied().map(f32::from).collect();
        assert_eq!(
            resize(&mut Resizer::new((31, 8), (31, 8)), &data, 31, 1),
            expected
        );
    }

    #[test]
    fn strides_make_no_difference() {
        let (width, height) = (19, 11);
        let tight = picture(width, height);
        let mut resizer = Resizer::new((width, height), (8, 16));
        let expected = resize(&mut resizer, &tight, width, 1);
        for pixel_stride in 1..=5 {
            // The last row ends with its last sample: no padding may be asked for.
            let stride = width * pixel_stride + 7;
            let mut data = vec![99; (height - 1) * stride + (width - 1) * pixel_stride + 1];
            for (i, &sample) in tight.iter().enumerate() {
                data[i / width * stride + i % width * pixel_stride] = sample;
            }
            assert_eq!(resize(&mut resizer, &data, stride, pixel_stride), expected);
        }
    }

    #[test]
    fn short_memory_is_an_error() {
        let mut resizer = Resizer::new((4, 3), (2, 2));
        let mut out = [0.0; 4];
        let mut run = |data: &[u8], stride, out: &mut [f32]| {
            resizer.run(
                PlaneView {
                    data,
                    stride,
                    pixel_stride: 1,
                },
                out,
            )
        };
        assert_eq!(
            run(&[0; 11], 4, &mut out),
            Err(ResizeError::Source {
                needed: 12,
                found: 11
            })
        );
        assert_eq!(
            run(&[], 0, &mut out),
            Err(ResizeError::Source {
                needed: 4,
                found: 0
            })
        );
        assert!(run(&[0; 12], usize::MAX, &mut out).is_err());
        assert_eq!(
            run(&[0; 12], 4, &mut out[..3]),
            Err(ResizeError::Destination {
                needed: 4,
                found: 3
            })
        );
        assert_eq!(run(&[0; 12], 4, &mut out), Ok(()));
    }
}
