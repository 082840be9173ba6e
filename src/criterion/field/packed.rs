//! The field's loops for the CPU. What takes the time is reading the whiteners, once a picture: they are kept in the precision
//! of the run and in the order they are read in.

use multiversion::multiversion;
use tch::{Kind, Tensor};

use super::Field;

/// Rows of a triangle that are worked on together: floats of the widest vector register.
const LANES: usize = 16;
/// Columns that are: as many sums that do not wait for each other.
const CHAINS: usize = 4;

/// [`Field`] for the CPU.
#[derive(Debug)]
pub struct PackedField {
    /// P: (features, d).
    projection: Tensor,
    /// (places, d).
    c: Tensor,
    places: usize,
    dimensions: usize,
    whiteners: Whiteners,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for PackedField {}

/// Each place's triangle in strips of [`LANES`] rows, a strip column by column; what a strip has above the diagonal is 0.
#[derive(Debug)]
enum Whiteners {
    F32(Vec<f32>),
    /// The upper halves of f32.
    Bf16(Vec<u16>),
}

impl PackedField {
    /// `kind` is what the whiteners are kept in: bf16, or f32 for all others. The dimensions are a multiple of 16.
    pub fn new(field: &Field, kind: Kind) -> Self {
        let [places, dimensions] = field.c.size()[..] else {
            unreachable!("a centre a place");
        };
        let (places, dimensions) = (places as usize, dimensions as usize);
        let triangles = field.whiteners.to_kind(Kind::Float).contiguous();
        let triangle = dimensions * (dimensions + 1) / 2;
        let mut values = vec![0.0; places * triangle];
        triangles.copy_data(&mut values, places * triangle);
        let packed = values
            .chunks_exact(triangle)
            .flat_map(|triangle| strips(triangle, dimensions));
        Self {
            projection: field.projection.tr().contiguous(),
            c: field.c.contiguous(),
            places,
            dimensions,
            whiteners: match kind {
                Kind::BFloat16 => Whiteners::Bf16(packed.map(to_bf16).collect()),
                _ => Whiteners::F32(packed.collect()),
            },
        }
    }

    pub fn places(&self) -> usize {
        self.places
    }

