//! The dense profile: features of a frozen backbone, and at each place how far they are from normal.

mod extractor;
mod grid;

use std::time::{Duration, Instant};

use rayon::ThreadPoolBuildError;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

pub use self::extractor::Extractor;
use self::grid::{PlaceGrid, lay_on};
use super::{Stage, StageTimes, copy_to};
use crate::align::{Aligner, References};
use crate::criterion::{Field, Head, PackedField};
use crate::libtorch::SyncRef;
use crate::model::config::DenseConfig;
use crate::model::detection::{InputPicture, RawDetection, Scales};
use crate::model::networks::DenseNetworks;
use crate::nn::dense::{CELL, DETAIL, Features};
use crate::warp::Transform;

/// Places that a thread takes at once: rows of their whiteners fill its cache.
const PLACES: usize = 64;
/// Details that a thread takes at once.
const DETAILS: usize = 256;

/// See [`Inference`](super::Inference).
#[derive(Debug)]
pub struct Dense {
    /// Where the part is looked for.
    frame: Option<Frame>,
    extractor: Extractor,
    scorer: Scorer,
    pub stages: StageTimes,
}

/// Brings what is judged of pictures to where it should be.
#[derive(Debug)]
struct Frame {
    aligner: Aligner,
    /// Width and height of the pictures.
    size: (usize, usize),
    /// What is judged of each, and where it is.
    windows: Vec<(Vec<f32>, Transform)>,
}

/// Where in a picture of that size something lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    transform: Transform,
    size: (usize, usize),
}

impl Frame {
    fn new(config: &DenseConfig, references: &References) -> Self {
        let size = config.picture().into();
        Self {
            aligner: Aligner::new(references, size, config.tiling.picture().into()),
            size,
            windows: Vec::new(),
        }
    }

    /// Where in the picture what is judged of it was found.
    fn place(&self, index: usize) -> Place {
        Place {
            transform: self.windows[index].1,
            size: self.size,
        }
    }

    fn bring(&mut self, pictures: &[&mut InputPicture]) {
        let windows = self.windows.len().max(pictures.len());
        self.windows
            .resize_with(windows, || (Vec::new(), Transform::IDENTITY));
        for (picture, (window, transform)) in pictures.iter().zip(&mut self.windows) {
            *transform = self.aligner.bring(&picture.rgb, window);
        }
    }
}

/// What comes after the features.
#[derive(Debug)]
struct Scorer {
    field: DeviceField,
    /// Where in a place something is.
    details: Option<Details>,
    head: Option<Head>,
    /// Whether departures are asked for.
    departs: bool,
    shared: bool,
    dimensions: usize,
    grid: PlaceGrid,
    window: Window,
}

/// What is judged, where that is not the whole picture.
#[derive(Debug)]
struct Window {
    size: [usize; 2],
    map: Vec<f32>,
}

impl Window {
    /// What was laid on the grid, as a map of the picture.
    fn show(&mut self, grid: &mut PlaceGrid, place: Option<Place>, map: &mut [f32]) {
        let Some(Place { transform, size }) = place else {
            grid.enlarge(map);
            return;
        };
        self.map.resize(self.size[0] * self.size[1], 0.0);
        grid.enlarge(&mut self.map);
        lay_on(&self.map, self.size, &transform, size, map);
    }
}

/// What sharpens maps.
#[derive(Debug)]
struct Details {
    field: DeviceField,
    grid: PlaceGrid,
}

/// What a tile's places are.
#[derive(Debug, Default)]
struct Places {
    /// How far from normal each is.
    distances: Vec<f32>,
    /// Rows of d numbers, together the sum of P x - c over the places.
    sums: Vec<f32>,
    /// P x - c of each; empty where no departures are asked for.
    residuals: Vec<f32>,
    /// How far from normal each detail is; empty where the model has none.
    details: Vec<f32>,
}

/// The same, lent.
#[derive(Clone, Copy, Debug)]
pub struct PlacesView<'a> {
    /// How far from normal each is.
    pub distances: &'a [f32],
    /// Rows of d numbers, together the sum of P x - c over the places.
    pub sums: &'a [f32],
    /// P x - c of each, or none.
    pub residuals: &'a [f32],
    /// How far from normal each detail is.
    pub details: &'a [f32],
}

impl Places {
    fn view(&self) -> PlacesView<'_> {
        PlacesView {
            distances: &self.distances,
            sums: &self.sums,
            residuals: &self.residuals,
            details: &self.details,
        }
    }
}

