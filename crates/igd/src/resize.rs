//! The resampler: training pictures and video frames pass through the same kernel, so that the same picture gives the
//! network the same numbers; and so do maps that are held against masks of another size.
//!
//! A separable triangle filter whose support grows with the scale when shrinking (antialiased bilinear, what Pillow and
//! torchvision's `Resize` do) on half-pixel centres, in f32 from the first product to the last sum. Down comes before
//! across: whole rows of samples are summed as they lie in memory, and only what is left of them is told apart.
//!
//! The loops are compiled for several instruction sets. They add in the same order on each and never fuse a product
//! with a sum, so that the numbers do not depend on the processor.

use multiversion::multiversion;

/// Samples that are summed side by side across, so that the compiler can use vector instructions.
const LANES: usize = 8;

/// Samples whose sums down stay in registers.
const BLOCK: usize = 64;

/// Why [`Resizer::run`] did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// The source is shorter than its size and strides say.
    #[error("the source plane needs {needed} samples and has {found}")]
    Source {
        /// Samples.
        needed: usize,
        /// Samples.
        found: usize,
    },
    /// The destination has not as many values as its size and the number of components say.
    #[error("the destination needs {needed} values and has {found}")]
    Destination {
        /// Values.
        needed: usize,
        /// Values.
        found: usize,
    },
}

/// What can be resized: bytes (0..=255) of pictures, and floats of maps, which must be finite.
pub trait Sample: Copy {
    /// Rows of samples, `stride` apart, with a weight each, summed to `sums`. Weights without a row are those of a
    /// padding.
    fn sum_rows(rows: &[Self], stride: usize, weights: &[f32], sums: &mut [f32]);
}

/// Samples in memory, the first one at `data[0]`.
#[derive(Clone, Copy, Debug)]
pub struct PlaneView<'a, S = u8> {
    /// From the first sample to the last one at least.
    pub data: &'a [S],
    /// Samples from a row to the next.
    pub stride: usize,
    /// Samples from one to the next one of its component.
    pub pixel_stride: usize,
}

/// The rectangle of the source that becomes the whole destination, in source samples: sample `i` covers `i..i + 1`.
/// It may reach over the edge, where the nearest samples stand in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// 0 or more.
    pub width: f64,
    /// 0 or more.
    pub height: f64,
}

/// Resizes planes of one size to another. Its buffers are used again at each run.
#[derive(Clone, Debug)]
pub struct Resizer {
    src: (usize, usize),
    dst: (usize, usize),
    columns: Kernel,
    rows: Kernel,
    /// Source rows summed to one of the destination, all components as they lie in memory.
    sums: Vec<f32>,
    /// One component of `sums`.
    row: Vec<f32>,
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
        Self {
            src,
            dst,
            columns: Kernel::new(src.0, window.x, window.width, dst.0, LANES),
            rows: Kernel::new(src.1, window.y, window.height, dst.1, 1),
            sums: Vec::new(),
            row: Vec::new(),
        }
    }

    /// Fills `dst` from `src` with one component after the other, each width * height values, row by row, in the range
    /// of the samples. The first sample of each component is at its one of `offsets`. Fails where either slice is of
    /// another length than the sizes say, and has done nothing then.
    pub fn run<S: Sample>(
        &mut self,
        src: PlaneView<'_, S>,
        offsets: &[usize],
        dst: &mut [f32],
    ) -> Result<(), ResizeError> {
        let row_length = (self.src.0 - 1)
            .saturating_mul(src.pixel_stride)
            .saturating_add(offsets.iter().copied().max().unwrap_or(0))
            .saturating_add(1);
        let needed = (self.src.1 - 1)
            .saturating_mul(src.stride)
            .saturating_add(row_length);
        if src.data.len() < needed {
            return Err(ResizeError::Source {
                needed,
                found: src.data.len(),
            });
        }
        let area = self.dst.0 * self.dst.1;
        if dst.len() != offsets.len() * area {
            return Err(ResizeError::Destination {
                needed: offsets.len() * area,
                found: dst.len(),
            });
        }

        // The columns' padded weights fall on what is behind the samples, and must find numbers there.
        self.sums.resize(row_length + self.columns.taps, 0.0);
        self.row.resize(self.src.0 + self.columns.taps, 0.0);
        for y in 0..self.dst.1 {
            let (start, weights) = self.rows.taps(y);
            let rows = &src.data[start * src.stride..];
            S::sum_rows(rows, src.stride, weights, &mut self.sums[..row_length]);
            for (&offset, dst) in offsets.iter().zip(dst.chunks_exact_mut(area)) {
                let row = if src.pixel_stride == 1 {
                    &self.sums[offset..]
                } else {
                    let samples = &mut self.row[..self.src.0];
                    pick(&self.sums[offset..], src.pixel_stride, samples);
                    &self.row
                };
                let out = &mut dst[y * self.dst.0..(y + 1) * self.dst.0];
                narrow(row, &self.columns, out);
            }
        }
        Ok(())
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
        }
    }

    /// The first source sample of destination sample `j`, and its weights; those of the padding come last.
    fn taps(&self, j: usize) -> (usize, &[f32]) {
        let weights = &self.weights[j * self.taps..(j + 1) * self.taps];
        (self.starts[j], weights)
    }
}

