//! The field's loops for the CPU. What takes the time is reading the whiteners, once a picture: they are kept in f16,
//! as model files have them, and in the order they are read in.

use multiversion::multiversion;
use tch::{Kind, Tensor};

use super::Field;

/// Rows of a triangle that are worked on together: floats of the widest vector register.
const LANES: usize = 16;

/// [`Field`] for the CPU.
#[derive(Debug)]
pub struct PackedField {
    /// P: (features, d).
    projection: Tensor,
    /// (places, d).
    c: Tensor,
    dimensions: usize,
    /// Each place's triangle, in bits of f16, in strips of [`LANES`] rows, a strip column by column; what a strip has
    /// above the diagonal is 0.
    whiteners: Vec<u16>,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for PackedField {}

impl PackedField {
    /// The dimensions are a multiple of 16, and no whitener is beyond [`LARGEST_WHITENER`](super::LARGEST_WHITENER),
    /// which [`Field::new`] sees to.
    pub fn new(field: &Field) -> Self {
        let [places, dimensions] = field.c.size()[..] else {
            unreachable!("a centre a place");
        };
        let (places, dimensions) = (places as usize, dimensions as usize);
        let triangles = field.whiteners.to_kind(Kind::Half).contiguous();
        let triangle = dimensions * (dimensions + 1) / 2;
        let mut bytes = vec![0; 2 * places * triangle];
        triangles.copy_data_u8(&mut bytes, places * triangle);
        Self {
            projection: field.projection.tr().contiguous(),
            c: field.c.contiguous(),
            dimensions,
            whiteners: bytes
                .chunks_exact(2 * triangle)
                .flat_map(|triangle| strips(triangle.as_chunks().0, dimensions))
                .collect(),
        }
    }