    /// Features (places, features) of the places from `first` on to their distances.
    pub fn distances(&self, features: &Tensor, first: usize, distances: &mut [f32]) {
        let count = distances.len();
        let c = self.c.narrow(0, first as i64, count as i64);
        let projected = features.mm(&self.projection).g_sub_(&c);
        let mut values = vec![0.0; count * self.dimensions];
        projected.copy_data(&mut values, count * self.dimensions);
        let length = strips_length(self.dimensions);
        let part = first * length..(first + count) * length;
        let places = distances
            .iter_mut()
            .zip(values.chunks_exact(self.dimensions));
        let squares = self.dimensions as f32;
        match &self.whiteners {
            Whiteners::F32(whiteners) => {
                for ((out, z), whitener) in places.zip(whiteners[part].chunks_exact(length)) {
                    *out = (squared_norm_f32(whitener, z) / squares).sqrt();
                }
            }
            Whiteners::Bf16(whiteners) => {
                for ((out, z), whitener) in places.zip(whiteners[part].chunks_exact(length)) {
                    *out = (squared_norm_bf16(whitener, z) / squares).sqrt();
                }
            }
        }
    }
}

/// Numbers of a place's strips.
fn strips_length(dimensions: usize) -> usize {
    let strips = dimensions / LANES;
    LANES * LANES * strips * (strips + 1) / 2
}

/// A triangle, row by row, as strips.
fn strips(triangle: &[f32], dimensions: usize) -> impl Iterator<Item = f32> {
    (0..dimensions / LANES).flat_map(move |strip| {
        let first = strip * LANES;
        (0..first + LANES).flat_map(move |column| {
            (first..first + LANES).map(move |row| {
                if column <= row {
                    triangle[row * (row + 1) / 2 + column]
                } else {
                    0.0
                }
            })
        })
    })
}

/// Rounds to the nearest.
fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let even = 0x7fff + ((bits >> 16) & 1);
    (bits.wrapping_add(even) >> 16) as u16
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn squared_norm_f32(strips: &[f32], z: &[f32]) -> f32 {
    squared_norm(strips, z, |value| value)
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn squared_norm_bf16(strips: &[u16], z: &[f32]) -> f32 {
    squared_norm(strips, z, |value| f32::from_bits(u32::from(value) << 16))
}

/// ||W z||^2.
#[inline(always)]
fn squared_norm<W: Copy>(strips: &[W], z: &[f32], value: impl Fn(W) -> f32) -> f32 {
    let mut squares = [0.0; LANES];
    let mut rest = strips;
    for strip in 0..z.len() / LANES {
        let z = &z[..(strip + 1) * LANES];
        let (strip, others) = rest.split_at(z.len() * LANES);
        rest = others;
        let mut sums = [[0.0; LANES]; CHAINS];
        let columns = strip.as_chunks::<LANES>().0.as_chunks::<CHAINS>().0;
        for (columns, z) in columns.iter().zip(z.as_chunks::<CHAINS>().0) {
            for ((sums, column), z) in sums.iter_mut().zip(columns).zip(z) {
                for (sum, weight) in sums.iter_mut().zip(column) {
                    *sum += value(*weight) * z;
                }
            }
        }
        for lane in 0..LANES {
            let sum = (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]);
            squares[lane] += sum * sum;
        }
    }
    squares.iter().sum()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn field(places: i64, dimensions: i64) -> Field {
        tch::manual_seed(3);
        let random = |shape: &[i64]| Tensor::randn(shape, OPTIONS);
        Field {
            projection: random(&[dimensions, 20]),
            c: random(&[places, dimensions]),
            whiteners: Field::triangles(&random(&[places, dimensions, dimensions])),
        }
    }

    #[test]
    fn loops_agree_with_tensors() {
        for dimensions in [16, 48, 192] {
            let field = field(7, dimensions);
            let features = Tensor::randn([7, 20], OPTIONS);
            let expected = Vec::try_from(field.distances(&features.unsqueeze(0)).get(0)).unwrap();
            for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 4e-3)] {
                let packed = PackedField::new(&field, kind);
                // In two parts, as threads do it.
                let mut distances = vec![0.0; 7];
                let (left, right) = distances.split_at_mut(3);
                packed.distances(&features.narrow(0, 0, 3), 0, left);
                packed.distances(&features.narrow(0, 3, 4), 3, right);
                for (found, expected) in distances.iter().zip::<&Vec<f32>>(&expected) {
                    let error = (found - expected).abs() / expected;
                    assert!(error < tolerance, "{found} instead of {expected}");
                }
            }
        }
    }

    #[test]
    fn distances_are_those_of_the_formula() {
        // W = [[2, 0], [1, 3]] in the first two of 16 directions, and nothing in the others.
        let mut matrix = Tensor::zeros([1, 16, 16], OPTIONS);
        for (row, column, value) in [(0, 0, 2.0), (1, 0, 1.0), (1, 1, 3.0)] {
            let _ = matrix.get(0).get(row).get(column).fill_(value);
        }
        let field = Field {
            projection: Tensor::eye(16, OPTIONS),
            c: Tensor::ones([1, 16], OPTIONS),
            whiteners: Field::triangles(&matrix),
        };
        matrix = Tensor::ones([1, 16], OPTIONS);
        let _ = matrix.get(0).get(0).fill_(2.0);
        let _ = matrix.get(0).get(1).fill_(-1.0);
        let mut distances = [0.0];
        PackedField::new(&field, Kind::Float).distances(&matrix, 0, &mut distances);
        // z = (1, -2): W z = (2, -5).
        assert!((distances[0] - (29.0_f32 / 16.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn bf16_is_the_nearest() {
        for value in [0.0, 1.0, -1.003, 3.25e-5, 65_000.0] {
            let expected = Tensor::from(value).to_kind(Kind::BFloat16);
            let found = f32::from_bits(u32::from(to_bf16(value)) << 16);
            assert_eq!(f64::from(found), expected.double_value(&[]));
        }
    }
}