/// A field where the features are.
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
        let references = networks.references.as_ref();
        Ok(Self {
            frame: references.map(|references| Frame::new(config, references)),
            extractor,
            scorer: Scorer::new(config, networks.field, networks.details, networks.head),
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
            frame,
            extractor,
            scorer,
            stages,
        } = self;
        if let Some(frame) = frame {
            stages.time(Stage::Align, || frame.bring(pictures));
        }
        stages.time(Stage::Prepare, || match frame {
            Some(frame) => {
                let windows = frame.windows[..pictures.len()].iter();
                extractor.prepare(windows.map(|(window, _)| &window[..]));
            }
            None => extractor.prepare(pictures.iter().map(|picture| &picture.rgb[..])),
        });
        let start = Instant::now();
        let tiles = extractor.tiling().count();
        let judged: Vec<(Places, Duration)> = extractor.each(|index, features| {
            let start = Instant::now();
            (scorer.places(index % tiles, &features), start.elapsed())
        });
        let all = start.elapsed();
        let descriptor =
            judged.iter().map(|(_, time)| *time).sum::<Duration>() / judged.len() as u32;
        stages.add(Stage::Features, all.saturating_sub(descriptor));
        stages.add(Stage::Descriptor, descriptor.min(all));
        stages.time(Stage::Map, || {
            let pictures = pictures.iter_mut().zip(judged.chunks(tiles));
            for (index, (picture, judged)) in pictures.enumerate() {
                let tiles: Vec<_> = judged.iter().map(|(places, _)| places.view()).collect();
                let place = frame.as_ref().map(|frame| frame.place(index));
                scorer.finish(&tiles, place, &mut picture.raw);
            }
        });
    }

    /// As [`run`](Self::run) of one picture, from the features of each tile.
    pub fn measure(&mut self, tiles: &[Features], raw: &mut RawDetection) {
        let scorer = &self.scorer;
        let places: Vec<Places> = tiles
            .iter()
            .enumerate()
            .map(|(tile, features)| {
                // SAFETY: nobody changes them meanwhile.
                let features = features.as_ref().map(|one| unsafe { SyncRef::new(one) });
                let workers = self.extractor.workers();
                workers.run(|| {
                    let features = features.as_ref().map(|one| one.get().shallow_clone());
                    scorer.places(tile, &features)
                })
            })
            .collect();
        let places: Vec<_> = places.iter().map(Places::view).collect();
        self.measure_places(&places, raw);
    }

    /// The same, from what the places of each tile are.
    pub fn measure_places(&mut self, tiles: &[PlacesView], raw: &mut RawDetection) {
        let place = self.frame.as_ref().map(|frame| Place {
            transform: Transform::IDENTITY,
            size: frame.size,
        });
        self.scorer.finish(tiles, place, raw);
    }

    /// Pictures' departures are filled in from now on.
    pub fn tell_departures(&mut self) {
        self.scorer.departs = true;
    }
}

impl DeviceField {
    fn new(field: Field) -> Self {
        match field.c.device() {
            Device::Cpu => Self::Cpu(PackedField::new(&field)),
            _ => {
                let matrices = field.matrices();
                Self::Gpu(field, matrices)
            }
        }
    }

    /// How far from normal so many places from `first` on are, from their features (1, places, features); on the CPU
    /// on the threads, each of which takes so many `together`. Panics where libtorch throws.
    fn distances(&self, first: usize, together: usize, features: &Tensor) -> Vec<f32> {
        let count = features.size()[1] as usize;
        let mut distances = vec![0.0; count];
        match self {
            Self::Cpu(field) => {
                // SAFETY: all only read them.
                let features = unsafe { SyncRef::new(features) };
                let chunks = distances.par_chunks_mut(together).enumerate();
                chunks.for_each(|(chunk, distances)| {
                    let start = chunk * together;
                    let features = features.get().get(0);
                    let features = features.narrow(0, start as i64, distances.len() as i64);
                    tch::no_grad(|| {
                        field.distances(&features, first + start, distances, &mut [], &mut []);
                    });
                });
            }
            Self::Gpu(field, matrices) => {
                let (first, count) = (first as i64, count as i64);
                let matrices = matrices.narrow(0, first, count);
                let found = field.of_places(first, count).distances(features, &matrices);
                copy_to(&mut distances, &found.get(0).to_device(Device::Cpu));
            }
        }
        distances
    }
}

impl Scorer {
    fn new(config: &DenseConfig, field: Field, details: Option<Field>, head: Option<Head>) -> Self {
        Self {
            field: DeviceField::new(field),
            details: details.map(|field| Details {
                field: DeviceField::new(field),
                grid: PlaceGrid::new(config.tiling, DETAIL),
            }),
            departs: head.is_some(),
            head,
            shared: config.shared,
            dimensions: config.dimensions,
            grid: PlaceGrid::new(config.tiling, CELL),
            window: Window {
                size: config.tiling.picture(),
                map: Vec::new(),
            },
        }
    }

