//! One reference at one size, and how a picture is brought to lie on it.

use crate::warp::Transform;

/// Ways that a picture can move: right, down, turned, and larger.
const WAYS: usize = 4;
/// What a picture's samples are made up of: the reference, brightness, and how the reference changes in each way.
const COLUMNS: usize = 2 + WAYS;
/// Of a side, what is left out of the reference at each edge: what moves must still be in the picture.
const BORDER_SHARE: usize = 16;
/// Whole shifts are tried up to so many pixels in each direction.
const REACH: usize = 4;
/// A step that moves no corner by so many pixels is the last.
const STILL: f32 = 0.01;
/// Contrast, of the reference's, below which a picture is unlike it.
const LEAST_CONTRAST: f64 = 0.02;

/// Memory for a picture's samples.
#[derive(Clone, Debug, Default)]
pub struct Scratch(Vec<f32>);

/// A reference at one size.
#[derive(Clone, Debug)]
pub struct Template {
    side: usize,
    border: usize,
    stretch: f32,
    /// The middle of the reference, which stays in the picture with every whole shift, with a mean of 0.
    middle: Vec<f32>,
    /// Of the pixels that are compared: the reference with a mean of 0 and a length of 1, ones, and its changes.
    columns: [Vec<f32>; COLUMNS],
    /// Of their products with each other.
    inverse: [[f64; COLUMNS]; COLUMNS],
}

impl Template {
    /// `values` are those of a picture with that side, whose pixels are so much wider than high.
    pub fn new(values: &[f32], side: usize, stretch: f32) -> Self {
        let border = side / BORDER_SHARE;
        let middle = (REACH..side - REACH).flat_map(|y| &values[y * side..][REACH..side - REACH]);
        let mut middle: Vec<f32> = middle.copied().collect();
        center(&mut middle);
        let mut template = Self {
            side,
            border,
            stretch,
            columns: Default::default(),
            inverse: [[0.0; COLUMNS]; COLUMNS],
            middle,
        };
        let at = |x: usize, y: usize| values[y * side + x];
        let mut columns: [Vec<f32>; COLUMNS] = Default::default();
        for y in border..side - border {
            for x in border..side - border {
                columns[0].push(at(x, y));
                columns[1].push(1.0);
                let gradient = [
                    (at(x + 1, y) - at(x - 1, y)) / 2.0,
                    (at(x, y + 1) - at(x, y - 1)) / 2.0,
                ];
                let place = [x, y].map(|place| place as f32 - template.center());
                for (way, column) in template.moves(place).iter().zip(&mut columns[2..]) {
                    column.push(gradient[0] * way[0] + gradient[1] * way[1]);
                }
            }
        }
        center(&mut columns[0]);
        let length = dot(&columns[0], &columns[0]).sqrt().max(1e-6);
        for (_, column) in columns
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| *index != 1)
        {
            column.iter_mut().for_each(|value| *value /= length);
        }
        let mut products = [[0.0; COLUMNS]; COLUMNS];
        for (row, one) in products.iter_mut().zip(&columns) {
            for (product, other) in row.iter_mut().zip(&columns) {
                *product = f64::from(dot(one, other));
            }
        }
        template.columns = columns;
        template.inverse = inverse(products);
        template
    }

    fn center(&self) -> f32 {
        (self.side as f32 - 1.0) / 2.0
    }

    /// How a place moves in each of the ways, for a corner's movement of about a pixel.
    fn moves(&self, [x, y]: [f32; 2]) -> [[f32; 2]; WAYS] {
        let unit = 2.0 / self.side as f32;
        let turned = [-y / self.stretch * unit, x * self.stretch * unit];
        [[1.0, 0.0], [0.0, 1.0], turned, [x * unit, y * unit]]
    }

    /// The same for all places, so much of each.
    fn moved(&self, [right, down, turn, larger]: [f32; WAYS]) -> Transform {
        let unit = 2.0 / self.side as f32;
        let (turn, larger) = (turn * unit, larger * unit);
        Transform {
            matrix: [
                [1.0 + larger, -turn / self.stretch],
                [turn * self.stretch, 1.0 + larger],
            ],
            shift: [right, down],
        }
    }

    /// The whole shift of up to [`REACH`] pixels each way that makes the picture most like the reference.
    pub fn best_shift(&self, picture: &[f32]) -> Transform {
        let compared = self.side - 2 * REACH;
        let mut best = (f32::MIN, [0, 0]);
        for down in 0..=2 * REACH {
            for right in 0..=2 * REACH {
                let (mut product, mut sum, mut square) = (0.0, 0.0, 0.0);
                for (y, reference) in self.middle.chunks_exact(compared).enumerate() {
                    let seen = &picture[(down + y) * self.side + right..][..compared];
                    product += dot(reference, seen);
                    square += dot(seen, seen);
                    sum += total(seen);
                }
                let variance = square - sum * sum / self.middle.len() as f32;
                let likeness = product / variance.max(1e-6).sqrt();
                if likeness > best.0 {
                    best = (likeness, [right, down]);
                }
            }
        }
        Transform {
            shift: best.1.map(|place| place as f32 - REACH as f32),
            ..Transform::IDENTITY
        }
    }

    /// Goes on from a transform, step by step, to where the picture is most like the reference: where that is, and how
    /// much it is.
    pub fn follow(
        &self,
        picture: &[f32],
        start: Transform,
        steps: usize,
        scratch: &mut Scratch,
    ) -> (Transform, f32) {
        let mut best = (start, f32::MIN);
        let mut transform = start;
        for step in 0..=steps {
            let products = self.products(picture, &transform, scratch);
            let correlation = correlation(&products, scratch);
            if correlation > best.1 {
                best = (transform, correlation);
            }
            let Some(moves) = self.moves_left(&products) else {
                break;
            };
            if step == steps || moves.iter().all(|way| way.abs() < STILL) {
                break;
            }
            transform = transform.after(&self.moved(moves).inverse());
        }
        best
    }

    /// How much the picture is like the reference, with that transform.
    pub fn correlation(
        &self,
        picture: &[f32],
        transform: &Transform,
        scratch: &mut Scratch,
    ) -> f32 {
        let products = self.products(picture, transform, scratch);
        correlation(&products, scratch)
    }

    /// Samples the picture, and multiplies it with each column.
    fn products(
        &self,
        picture: &[f32],
        transform: &Transform,
        scratch: &mut Scratch,
    ) -> [f64; COLUMNS] {
        self.sample(picture, transform, &mut scratch.0);
        [0, 1, 2, 3, 4, 5].map(|column| f64::from(dot(&self.columns[column], &scratch.0)))
    }

    fn sample(&self, picture: &[f32], transform: &Transform, samples: &mut Vec<f32>) {
        let (side, center) = (self.side, self.center());
        let last = side as f32 - 1.001;
        let compared = self.border..side - self.border;
        let step = [transform.matrix[0][0], transform.matrix[1][0]];
        samples.clear();
        for row in compared.clone() {
            let [x, y] = transform.apply([self.border as f32 - center, row as f32 - center]);
            let start = [x + center, y + center];
            samples.extend((0..compared.len()).map(|column| {
                let place =
                    [0, 1].map(|axis| (start[axis] + step[axis] * column as f32).clamp(0.0, last));
                let [x, y] = place.map(|place| place as usize);
                let [right, down] = [place[0] - x as f32, place[1] - y as f32];
                let at = &picture[y * side + x..][..side + 2];
                let top = at[0] + (at[1] - at[0]) * right;
                let bottom = at[side] + (at[side + 1] - at[side]) * right;
                top + (bottom - top) * down
            }));
        }
    }

    /// How far the reference would have to move, in each way, to lie as the samples do; `None` where they are unlike it.
    fn moves_left(&self, products: &[f64; COLUMNS]) -> Option<[f32; WAYS]> {
        let coefficient = |row: usize| -> f64 {
            let row = self.inverse[row].iter();
            row.zip(products).map(|(one, other)| one * other).sum()
        };
        let contrast = coefficient(0);
        let is_alike = contrast > LEAST_CONTRAST;
        let most = self.side as f64 / 8.0;
        is_alike.then(|| {
            [2, 3, 4, 5].map(|way| (coefficient(way) / contrast).clamp(-most, most) as f32)
        })
    }
}

