//! The training pictures in memory.

use tch::{Device, Kind, Tensor};

use crate::data::{PictureError, Sample};
use crate::nn::Normalisation;

/// Normal pictures at the networks' size, in 8 bits to keep many: (N, 3, side, side).
#[derive(Debug)]
pub struct Pictures {
    bytes: Tensor,
    mean: Tensor,
    std: Tensor,
}

impl Pictures {
    /// Decodes and resizes pictures on all cores, to squares with that side. Also tells of those that cannot be used.
    pub fn load(
        samples: &[Sample],
        side: i64,
        normalisation: &Normalisation,
    ) -> (Self, Vec<PictureError>) {
        let size = (3 * side * side) as usize;
        let shape = [samples.len() as i64, 3, side, side];
        let bytes = Tensor::empty(shape, (Kind::Uint8, Device::Cpu));
        // SAFETY: the tensor is contiguous, has as many bytes, and nobody else has it yet. Thousands of pictures are
        // not held twice.
        let values = unsafe {
            std::slice::from_raw_parts_mut(bytes.data_ptr().cast::<u8>(), samples.len() * size)
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = samples.len().div_ceil(threads).max(1);
        let results: Vec<Result<(), PictureError>> = std::thread::scope(|scope| {
            let workers: Vec<_> = samples
                .chunks(share)
                .zip(values.chunks_mut(share * size))
                .map(|(samples, bytes)| {
                    scope.spawn(move || {
                        let pairs = samples.iter().zip(bytes.chunks_mut(size));
                        pairs
                            .map(|(sample, bytes)| read(sample, side as usize, bytes))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("reading pictures does not panic"))
                .collect()
        });
        // What was read moves up to where something was not.
        let mut bad = Vec::new();
        for (index, result) in results.into_iter().enumerate() {
            match result {
                Ok(()) if bad.is_empty() => {}
                Ok(()) => {
                    let to = index - bad.len();
                    values.copy_within(index * size..(index + 1) * size, to * size);
                }
                Err(error) => bad.push(error),
            }
        }
        let per_channel = |values: [f64; 3]| {
            Tensor::from_slice(&values.map(|value| (value * 255.0) as f32)).view([1, 3, 1, 1])
        };
        let pictures = Self {
            bytes: bytes.narrow(0, 0, (samples.len() - bad.len()) as i64),
            mean: per_channel(normalisation.mean),
            std: per_channel(normalisation.std),
        };
        (pictures, bad)
    }

    pub fn len(&self) -> usize {
        self.bytes.size()[0] as usize
    }

    /// Side of a picture in pixels.
    pub fn side(&self) -> i64 {
        self.bytes.size()[2]
    }

    /// The chosen pictures, normalised: (indices, 3, side, side).
    pub fn batch(&self, indices: &[i64]) -> Tensor {
        self.normalise(&self.bytes.index_select(0, &Tensor::from_slice(indices)))
    }

    /// 32x32 patches at any place: each a picture's index and the patch's left top corner.
    pub fn patches(&self, places: &[(i64, i64, i64)]) -> Tensor {
        let patches: Vec<Tensor> = places
            .iter()
            .map(|&(picture, x, y)| {
                let side = crate::nn::PATCH;
                self.bytes
                    .get(picture)
                    .narrow(1, y, side)
                    .narrow(2, x, side)
            })
            .collect();
        self.normalise(&Tensor::stack(&patches, 0))
    }

    fn normalise(&self, bytes: &Tensor) -> Tensor {
        (bytes.to_kind(Kind::Float) - &self.mean) / &self.std
    }
}

fn read(sample: &Sample, side: usize, bytes: &mut [u8]) -> Result<(), PictureError> {
    let values = sample.open()?.resized((side, side));
    for (byte, value) in bytes.iter_mut().zip(values) {
        *byte = value.round() as u8;
    }
    Ok(())
}
