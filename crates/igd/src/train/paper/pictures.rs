//! The training pictures in memory.

use std::slice;

use tch::{Device, Kind, Tensor};

use crate::data::{PictureError, Sample};
use crate::nn::{Normalisation, PATCH};
use crate::train::reader::{self, Reading};

/// Normal pictures at the networks' size, in 8 bits and on the CPU to keep many: (N, 3, side, side). Batches of them go
/// to the networks' device.
#[derive(Debug)]
pub struct Pictures {
    bytes: Tensor,
    mean: Tensor,
    std: Tensor,
}

/// Where a patch is cut.
pub struct Place {
    /// The picture's index.
    pub picture: i64,
    /// The left top corner in it.
    pub x: i64,
    pub y: i64,
}

impl Pictures {
    /// Reads pictures, which are squares then, for networks on that device. `seen` is told of each by its index: its values, or why it cannot be
    /// used; its first error ends it.
    pub fn load<E>(
        samples: &[Sample],
        reading: Reading,
        normalisation: &Normalisation,
        device: Device,
        mut seen: impl FnMut(usize, Result<&[f32], PictureError>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (width, height) = reading.size;
        let size = 3 * width * height;
        let shape = [samples.len() as i64, 3, height as i64, width as i64];
        let bytes = Tensor::empty(shape, (Kind::Uint8, Device::Cpu));
        // SAFETY: the tensor is contiguous, has as many bytes, and nobody else has it yet. Thousands of pictures are
        // not held twice.
        let values = unsafe {
            slice::from_raw_parts_mut(bytes.data_ptr().cast::<u8>(), samples.len() * size)
        };
        let mut places = values.chunks_mut(size);
        let mut loaded = 0;
        reader::for_each(samples, reading, |index, picture| {
            let rgb = match picture {
                Ok(picture) => picture.rgb,
                Err(error) => return seen(index, Err(error)),
            };
            seen(index, Ok(&rgb))?;
            for (byte, value) in places.next().into_iter().flatten().zip(rgb) {
                *byte = value.round() as u8;
            }
            loaded += 1;
            Ok(())
        })?;
        let per_channel = |values: [f64; 3]| {
            let values = Tensor::from_slice(&values.map(|value| (value * 255.0) as f32));
            values.view([1, 3, 1, 1]).to_device(device)
        };
        Ok(Self {
            bytes: bytes.narrow(0, 0, loaded),
            mean: per_channel(normalisation.mean),
            std: per_channel(normalisation.std),
        })
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

    /// 32x32 patches at any place, normalised: (places, 3, 32, 32).
    pub fn patches(&self, places: impl Iterator<Item = Place>) -> Tensor {
        let patches: Vec<Tensor> = places
            .map(|Place { picture, x, y }| {
                let picture = self.bytes.get(picture);
                picture.narrow(1, y, PATCH).narrow(2, x, PATCH)
            })
            .collect();
        self.normalise(&Tensor::stack(&patches, 0))
    }

    fn normalise(&self, bytes: &Tensor) -> Tensor {
        let values = bytes.to_device(self.mean.device()).to_kind(Kind::Float);
        (values - &self.mean) / &self.std
    }
}
