//! From the distances of the tiles' places to score and map.

use std::ops::Range;

use multiversion::multiversion;

use crate::model::config::Tiling;
use crate::nn::dense::CELL;
use crate::warp::Transform;

const SIDE: usize = CELL as usize;
/// How much more a place counts for the departure that is farther from normal: e^4 times for a distance of one more.
const SHARPNESS: f32 = 4.0;

/// All tiles' places at their place in the picture.
#[derive(Debug)]
pub struct PlaceGrid {
    tiling: Tiling,
    columns: usize,
    rows: usize,
    /// Rows of distances; where tiles overlap, the larger.
    distances: Vec<f32>,
    smooth: Vec<f32>,
    /// A row of `smooth`, and at the width of the map.
    row: Vec<f32>,
    wide: [Vec<f32>; 2],
}

impl PlaceGrid {
    /// For tiles that are cut so.
    pub fn new(tiling: Tiling) -> Self {
        let [width, height] = tiling.picture();
        let (columns, rows) = (width / SIDE, height / SIDE);
        Self {
            tiling,
            columns,
            rows,
            distances: vec![0.0; columns * rows],
            smooth: vec![0.0; columns * rows],
            row: vec![0.0; columns],
            wide: [vec![0.0; width], vec![0.0; width]],
        }
    }

    /// Lays the tiles' distances out, smooths them with [1 2 1] in both directions, and returns the largest.
    pub fn lay<'a>(&mut self, tiles: impl Iterator<Item = &'a [f32]>) -> f32 {
        self.distances.fill(0.0);
        let [across, _] = self.tiling.grid();
        for (index, tile) in tiles.enumerate() {
            let [x, y] = self.tiling.corner(index).map(|pixel| pixel / SIDE);
            for (row, values) in tile.chunks_exact(across).enumerate() {
                let places = &mut self.distances[(y + row) * self.columns + x..][..across];
                for (place, value) in places.iter_mut().zip(values) {
                    *place = larger(*place, *value);
                }
            }
        }
        self.smooth();
        self.smooth.iter().copied().fold(0.0, larger)
    }

    /// The direction in which the picture departs from normal, as a head takes it: of what was laid last, with the
    /// tiles' residuals, d numbers a place. A length of 0 means that it does not depart.
    pub fn pool<'a>(&self, tiles: impl Iterator<Item = &'a [f32]>, departure: &mut Vec<f32>) {
        let [across, _] = self.tiling.grid();
        let largest = self.smooth.iter().copied().fold(0.0, larger);
        departure.clear();
        for (index, tile) in tiles.enumerate() {
            let [x, y] = self.tiling.corner(index).map(|pixel| pixel / SIDE);
            let dimensions = tile.len() / self.tiling.cells();
            departure.resize(dimensions, 0.0);
            for (place, residual) in tile.chunks_exact(dimensions).enumerate() {
                let (row, column) = (place / across, place % across);
                let distance = self.smooth[(y + row) * self.columns + x + column];
                let weight = (SHARPNESS * (distance - largest)).exp();
                for (sum, value) in departure.iter_mut().zip(residual) {
                    *sum += weight * value;
                }
            }
        }
        let square: f32 = departure.iter().map(|value| value * value).sum();
        if square > 0.0 {
            let scale = (departure.len() as f32 / square).sqrt();
            departure.iter_mut().for_each(|value| *value *= scale);
        }
    }

    fn smooth(&mut self) {
        let columns = self.columns;
        for y in 0..self.rows {
            let row = |y: usize| &self.distances[y * columns..][..columns];
            let (above, here, below) = (
                row(y.saturating_sub(1)),
                row(y),
                row((y + 1).min(self.rows - 1)),
            );
            for (x, sum) in self.row.iter_mut().enumerate() {
                *sum = above[x] + 2.0 * here[x] + below[x];
            }
            for x in 0..columns {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
                let sum = self.row[left] + 2.0 * self.row[x] + self.row[right];
                self.smooth[y * columns + x] = sum / 16.0;
            }
        }
    }

    /// The smoothed distances at the size of the picture: each is that of the centre of its place, and between centres
    /// they change evenly.
    ///
    /// A [`Resizer`](crate::resize::Resizer) comes to the same numbers. These loops, for this one factor, take 5 µs a
    /// picture of 256x256 where it takes 128.
    pub fn enlarge(&mut self, map: &mut [f32]) {
        let [width, _] = self.tiling.picture();
        let row = |y: usize| &self.smooth[y * self.columns..][..self.columns];
        let [above, below] = &mut self.wide;
        widen(row(0), below);
        for (band, rows) in map.chunks_mut(width * SIDE).enumerate() {
            // Between the centres of the row before and this one, then of this one and the next.
            std::mem::swap(above, below);
            let (first, second) = rows.split_at_mut(width * SIDE / 2);
            if band == 0 {
                for out in first.chunks_exact_mut(width) {
                    out.copy_from_slice(above);
                }
                widen(row(1.min(self.rows - 1)), below);
            } else {
                // `above` is this row now, `below` the one before.
                mix(below, above, first, 0.5);
                widen(row((band + 1).min(self.rows - 1)), below);
            }
            mix(above, below, second, 0.0);
        }
    }

    /// The same for a picture of `size` (width, height), of which the places show what the transform says: from pixels
    /// of their own picture to those of the other, each from the middle. 0 where they do not reach.
    pub fn lay_on(&self, transform: &Transform, size: (usize, usize), map: &mut [f32]) {
        let back = transform.inverse();
        let [width, height] = self.tiling.picture().map(|side| side as f32);
        let (columns, rows) = (self.columns as f32, self.rows as f32);
        let cell = SIDE as f32;
        let step = [back.matrix[0][0] / cell, back.matrix[1][0] / cell];
        let middle = |side: usize| (side as f32 - 1.0) / 2.0;
        for (y, out) in map.chunks_exact_mut(size.0).enumerate() {
            let [left, top] = back.apply([-middle(size.0), y as f32 - middle(size.1)]);
            // In places, from the corner of the first.
            let start = [(left + width / 2.0) / cell, (top + height / 2.0) / cell];
            let across = inside(start[0], step[0], columns, size.0);
            let down = inside(start[1], step[1], rows, size.0);
            let seen = across.start.max(down.start)..across.end.min(down.end);
            out.fill(0.0);
            for x in seen {
                let place = [0, 1].map(|axis| start[axis] + step[axis] * x as f32 - 0.5);
                let column = place[0].clamp(0.0, columns - 1.0);
                let row = place[1].clamp(0.0, rows - 1.0);
                let here = row as usize * self.columns + column as usize;
                let right = usize::from(column as usize + 1 < self.columns);
                let below = if row as usize + 1 < self.rows {
                    self.columns
                } else {
                    0
                };
                let [share, fall] = [column.fract(), row.fract()];
                let between = |at: usize| {
                    let (first, second) = (self.smooth[at], self.smooth[at + right]);
                    first + (second - first) * share
                };
                let (above, under) = (between(here), between(here + below));
                out[x] = above + (under - above) * fall;
            }
        }
    }
}

