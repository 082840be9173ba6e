//! The training pictures in memory.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use crate::data::{Picture, PictureError};
use crate::nn::{Normalisation, PICTURE};

/// Normal pictures at the networks' size, in 8 bits to keep many: (N, 3, 256, 256).
#[derive(Debug)]
pub struct Pictures {
    bytes: Tensor,
    mean: Tensor,
    std: Tensor,
}

impl Pictures {
    /// Decodes and resizes files on all cores.
    pub fn load(paths: &[PathBuf], normalisation: &Normalisation) -> Result<Self, PictureError> {
        let side = PICTURE as usize;
        let size = 3 * side * side;
        let mut bytes = vec![0; paths.len() * size];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = paths.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = paths
                .chunks(share)
                .zip(bytes.chunks_mut(share * size))
                .map(|(paths, bytes)| {
                    scope.spawn(move || {
                        paths
                            .iter()
                            .zip(bytes.chunks_mut(size))
                            .try_for_each(|(path, bytes)| read(path, bytes))
                    })
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("reading pictures does not panic"))
        })?;
        let per_channel = |values: [f64; 3]| {
            Tensor::from_slice(&values.map(|value| (value * 255.0) as f32)).view([1, 3, 1, 1])
        };
        Ok(Self {
            bytes: Tensor::from_slice(&bytes).view([-1, 3, PICTURE, PICTURE]),
            mean: per_channel(normalisation.mean),
            std: per_channel(normalisation.std),
        })
    }

    pub fn len(&self) -> usize {
        self.bytes.size()[0] as usize
    }

    /// The chosen pictures, normalised: (indices, 3, 256, 256).
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

fn read(path: &Path, bytes: &mut [u8]) -> Result<(), PictureError> {
    let side = PICTURE as usize;
    let values = Picture::open(path)?.resized((side, side));
    for (byte, value) in bytes.iter_mut().zip(values) {
        *byte = value.round() as u8;
    }
    Ok(())
}