/// Of samples with a reference whose mean is 0 and whose length is 1.
fn correlation(products: &[f64; COLUMNS], samples: &Scratch) -> f32 {
    let square = f64::from(dot(&samples.0, &samples.0));
    let variance = square - products[1] * products[1] / samples.0.len() as f64;
    if variance <= 1e-6 {
        return 0.0;
    }
    (products[0] / variance.sqrt()) as f32
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (ones, rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = rest
        .iter()
        .zip(other_rest)
        .map(|(one, other)| one * other)
        .sum();
    sums.iter().sum::<f32>() + rest
}

/// Makes the mean 0.
fn center(values: &mut [f32]) {
    let mean = total(values) / values.len() as f32;
    values.iter_mut().for_each(|value| *value -= mean);
}

fn total(values: &[f32]) -> f32 {
    values.iter().sum()
}

/// Of a symmetric matrix, by Gauss and Jordan; what makes it singular counts for nothing.
fn inverse(mut matrix: [[f64; COLUMNS]; COLUMNS]) -> [[f64; COLUMNS]; COLUMNS] {
    let mut inverse = [[0.0; COLUMNS]; COLUMNS];
    for (index, row) in inverse.iter_mut().enumerate() {
        row[index] = 1.0;
    }
    for (index, row) in matrix.iter_mut().enumerate() {
        // A reference without structure does not change, whichever way it moves.
        row[index] += 1e-9 + 1e-6 * row[index];
    }
    for column in 0..COLUMNS {
        let pivot = matrix[column][column];
        for other in 0..COLUMNS {
            matrix[column][other] /= pivot;
            inverse[column][other] /= pivot;
        }
        for row in 0..COLUMNS {
            if row == column {
                continue;
            }
            let factor = matrix[row][column];
            for other in 0..COLUMNS {
                matrix[row][other] -= factor * matrix[column][other];
                inverse[row][other] -= factor * inverse[column][other];
            }
        }
    }
    inverse
}