/// Of `count` pixels in steps of `step` from `start` on, those that lie in 0..`end`.
fn inside(start: f32, step: f32, end: f32, count: usize) -> Range<usize> {
    if step.abs() < 1e-6 {
        let all = if (0.0..end).contains(&start) {
            count
        } else {
            0
        };
        return 0..all;
    }
    let (one, other) = (-start / step, (end - start) / step);
    let first = one.min(other).max(0.0).ceil() as usize;
    let last = one.max(other).max(0.0).ceil() as usize;
    first.min(count)..last.min(count)
}

/// The larger of two distances; what is not a number must not get lost.
fn larger(one: f32, other: f32) -> f32 {
    if one >= other || one.is_nan() {
        one
    } else {
        other
    }
}

/// A row of places at the width of the map.
fn widen(row: &[f32], out: &mut [f32]) {
    for (x, (place, out)) in row.iter().zip(out.chunks_exact_mut(SIDE)).enumerate() {
        let left = row[x.saturating_sub(1)];
        let right = row[(x + 1).min(row.len() - 1)];
        let (first, second) = out.split_at_mut(SIDE / 2);
        between(left, *place, 0.5, first);
        between(*place, right, 0.0, second);
    }
}

/// Samples from `from` to `to`, whose centres are [`SIDE`] apart, after a share `start` of the way.
fn between(from: f32, to: f32, start: f32, out: &mut [f32]) {
    for (step, out) in out.iter_mut().enumerate() {
        let share = start + (step as f32 + 0.5) / SIDE as f32;
        *out = from + (to - from) * share;
    }
}