    /// What a tile's places are, from its features (N = 1). Panics where libtorch throws.
    fn places(&self, tile: usize, features: &Features) -> Places {
        let details = self.details.as_ref().map(|details| {
            let count = features.details.size()[1] as usize;
            let first = if self.shared { 0 } else { tile * count };
            details.field.distances(first, DETAILS, &features.details)
        });
        let features = features.places.get(0);
        let cells = features.size()[0] as usize;
        let first = if self.shared { 0 } else { tile * cells };
        let mut places = Places {
            details: details.unwrap_or_default(),
            ..Places::default()
        };
        match &self.field {
            DeviceField::Cpu(field) => {
                places.distances.resize(cells, 0.0);
                let sums = cells.div_ceil(PLACES) * field.dimensions();
                places.sums.resize(sums, 0.0);
                if self.departs {
                    places.residuals.resize(cells * field.dimensions(), 0.0);
                }
                // SAFETY: all only read them.
                let features = unsafe { SyncRef::new(&features) };
                let chunk_places = |chunk: usize,
                                    (distances, sum): (&mut [f32], &mut [f32]),
                                    residuals: &mut [f32]| {
                    let start = chunk * PLACES;
                    let length = distances.len() as i64;
                    let features = features.get().narrow(0, start as i64, length);
                    tch::no_grad(|| {
                        field.distances(&features, first + start, distances, residuals, sum);
                    });
                };
                let sums = places.sums.par_chunks_mut(field.dimensions());
                let distances = places
                    .distances
                    .par_chunks_mut(PLACES)
                    .zip(sums)
                    .enumerate();
                if self.departs {
                    let length = PLACES * field.dimensions();
                    let residuals = places.residuals.par_chunks_mut(length);
                    distances
                        .zip(residuals)
                        .for_each(|((chunk, distances), residuals)| {
                            chunk_places(chunk, distances, residuals);
                        });
                } else {
                    distances
                        .for_each(|(chunk, distances)| chunk_places(chunk, distances, &mut []));
                }
            }
            DeviceField::Gpu(field, matrices) => {
                let (first, cells) = (first as i64, cells as i64);
                let matrices = matrices.narrow(0, first, cells);
                let part = field.of_places(first, cells);
                let features = features.unsqueeze(0);
                let distances = part.distances(&features, &matrices).get(0);
                copy_to(&mut places.distances, &distances.to_device(Device::Cpu));
                // Of the sums, so that no place is projected again.
                let total = |tensor: &Tensor, dim: i64| {
                    tensor.sum_dim_intlist([dim].as_slice(), false, Kind::Float)
                };
                let projected = total(&features, 1).matmul(&part.projection.tr());
                let sum = projected.squeeze_dim(0) - total(&part.c, 0);
                copy_to(&mut places.sums, &sum.to_device(Device::Cpu));
                if self.departs {
                    let residuals = part.residuals(&features).flatten(0, -1);
                    copy_to(&mut places.residuals, &residuals.to_device(Device::Cpu));
                }
            }
        }
        places
    }

    /// Score, terms and map of the tiles' places.
    fn finish(&mut self, tiles: &[PlacesView], place: Option<Place>, raw: &mut RawDetection) {
        self.grid.lay(tiles.iter().map(|tile| tile.distances));
        let distance = self.grid.smooth();
        if self.departs {
            let residuals = tiles.iter().map(|tile| tile.residuals);
            self.grid.pool(residuals, &mut raw.departure);
        }
        self.window.show(&mut self.grid, place, &mut raw.map);
        if let Some(Details { grid, .. }) = &mut self.details {
            grid.lay(tiles.iter().map(|tile| tile.details));
            raw.details.resize(raw.map.len(), 0.0);
            self.window.show(grid, place, &mut raw.details);
        }
        self.pool(tiles, &mut raw.pooled);
        let head = self.head.as_ref();
        raw.factor = head.map(|head| head.factor(&raw.departure));
        raw.score = distance * raw.factor.unwrap_or(1.0);
        raw.scales = Scales::dense(distance);
    }