    /// Directions.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Features (places, features) of the places from `first` on to their distances. `residuals`, where there is room
    /// for them, becomes P x - c, place by place; `sum` grows by that of all of them.
    pub fn distances(
        &self,
        features: &Tensor,
        first: usize,
        distances: &mut [f32],
        residuals: &mut [f32],
        sum: &mut [f32],
    ) {
        let count = distances.len();
        let c = self.c.narrow(0, first as i64, count as i64);
        let projected = features.mm(&self.projection).g_sub_(&c);
        let mut values = vec![0.0; count * self.dimensions];
        projected.copy_data(&mut values, count * self.dimensions);
        if !residuals.is_empty() {
            residuals.copy_from_slice(&values);
        }
        for z in values.chunks_exact(self.dimensions) {
            sum.iter_mut().zip(z).for_each(|(sum, value)| *sum += value);
        }
        let length = strips_length(self.dimensions);
        let part = first * length..(first + count) * length;
        let whiteners = self.whiteners[part].chunks_exact(length);
        let latents = values.chunks_exact(self.dimensions);
        for ((distance, whitener), z) in distances.iter_mut().zip(whiteners).zip(latents) {
            *distance = (squared_norm(whitener, z) / self.dimensions as f32).sqrt();
        }
    }
}

/// Numbers of a place's strips.
fn strips_length(dimensions: usize) -> usize {
    let strips = dimensions / LANES;
    LANES * LANES * strips * (strips + 1) / 2
}

/// A triangle, row by row, as strips.
fn strips(triangle: &[[u8; 2]], dimensions: usize) -> impl Iterator<Item = u16> {
    (0..dimensions / LANES).flat_map(move |strip| {
        let first = strip * LANES;
        (0..first + LANES).flat_map(move |column| {
            (first..first + LANES).map(move |row| {
                if column <= row {
                    u16::from_ne_bytes(triangle[row * (row + 1) / 2 + column])
                } else {
                    0
                }
            })
        })
    })
}

/// The value of an f16, which must be finite: infinity would become 65,536. Its bits at the same place in an f32 mean a
/// number that is smaller by 2^112, since the exponent of an f32 counts from so much further down.
#[inline(always)]
fn from_f16(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let far_down = f32::from_bits((bits & 0x8000) << 16 | (bits & 0x7fff) << 13);
    far_down * f32::from_bits((127 + 112) << 23)
}

/// ||W z||^2.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn squared_norm(strips: &[u16], z: &[f32]) -> f32 {
    let mut squares = [0.0; LANES];
    let mut rest = strips;
    for strip in 0..z.len() / LANES {
        let z = &z[..(strip + 1) * LANES];
        let (strip, others) = rest.split_at(z.len() * LANES);
        rest = others;
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        let columns = strip.as_chunks::<LANES>().0.as_chunks::<2>().0;
        for ([one, other], [z_one, z_other]) in columns.iter().zip(z.as_chunks::<2>().0) {
            for lane in 0..LANES {
                first[lane] += from_f16(one[lane]) * z_one;
            }
            for lane in 0..LANES {
                second[lane] += from_f16(other[lane]) * z_other;
            }
        }
        for lane in 0..LANES {
            let sum = first[lane] + second[lane];
            squares[lane] += sum * sum;
        }
    }
    squares.iter().sum()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::nn::Builder;

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
            let expected = field.distances(&features.unsqueeze(0), &field.matrices());
            let expected = Vec::try_from(expected.get(0)).unwrap();
            let packed = PackedField::new(&field);
            // In two parts, as threads do it.
            let mut distances = [0.0; 7];
            let (left, right) = distances.split_at_mut(3);
            let mut residuals = vec![0.0; 4 * dimensions as usize];
            let mut sum = vec![0.0; dimensions as usize];
            packed.distances(&features.narrow(0, 0, 3), 0, left, &mut [], &mut sum);
            packed.distances(
                &features.narrow(0, 3, 4),
                3,
                right,
                &mut residuals,
                &mut sum,
            );
            for (found, expected) in distances.iter().zip::<&Vec<f32>>(&expected) {
                let error = (found - expected).abs() / expected;
                assert!(error < 5e-4, "{found} instead of {expected}");
            }
            let all = field.residuals(&features.unsqueeze(0));
            let expected = all.sum_dim_intlist([0, 1].as_slice(), false, Kind::Float);
            let apart = (Tensor::from_slice(&sum) - expected).abs();
            assert!(apart.max().double_value(&[]) < 1e-3);
            let expected = all.narrow(1, 3, 4);
            let apart = (Tensor::from_slice(&residuals) - expected.flatten(0, -1)).abs();
            assert!(apart.max().double_value(&[]) < 1e-4);
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
        PackedField::new(&field).distances(&matrix, 0, &mut distances, &mut [], &mut []);
        // z = (1, -2): W z = (2, -5).
        assert!((distances[0] - (29.0_f32 / 16.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn whiteners_that_f16_does_not_have_are_refused() {
        let field = |whitener: f64| {
            let whiteners = Tensor::full([2, 136], whitener, OPTIONS);
            let given = [
                ("projection", Tensor::ones([16, 20], OPTIONS)),
                ("c", Tensor::ones([2, 16], OPTIONS)),
                ("whiteners", whiteners),
            ];
            let given = given.map(|(name, tensor)| (name.to_owned(), tensor));
            let builder = Builder::for_inference(given.into(), Device::Cpu);
            Field::new(&builder.root(), 20, 2, 16)
        };
        assert!(field(65_504.0).is_ok() && field(-65_504.0).is_ok());
        for whitener in [65_536.0, -1e6] {
            let error = field(whitener).unwrap_err().to_string();
            assert!(
                error.contains("`whiteners`") && error.contains("65504"),
                "{error}"
            );
        }
    }

    #[test]
    fn all_finite_f16_are_what_they_are() {
        for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
            let half = Tensor::from_data_size(&bits.to_ne_bytes(), &[], Kind::Half);
            assert_eq!(f64::from(from_f16(bits)), half.double_value(&[]));
        }
    }
}
