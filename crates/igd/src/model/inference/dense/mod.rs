//! The dense profile: features of a frozen backbone, and at each place how far they are from normal.

mod extractor;
mod grid;

use std::time::{Duration, Instant};

use rayon::ThreadPoolBuildError;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

pub use self::extractor::Extractor;
use self::grid::PlaceGrid;
use super::{Stage, StageTimes, copy_to};
use crate::criterion::{Field, PackedField};
use crate::libtorch::SyncRef;
use crate::model::config::DenseConfig;
use crate::model::detection::{InputPicture, RawDetection, Scales};
use crate::model::networks::DenseNetworks;

/// Places that a thread takes at once: rows of their whiteners fill its cache.
const PLACES: usize = 64;

/// See [`Inference`](super::Inference).
#[derive(Debug)]
pub struct Dense {
    extractor: Extractor,
    head: Head,
    pub stages: StageTimes,
}

/// What comes after the features.
#[derive(Debug)]
struct Head {
    field: DeviceField,
    shared: bool,
    grid: PlaceGrid,
}

/// The field where the features are.
#[derive(Debug)]
enum DeviceField {
    Cpu(PackedField),
    /// With its whole matrices.
    Gpu(Field, Tensor),
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for DeviceField {}

impl Dense {
    pub fn new(
        config: &DenseConfig,
        networks: DenseNetworks,
        device: Device,
        kind: Kind,
    ) -> Result<Self, ThreadPoolBuildError> {
        let extractor = Extractor::new(&networks.backbone, config.tiling, device, kind)?;
        Ok(Self {
            extractor,
            head: Head::new(config, networks.field),
            stages: StageTimes::default(),
        })
    }

    /// Threads that share a picture's work.
    pub fn threads(&self) -> usize {
        self.extractor.workers().count()
    }

    /// Several pictures keep all threads busy where one with few tiles does not.
    pub fn run(&mut self, pictures: &mut [&mut InputPicture]) {
        let Self {
            extractor,
            head,
            stages,
        } = self;
        stages.time(Stage::Prepare, || {
            extractor.prepare(pictures.iter().map(|picture| &picture.rgb[..]));
        });
        let start = Instant::now();
        let tiles = extractor.tiling().count();
        let judged: Vec<(Vec<f32>, Duration)> = extractor.each(|index, features| {
            let start = Instant::now();
            (head.distances(index % tiles, &features), start.elapsed())
        });
        let all = start.elapsed();
        let descriptor =
            judged.iter().map(|(_, time)| *time).sum::<Duration>() / judged.len() as u32;
        stages.add(Stage::Features, all.saturating_sub(descriptor));
        stages.add(Stage::Descriptor, descriptor.min(all));
        stages.time(Stage::Map, || {
            for (picture, judged) in pictures.iter_mut().zip(judged.chunks(tiles)) {
                let tiles = judged.iter().map(|(distances, _)| &distances[..]);
                head.finish(tiles, &mut picture.raw);
            }
        });
    }

    /// As [`run`](Self::run) of one picture, from the features (places, 304) of each tile.
    pub fn measure(&mut self, tiles: &[Tensor], raw: &mut RawDetection) {
        let head = &mut self.head;
        let distances: Vec<Vec<f32>> = tiles
            .iter()
            .enumerate()
            .map(|(tile, features)| {
                // SAFETY: nobody changes them meanwhile.
                let features = unsafe { SyncRef::new(features) };
                let workers = self.extractor.workers();
                workers.run(|| head.distances(tile, features.get()))
            })
            .collect();
        head.finish(distances.iter().map(|distances| &distances[..]), raw);
    }

    /// The same, from the distances of each tile's places.
    pub fn measure_distances(&mut self, tiles: &[&[f32]], raw: &mut RawDetection) {
        self.head.finish(tiles.iter().copied(), raw);
    }
}

impl Head {
    fn new(config: &DenseConfig, field: Field) -> Self {
        Self {
            field: match field.c.device() {
                Device::Cpu => DeviceField::Cpu(PackedField::new(&field)),
                _ => {
                    let matrices = field.matrices();
                    DeviceField::Gpu(field, matrices)
                }
            },
            shared: config.shared,
            grid: PlaceGrid::new(config.tiling),
        }
    }