    /// The mean of P x - c over all tiles' places.
    fn pool(&self, tiles: &[PlacesView], pooled: &mut Vec<f32>) {
        pooled.clear();
        pooled.resize(self.dimensions, 0.0);
        let rows = tiles
            .iter()
            .flat_map(|tile| tile.sums.chunks_exact(self.dimensions));
        for row in rows {
            pooled
                .iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        let places: usize = tiles.iter().map(|tile| tile.distances.len()).sum();
        pooled.iter_mut().for_each(|value| *value /= places as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::guarded;
    use crate::model::config::Tiling;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// What comes after the features, once as on the CPU and once as on GPUs. Two tiles of 16 places.
    fn scorers() -> [Scorer; 2] {
        tch::manual_seed(3);
        let config = DenseConfig {
            tiling: Tiling::new([64, 64], [2, 1]),
            shared: false,
            dimensions: 32,
            align: None,
        };
        let random = |shape: &[i64]| Tensor::randn(shape, OPTIONS);
        let field = Field {
            projection: random(&[32, 304]) * 0.1,
            c: random(&[32, 32]),
            whiteners: Field::triangles(&random(&[32, 32, 32])),
        };
        let head = || {
            Some(Head {
                direction: (0..32).map(|index| 0.02 * index as f32 - 0.3).collect(),
                offset: 0.1,
            })
        };
        let details = Field {
            projection: random(&[32, 40]) * 0.1,
            c: random(&[128, 32]),
            whiteners: Field::triangles(&random(&[128, 32, 32])),
        };
        let scorer = || {
            let share = |field: &Field| field.of_places(0, field.c.size()[0]);
            Scorer::new(&config, share(&field), Some(share(&details)), head())
        };
        let mut on_gpu = scorer();
        let matrices = details.matrices();
        on_gpu.details.as_mut().unwrap().field =
            DeviceField::Gpu(details.of_places(0, 128), matrices);
        on_gpu.field = DeviceField::Gpu(field.of_places(0, 32), field.matrices());
        [scorer(), on_gpu]
    }

    fn features() -> Features {
        Features {
            places: Tensor::randn([1, 16, 304], OPTIONS),
            details: Tensor::randn([1, 64, 40], OPTIONS),
        }
    }

    #[test]
    fn tensors_and_loops_find_the_same_distances() {
        let [on_cpu, on_gpu] = scorers();
        for tile in 0..2 {
            let features = features();
            let expected = on_cpu.places(tile, &features);
            let found = on_gpu.places(tile, &features);
            assert_eq!((found.distances.len(), found.details.len()), (16, 64));
            let found = found.distances.iter().chain(&found.details);
            for (found, expected) in found.zip(expected.distances.iter().chain(&expected.details)) {
                assert!(
                    (found - expected).abs() < 1e-3 * expected,
                    "{found} instead of {expected}"
                );
            }
        }
    }

    /// The head's formula, on the CPU and on GPUs, and that it leaves distance and map alone.
    #[test]
    fn a_head_multiplies_the_distance() {
        tch::manual_seed(7);
        let tiles = [(); 2].map(|()| features());
        let mut found = Vec::new();
        for mut scorer in scorers() {
            let places = [0, 1].map(|tile| scorer.places(tile, &tiles[tile]));
            let views = places.each_ref().map(Places::view);
            let mut raw = RawDetection {
                map: vec![0.0; 112 * 64],
                ..RawDetection::default()
            };
            scorer.finish(&views, None, &mut raw);
            let factor = scorer.head.as_ref().unwrap().factor(&raw.departure);
            let distance = raw.scales.dense.unwrap().distance;
            assert_eq!(raw.factor, Some(factor));
            assert!(factor != 1.0 && raw.score == distance * factor);
            let length: f32 = raw.departure.iter().map(|value| value * value).sum();
            assert!((length - 32.0).abs() < 1e-3, "{length}");
            let (score, map) = (raw.score, raw.map.clone());
            assert_eq!(raw.details.len(), map.len());

            scorer.head = None;
            scorer.finish(&views, None, &mut raw);
            assert!(raw.score == distance && raw.factor.is_none() && raw.map == map);
            // As the residuals say that were told.
            assert_eq!(raw.pooled.len(), 32);
            for (index, found) in raw.pooled.iter().enumerate() {
                let residuals = places
                    .iter()
                    .flat_map(|tile| tile.residuals.chunks_exact(32));
                let mean = residuals.map(|residual| residual[index]).sum::<f32>() / 32.0;
                assert!((found - mean).abs() < 1e-4, "{found} instead of {mean}");
            }
            found.push(score);
        }
        assert!((found[0] / found[1] - 1.0).abs() < 1e-3, "{found:?}");
    }

    /// Places without a distance would be normal.
    #[test]
    fn tensors_that_fail_are_an_error() {
        let [_, on_gpu] = scorers();
        let double = |features: &Tensor| features.to_kind(Kind::Double);
        let Features { places, details } = features();
        for (tile, [places, details]) in [
            (2, [&places, &details]),
            (0, [&places.narrow(2, 0, 303), &details]),
            (0, [&double(&places), &details]),
            (0, [&places, &details.narrow(2, 0, 39)]),
            (0, [&places, &double(&details)]),
        ] {
            let features = Features {
                places: places.shallow_clone(),
                details: details.shallow_clone(),
            };
            assert!(guarded(|| on_gpu.places(tile, &features)).is_err());
        }
    }
}