/// The same for rows.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn mix(from: &[f32], to: &[f32], out: &mut [f32], start: f32) {
    for (step, out) in out.chunks_exact_mut(from.len()).enumerate() {
        let share = start + (step as f32 + 0.5) / SIDE as f32;
        for ((out, from), to) in out.iter_mut().zip(from).zip(to) {
            *out = from + (to - from) * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;
    use crate::resize::{PlaneView, Resizer};

    #[test]
    fn agrees_with_tensors_and_with_the_resizer() {
        let tiling = Tiling::whole([128, 64]);
        let mut grid = PlaceGrid::new(tiling);
        tch::manual_seed(5);
        let distances = Tensor::rand([1, 1, 4, 8], (Kind::Float, tch::Device::Cpu));
        let values: Vec<f32> = Vec::try_from(distances.flatten(0, -1)).unwrap();
        let kernel = Tensor::from_slice(&[1.0f32, 2.0, 1.0]);
        let kernel = kernel.outer(&kernel).view([1, 1, 3, 3]) / 16.0;
        let smooth = distances.replication_pad2d([1, 1, 1, 1]).conv2d(
            &kernel,
            None::<&Tensor>,
            [1, 1],
            [0, 0],
            [1, 1],
            1,
        );
        let expected = smooth.upsample_bilinear2d([64, 128], false, None, None);
        let largest = grid.lay([&values[..]].into_iter());
        assert!((f64::from(largest) - smooth.max().double_value(&[])).abs() < 1e-6);
        let mut map = vec![f32::NAN; 64 * 128];
        grid.enlarge(&mut map);
        let error = (Tensor::from_slice(&map) - expected.flatten(0, -1)).abs();
        assert!(error.max().double_value(&[]) < 1e-6);

        let mut resized = vec![f32::NAN; 64 * 128];
        let places = PlaneView {
            data: &grid.smooth[..],
            stride: 8,
            pixel_stride: 1,
        };
        let mut resizer = Resizer::new((8, 4), (128, 64));
        resizer.run(places, &[0], &mut resized).unwrap();
        for (found, expected) in map.iter().zip(&resized) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{found} instead of {expected}"
            );
        }
    }

    #[test]
    fn maps_are_laid_back_on_the_picture() {
        let tiling = Tiling::whole([128, 64]);
        let mut grid = PlaceGrid::new(tiling);
        let distances: Vec<f32> = (0..32).map(|place| 1.0 + (place * 7 % 11) as f32).collect();
        grid.lay([&distances[..]].into_iter());
        let mut map = vec![f32::NAN; 64 * 128];
        grid.enlarge(&mut map);
        let size = (150, 90);
        let mut laid = vec![f32::NAN; 150 * 90];
        for [right, down] in [[0, 0], [5, -9]] {
            let transform = Transform {
                shift: [right as f32, down as f32],
                ..Transform::IDENTITY
            };
            grid.lay_on(&transform, size, &mut laid);
            for (index, value) in laid.iter().enumerate() {
                let x = (index % 150) as i32 - 11 - right;
                let y = (index / 150) as i32 - 13 - down;
                let is_seen = (0..128).contains(&x) && (0..64).contains(&y);
                let expected = if is_seen {
                    map[(y * 128 + x) as usize]
                } else {
                    0.0
                };
                assert!(
                    (value - expected).abs() < 1e-4,
                    "{value} instead of {expected}"
                );
            }
        }
        // Turned by a quarter: what was at the right is below.
        let quarter = Transform::new(90.0, 1.0, [0.0; 2], 1.0);
        let mut laid = vec![f32::NAN; 130 * 130];
        grid.lay_on(&quarter, (130, 130), &mut laid);
        assert!((laid[120 * 130 + 65 + 20] - map[(32 - 21) * 128 + 119]).abs() < 0.1);
        assert_eq!(laid[120 * 130 + 120], 0.0);
    }

    #[test]
    fn departures_are_those_of_the_formula() {
        let tiling = Tiling::new([64, 64], [2, 1]);
        let mut grid = PlaceGrid::new(tiling);
        tch::manual_seed(6);
        let options = (Kind::Float, tch::Device::Cpu);
        let tiles = [0, 1].map(|_| {
            let distances: Vec<f32> = Vec::try_from(Tensor::rand([16], options) * 3.0).unwrap();
            let residuals: Vec<f32> = Vec::try_from(Tensor::randn([16 * 5], options)).unwrap();
            (distances, residuals)
        });
        grid.lay(tiles.iter().map(|(distances, _)| &distances[..]));
        let mut departure = Vec::new();
        grid.pool(
            tiles.iter().map(|(_, residuals)| &residuals[..]),
            &mut departure,
        );

        let smooth = Tensor::from_slice(&grid.smooth).view([4, 7]);
        let weights = [0, 3].map(|left| smooth.narrow(1, left, 4).flatten(0, -1));
        let weights = (Tensor::cat(&weights, 0) * 4.0).softmax(0, Kind::Float);
        let residuals = tiles.map(|(_, residuals)| Tensor::from_slice(&residuals).view([16, 5]));
        let mean = weights.unsqueeze(0).mm(&Tensor::cat(&residuals, 0)).get(0);
        let expected = &mean * (5.0_f64.sqrt() / mean.norm().double_value(&[]));
        let apart = (Tensor::from_slice(&departure) - expected).abs().max();
        assert!(apart.double_value(&[]) < 1e-5);

        grid.pool([&[0.0; 80][..]; 2].into_iter(), &mut departure);
        assert_eq!(departure, [0.0; 5]);
    }

    #[test]
    fn tiles_lie_at_their_places_and_the_larger_counts() {
        let tiling = Tiling::new([64, 64], [2, 1]);
        assert_eq!(tiling.picture(), [112, 64]);
        let mut grid = PlaceGrid::new(tiling);
        let mut left = [1.0; 16];
        let mut right = [1.0; 16];
        // The last column of the left one is the first of the right one.
        left[3] = 5.0;
        right[0] = 3.0;
        grid.lay([&left[..], &right[..]].into_iter());
        assert_eq!(grid.distances[3], 5.0);
        assert_eq!(grid.distances[2], 1.0);
        right[0] = f32::NAN;
        assert!(grid.lay([&left[..], &right[..]].into_iter()).is_nan());
    }
}