    /// The distances of a tile's places, from its features (places, 304). Panics where libtorch throws.
    fn distances(&self, tile: usize, features: &Tensor) -> Vec<f32> {
        let cells = features.size()[0] as usize;
        let first = if self.shared { 0 } else { tile * cells };
        match &self.field {
            DeviceField::Cpu(field) => {
                let mut distances = vec![0.0; cells];
                // SAFETY: all only read them.
                let features = unsafe { SyncRef::new(features) };
                distances
                    .par_chunks_mut(PLACES)
                    .enumerate()
                    .for_each(|(chunk, distances)| {
                        let start = chunk * PLACES;
                        let length = distances.len() as i64;
                        let features = features.get().narrow(0, start as i64, length);
                        tch::no_grad(|| field.distances(&features, first + start, distances));
                    });
                distances
            }
            DeviceField::Gpu(field, matrices) => {
                let (first, cells) = (first as i64, cells as i64);
                let matrices = matrices.narrow(0, first, cells);
                let part = field.of_places(first, cells);
                let distances = part.distances(&features.unsqueeze(0), &matrices);
                let mut values = Vec::with_capacity(cells as usize);
                copy_to(&mut values, &distances.get(0).to_device(Device::Cpu));
                values
            }
        }
    }

    /// Score, terms and map of the tiles' distances.
    fn finish<'a>(&mut self, tiles: impl Iterator<Item = &'a [f32]>, raw: &mut RawDetection) {
        let distance = self.grid.lay(tiles);
        self.grid.enlarge(&mut raw.map);
        raw.score = distance;
        raw.scales = Scales::dense(distance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::guarded;
    use crate::model::config::Tiling;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// What comes after the features, once as on the CPU and once as on GPUs. Two tiles of 16 places.
    fn heads() -> [Head; 2] {
        tch::manual_seed(3);
        let config = DenseConfig {
            tiling: Tiling::new([64, 64], [2, 1]),
            shared: false,
            dimensions: 32,
        };
        let random = |shape: &[i64]| Tensor::randn(shape, OPTIONS);
        let field = Field {
            projection: random(&[32, 304]) * 0.1,
            c: random(&[32, 32]),
            whiteners: Field::triangles(&random(&[32, 32, 32])),
        };
        let matrices = field.matrices();
        let on_gpu = Head {
            field: DeviceField::Gpu(
                Field {
                    projection: field.projection.shallow_clone(),
                    c: field.c.shallow_clone(),
                    whiteners: field.whiteners.shallow_clone(),
                },
                matrices,
            ),
            shared: config.shared,
            grid: PlaceGrid::new(config.tiling),
        };
        [Head::new(&config, field), on_gpu]
    }

    #[test]
    fn tensors_and_loops_find_the_same_distances() {
        let [on_cpu, on_gpu] = heads();
        for tile in 0..2 {
            let features = Tensor::randn([16, 304], OPTIONS);
            let expected = on_cpu.distances(tile, &features);
            let found = on_gpu.distances(tile, &features);
            assert_eq!(found.len(), 16);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-3 * expected,
                    "{found} instead of {expected}"
                );
            }
        }
    }

    /// Places without a distance would be normal.
    #[test]
    fn tensors_that_fail_are_an_error() {
        let [_, on_gpu] = heads();
        for (tile, features) in [
            (2, Tensor::randn([16, 304], OPTIONS)),
            (0, Tensor::randn([16, 303], OPTIONS)),
            (0, Tensor::randn([16, 304], OPTIONS).to_kind(Kind::Double)),
        ] {
            assert!(guarded(|| on_gpu.distances(tile, &features)).is_err());
        }
    }
}
