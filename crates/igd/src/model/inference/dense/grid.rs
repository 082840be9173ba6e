//! From the distances of the tiles' places to score and map.

use std::mem;
use std::ops::Range;

use multiversion::multiversion;

use crate::criterion::Head;
use crate::model::config::Tiling;
use crate::warp::Transform;

/// All tiles' places, or details, at their place in the picture.
#[derive(Debug)]
pub struct PlaceGrid {
    tiling: Tiling,
    /// Side of a place in pixels.
    side: usize,
    columns: usize,
    rows: usize,
    /// Rows of distances; where tiles overlap, the larger.
    distances: Vec<f32>,
    /// Memory to smooth them in.
    smooth: Vec<f32>,
    /// A row of them, and at the width of the map.
    row: Vec<f32>,
    wide: [Vec<f32>; 2],
}

impl PlaceGrid {
    /// For tiles that are cut so, with places of so many pixels' side.
    pub fn new(tiling: Tiling, side: i64) -> Self {
        let side = side as usize;
        let [width, height] = tiling.picture();
        let (columns, rows) = (width / side, height / side);
        Self {
            tiling,
            side,
            columns,
            rows,
            distances: vec![0.0; columns * rows],
            smooth: vec![0.0; columns * rows],
            row: vec![0.0; columns],
            wide: [vec![0.0; width], vec![0.0; width]],
        }
    }