impl Sample for u8 {
    fn sum_rows(rows: &[Self], stride: usize, weights: &[f32], sums: &mut [f32]) {
        #[multiversion(targets("x86_64+avx512bw+avx512vl", "x86_64+avx2"))]
        fn sum(rows: &[u8], stride: usize, weights: &[f32], sums: &mut [f32]) {
            sum_rows(rows, stride, weights, sums);
        }
        sum(rows, stride, weights, sums);
    }
}

impl Sample for f32 {
    fn sum_rows(rows: &[Self], stride: usize, weights: &[f32], sums: &mut [f32]) {
        #[multiversion(targets("x86_64+avx512bw+avx512vl", "x86_64+avx2"))]
        fn sum(rows: &[f32], stride: usize, weights: &[f32], sums: &mut [f32]) {
            sum_rows(rows, stride, weights, sums);
        }
        sum(rows, stride, weights, sums);
    }
}

/// See [`Sample::sum_rows`].
#[inline(always)]
fn sum_rows<S: Copy + Into<f32>>(rows: &[S], stride: usize, weights: &[f32], sums: &mut [f32]) {
    let mut start = 0;
    let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
    for block in blocks {
        let mut sums = [0.0; BLOCK];
        for (y, &weight) in weights.iter().enumerate() {
            let samples = rows.get(start + y * stride..).and_then(<[S]>::first_chunk);
            let samples: &[S; BLOCK] = match samples {
                Some(samples) => samples,
                None => break,
            };
            for (sum, &sample) in sums.iter_mut().zip(samples) {
                let sample: f32 = sample.into();
                *sum += weight * sample;
            }
        }
        *block = sums;
        start += BLOCK;
    }
    rest.fill(0.0);
    for (y, &weight) in weights.iter().enumerate() {
        let samples = rows.get(start + y * stride..).unwrap_or_default();
        for (sum, &sample) in rest.iter_mut().zip(samples) {
            let sample: f32 = sample.into();
            *sum += weight * sample;
        }
    }
}

/// Every `stride`th value. The usual strides are constants, for which the compiler knows better loops.
#[multiversion(targets("x86_64+avx512bw+avx512vl", "x86_64+avx2"))]
fn pick(values: &[f32], stride: usize, out: &mut [f32]) {
    #[inline(always)]
    fn every<const STRIDE: usize>(values: &[f32], out: &mut [f32]) {
        let (pixels, rest) = values.as_chunks::<STRIDE>();
        for (out, pixel) in out.iter_mut().zip(pixels) {
            *out = pixel[0];
        }
        // The last pixel may end with its first value.
        if let (Some(out), Some(value)) = (out.get_mut(pixels.len()), rest.first()) {
            *out = *value;
        }
    }
    match stride {
        2 => every::<2>(values, out),
        3 => every::<3>(values, out),
        4 => every::<4>(values, out),
        _ => {
            for (out, value) in out.iter_mut().zip(values.iter().step_by(stride.max(1))) {
                *out = *value;
            }
        }
    }
}

/// Resamples one row, which has numbers behind its samples for the kernel's padding.
#[multiversion(targets("x86_64+avx2"))]
fn narrow(row: &[f32], columns: &Kernel, out: &mut [f32]) {
    let weights = columns.weights.chunks_exact(columns.taps);
    for ((out, &start), weights) in out.iter_mut().zip(&columns.starts).zip(weights) {
        let samples = &row[start..start + columns.taps];
        let mut sums = [0.0; LANES];
        let pairs = samples
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(weights.as_chunks::<LANES>().0);
        for (samples, weights) in pairs {
            for lane in 0..LANES {
                sums[lane] += samples[lane] * weights[lane];
            }
        }
        let [left, right] = halves::<4, 2>(halves::<LANES, 4>(sums));
        *out = left + right;
    }
}

/// The first half plus the second one.
#[inline(always)]
fn halves<const WHOLE: usize, const HALF: usize>(values: [f32; WHOLE]) -> [f32; HALF] {
    let mut sums = [0.0; HALF];
    for lane in 0..HALF {
        sums[lane] = values[lane] + values[HALF + lane];
    }
    sums
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

    fn resize<S: Sample>(
        resizer: &mut Resizer,
        data: &[S],
        stride: usize,
        pixel_stride: usize,
    ) -> Vec<f32> {
        let mut out = vec![f32::NAN; resizer.dst.0 * resizer.dst.1];
        resizer
            .run(
                PlaneView {
                    data,
                    stride,
                    pixel_stride,
                },
                &[0],
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
    fn floats_are_resized_as_bytes_are() {
        let bytes = picture(37, 23);
        let floats: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
        for dst in [(5, 4), (37, 23), (90, 111)] {
            let mut resizer = Resizer::new((37, 23), dst);
            let expected = resize(&mut resizer, &bytes, 37, 1);
            assert_eq!(resize(&mut resizer, &floats, 37, 1), expected);
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
                &[0],
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