    /// Lays the tiles' distances out.
    pub fn lay<'a>(&mut self, tiles: impl Iterator<Item = &'a [f32]>) {
        self.distances.fill(0.0);
        let across = self.tiling.tile[0] / self.side;
        for (index, tile) in tiles.enumerate() {
            let [x, y] = self.corner(index);
            for (row, values) in tile.chunks_exact(across).enumerate() {
                let places = &mut self.distances[(y + row) * self.columns + x..][..across];
                for (place, value) in places.iter_mut().zip(values) {
                    *place = larger(*place, *value);
                }
            }
        }
    }

    /// The direction in which the picture departs from normal, as a head takes it: of what was laid last, with the
    /// tiles' residuals, d numbers a place. A length of 0 means that it does not depart.
    pub fn pool<'a>(&self, tiles: impl Iterator<Item = &'a [f32]>, departure: &mut Vec<f32>) {
        let across = self.tiling.tile[0] / self.side;
        let largest = self.largest();
        departure.clear();
        for (index, tile) in tiles.enumerate() {
            let [x, y] = self.corner(index);
            let dimensions = tile.len() / self.tiling.cells();
            departure.resize(dimensions, 0.0);
            for (place, residual) in tile.chunks_exact(dimensions).enumerate() {
                let (row, column) = (place / across, place % across);
                let distance = self.distances[(y + row) * self.columns + x + column];
                let weight = (Head::SHARPNESS * (distance - largest)).exp();
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

    /// Column and row of a tile's first place.
    fn corner(&self, tile: usize) -> [usize; 2] {
        self.tiling.corner(tile).map(|pixel| pixel / self.side)
    }

    /// Smooths the distances with [1 2 1] in both directions, and returns the largest.
    pub fn smooth(&mut self) -> f32 {
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
        mem::swap(&mut self.distances, &mut self.smooth);
        self.largest()
    }

    fn largest(&self) -> f32 {
        self.distances.iter().copied().fold(0.0, larger)
    }

    /// The distances at the size of the picture: each is that of the centre of its place, and between centres
    /// they change evenly.
    ///
    /// A [`Resizer`](crate::resize::Resizer) comes to the same numbers. These loops, for whole factors, take 5 µs a
    /// picture of 256x256 where it takes 128.
    pub fn enlarge(&mut self, map: &mut [f32]) {
        let [width, _] = self.tiling.picture();
        let side = self.side;
        let row = |y: usize| &self.distances[y * self.columns..][..self.columns];
        let [above, below] = &mut self.wide;
        widen(row(0), side, below);
        for (band, rows) in map.chunks_mut(width * side).enumerate() {
            // Between the centres of the row before and this one, then of this one and the next.
            mem::swap(above, below);
            let (first, second) = rows.split_at_mut(width * side / 2);
            if band == 0 {
                for out in first.chunks_exact_mut(width) {
                    out.copy_from_slice(above);
                }
                widen(row(1.min(self.rows - 1)), side, below);
            } else {
                // `above` is this row now, `below` the one before.
                mix(below, above, side, first, 0.5);
                widen(row((band + 1).min(self.rows - 1)), side, below);
            }
            mix(above, below, side, second, 0.0);
        }
    }
}

/// Lays a map of `seen` (width, height) on a picture of `size`, of which it shows what the transform says: from the
/// map's pixels to those of the picture, each from the middle. 0 where it does not reach.
pub fn lay_on(
    seen: &[f32],
    [width, height]: [usize; 2],
    transform: &Transform,
    size: (usize, usize),
    map: &mut [f32],
) {
    let back = transform.inverse();
    let step = [back.matrix[0][0], back.matrix[1][0]];
    let middle = |side: usize| (side as f32 - 1.0) / 2.0;
    let (right_end, lower_end) = (width as f32, height as f32);
    for (y, out) in map.chunks_exact_mut(size.0).enumerate() {
        let [left, top] = back.apply([-middle(size.0), y as f32 - middle(size.1)]);
        // From the corner of the first pixel.
        let start = [left + right_end / 2.0, top + lower_end / 2.0];
        let across = inside(start[0], step[0], right_end, size.0);
        let down = inside(start[1], step[1], lower_end, size.0);
        out.fill(0.0);
        let reached = across.start.max(down.start)..across.end.min(down.end);
        let first = reached.start;
        let reached = out.get_mut(reached).unwrap_or_default();
        for (x, value) in (first..).zip(reached) {
            let pixel = [0, 1].map(|axis| start[axis] + step[axis] * x as f32 - 0.5);
            let column = pixel[0].clamp(0.0, right_end - 1.0);
            let row = pixel[1].clamp(0.0, lower_end - 1.0);
            let here = row as usize * width + column as usize;
            let right = usize::from(column as usize + 1 < width);
            let below = if row as usize + 1 < height { width } else { 0 };
            let [share, fall] = [column.fract(), row.fract()];
            let between = |at: usize| seen[at] + (seen[at + right] - seen[at]) * share;
            let (above, under) = (between(here), between(here + below));
            *value = above + (under - above) * fall;
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

/// A row of places of so many pixels' side at the width of the map.
fn widen(row: &[f32], side: usize, out: &mut [f32]) {
    for (x, (place, out)) in row.iter().zip(out.chunks_exact_mut(side)).enumerate() {
        let left = row[x.saturating_sub(1)];
        let right = row[(x + 1).min(row.len() - 1)];
        let (first, second) = out.split_at_mut(side / 2);
        between(left, *place, side, 0.5, first);
        between(*place, right, side, 0.0, second);
    }
}

/// Samples from `from` to `to`, whose centres are `side` apart, after a share `start` of the way.
fn between(from: f32, to: f32, side: usize, start: f32, out: &mut [f32]) {
    for (step, out) in out.iter_mut().enumerate() {
        let share = start + (step as f32 + 0.5) / side as f32;
        *out = from + (to - from) * share;
    }
}

/// The same for rows.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn mix(from: &[f32], to: &[f32], side: usize, out: &mut [f32], start: f32) {
    for (step, out) in out.chunks_exact_mut(from.len()).enumerate() {
        let share = start + (step as f32 + 0.5) / side as f32;
        for ((out, from), to) in out.iter_mut().zip(from).zip(to) {
            *out = from + (to - from) * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;
    use crate::nn::dense::{CELL, DETAIL};
    use crate::resize::{PlaneView, Resizer};

    #[test]
    fn agrees_with_tensors_and_with_the_resizer() {
        tch::manual_seed(5);
        for side in [CELL, DETAIL] {
            let (rows, columns) = (64 / side, 128 / side);
            let mut grid = PlaceGrid::new(Tiling::whole([128, 64]), side);
            let options = (Kind::Float, tch::Device::Cpu);
            let distances = Tensor::rand([1, 1, rows, columns], options);
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
            grid.lay([&values[..]].into_iter());
            let largest = grid.smooth();
            assert!((f64::from(largest) - smooth.max().double_value(&[])).abs() < 1e-6);
            let mut map = vec![f32::NAN; 64 * 128];
            grid.enlarge(&mut map);
            let error = (Tensor::from_slice(&map) - expected.flatten(0, -1)).abs();
            assert!(error.max().double_value(&[]) < 1e-6);

            let mut resized = vec![f32::NAN; 64 * 128];
            let places = PlaneView {
                data: &grid.distances[..],
                stride: columns as usize,
                pixel_stride: 1,
            };
            let mut resizer = Resizer::new((columns as usize, rows as usize), (128, 64));
            resizer.run(places, &[0], &mut resized).unwrap();
            for (found, expected) in map.iter().zip(&resized) {
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{found} instead of {expected}"
                );
            }
        }
    }

    #[test]
    fn maps_are_laid_back_on_the_picture() {
        let mut grid = PlaceGrid::new(Tiling::whole([128, 64]), CELL);
        let distances: Vec<f32> = (0..32).map(|place| 1.0 + (place * 7 % 11) as f32).collect();
        grid.lay([&distances[..]].into_iter());
        grid.smooth();
        let mut map = vec![f32::NAN; 64 * 128];
        grid.enlarge(&mut map);
        let size = (150, 90);
        let mut laid = vec![f32::NAN; 150 * 90];
        for [right, down] in [[0, 0], [5, -9]] {
            let transform = Transform {
                shift: [right as f32, down as f32],
                ..Transform::IDENTITY
            };
            lay_on(&map, [128, 64], &transform, size, &mut laid);
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
        lay_on(&map, [128, 64], &quarter, (130, 130), &mut laid);
        assert!((laid[120 * 130 + 65 + 20] - map[(32 - 21) * 128 + 119]).abs() < 0.1);
        assert_eq!(laid[120 * 130 + 120], 0.0);
    }

    #[test]
    fn departures_are_those_of_the_formula() {
        let tiling = Tiling::new([64, 64], [2, 1]);
        let mut grid = PlaceGrid::new(tiling, CELL);
        tch::manual_seed(6);
        let options = (Kind::Float, tch::Device::Cpu);
        let tiles = [0, 1].map(|_| {
            let distances: Vec<f32> = Vec::try_from(Tensor::rand([16], options) * 3.0).unwrap();
            let residuals: Vec<f32> = Vec::try_from(Tensor::randn([16 * 5], options)).unwrap();
            (distances, residuals)
        });
        grid.lay(tiles.iter().map(|(distances, _)| &distances[..]));
        grid.smooth();
        let mut departure = Vec::new();
        grid.pool(
            tiles.iter().map(|(_, residuals)| &residuals[..]),
            &mut departure,
        );

        let smooth = Tensor::from_slice(&grid.distances).view([4, 7]);
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
        let mut grid = PlaceGrid::new(tiling, CELL);
        let mut left = [1.0; 16];
        let mut right = [1.0; 16];
        // The last column of the left one is the first of the right one.
        left[3] = 5.0;
        right[0] = 3.0;
        grid.lay([&left[..], &right[..]].into_iter());
        assert_eq!(grid.distances[3], 5.0);
        assert_eq!(grid.distances[2], 1.0);
        right[0] = f32::NAN;
        grid.lay([&left[..], &right[..]].into_iter());
        assert!(grid.smooth().is_nan());
    }
}
