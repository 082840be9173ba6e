//! The dense profile: features of a frozen backbone, and at each place how far they are from normal.

mod extractor;
mod grid;
mod loops;
mod tensors;

use std::time::{Duration, Instant};

use rayon::ThreadPoolBuildError;
use tch::{Device, Kind};

pub use self::extractor::Extractor;
use self::grid::{PlaceGrid, lay_on};
use self::loops::InLoops;
use self::tensors::InTensors;
use super::{Stage, StageTimes};
use crate::align::{Aligner, References};
use crate::criterion::{Field, Head};
use crate::libtorch::SyncRef;
use crate::model::config::DenseConfig;
use crate::model::detection::{InputPicture, RawDetection, Scales};
use crate::model::execution::Execution;
use crate::model::networks::DenseNetworks;
use crate::nn::dense::{CELL, DETAIL, Features};
use crate::warp::Transform;

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
    fields: Fields,
    /// Where in a place something is.
    details: Option<PlaceGrid>,
    head: Option<Head>,
    /// Whether departures are asked for.
    departs: bool,
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

/// What is normal.
#[derive(Debug)]
enum Fields {
    Loops(InLoops),
    Tensors(InTensors),
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

impl Dense {
    pub fn new(
        config: &DenseConfig,
        networks: DenseNetworks,
        device: Device,
        kind: Kind,
        execution: Execution,
    ) -> Result<Self, ThreadPoolBuildError> {
        let tiling = config.tiling;
        let extractor = Extractor::new(&networks.backbone, tiling, device, kind, execution)?;
        let references = networks.references.as_ref();
        Ok(Self {
            frame: references.map(|references| Frame::new(config, references)),
            extractor,
            scorer: Scorer::new(
                config,
                (networks.field, networks.details),
                networks.head,
                execution,
            ),
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
        let judged: Vec<(Vec<Places>, Duration)> = extractor.each(|index, features| {
            let start = Instant::now();
            (scorer.places(index % tiles, &features), start.elapsed())
        });
        let all = start.elapsed();
        let descriptor =
            judged.iter().map(|(_, time)| *time).sum::<Duration>() / judged.len() as u32;
        stages.add(Stage::Features, all.saturating_sub(descriptor));
        stages.add(Stage::Descriptor, descriptor.min(all));
        stages.time(Stage::Map, || {
            let places = judged.iter().flat_map(|(places, _)| places);
            let places: Vec<PlacesView> = places.map(Places::view).collect();
            let pictures = pictures.iter_mut().zip(places.chunks(tiles));
            for (index, (picture, tiles)) in pictures.enumerate() {
                let place = frame.as_ref().map(|frame| frame.place(index));
                scorer.finish(tiles, place, &mut picture.raw);
            }
        });
    }

    /// As [`run`](Self::run) of one picture, from the features of all its tiles (N).
    pub fn measure(&mut self, features: &Features, raw: &mut RawDetection) {
        let scorer = &self.scorer;
        // SAFETY: nobody changes them meanwhile.
        let features = features.as_ref().map(|one| unsafe { SyncRef::new(one) });
        let places = self.extractor.workers().run(|| {
            let features = features.as_ref().map(|one| one.get().shallow_clone());
            scorer.all_places(&features)
        });
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

impl Scorer {
    fn new(
        config: &DenseConfig,
        (places, details): (Field, Option<Field>),
        head: Option<Head>,
        execution: Execution,
    ) -> Self {
        let detailed = details.is_some();
        Self {
            fields: match execution {
                Execution::Loops => {
                    Fields::Loops(InLoops::new(&places, details.as_ref(), config.shared))
                }
                Execution::Tensors => Fields::Tensors(InTensors::new(places, details)),
            },
            details: detailed.then(|| PlaceGrid::new(config.tiling, DETAIL)),
            departs: head.is_some(),
            head,
            dimensions: config.dimensions,
            grid: PlaceGrid::new(config.tiling, CELL),
            window: Window {
                size: config.tiling.picture(),
                map: Vec::new(),
            },
        }
    }

    /// What the places of tiles are, from what [`Extractor::each`] gives: in loops the features of a picture's tile of
    /// that number, in tensors those of all tiles of one or more pictures. Panics where libtorch throws.
    fn places(&self, tile: usize, features: &Features) -> Vec<Places> {
        match &self.fields {
            Fields::Loops(fields) => vec![fields.places(tile, features, self.departs)],
            Fields::Tensors(fields) => fields.places(features, self.departs),
        }
    }

    /// The same from the features of all tiles (N) of a picture.
    fn all_places(&self, features: &Features) -> Vec<Places> {
        match &self.fields {
            Fields::Loops(_) => (0..features.places.size()[0])
                .flat_map(|tile| {
                    let one = features.as_ref().map(|all| all.narrow(0, tile, 1));
                    self.places(tile as usize, &one)
                })
                .collect(),
            Fields::Tensors(_) => self.places(0, features),
        }
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
        if let Some(grid) = &mut self.details {
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
    use tch::Tensor;

    use super::*;
    use crate::libtorch::guarded;
    use crate::model::config::Tiling;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// What comes after the features, in loops and in tensors. Two tiles of 16 places.
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
        [Execution::Loops, Execution::Tensors].map(|execution| {
            let share = |field: &Field| field.of_places(0, field.c.size()[0]);
            let fields = (share(&field), Some(share(&details)));
            Scorer::new(&config, fields, head(), execution)
        })
    }

    /// Of two tiles.
    fn features() -> Features {
        Features {
            places: Tensor::randn([2, 16, 304], OPTIONS),
            details: Tensor::randn([2, 64, 40], OPTIONS),
        }
    }

    #[test]
    fn tensors_and_loops_find_the_same_distances() {
        let [in_loops, in_tensors] = scorers();
        let pictures = [features(), features()];
        let expected = pictures.iter().flat_map(|one| in_loops.all_places(one));
        let expected: Vec<Places> = expected.collect();
        let found = in_tensors.all_places(&Features::cat(&pictures, 0));
        assert_eq!(found.len(), 4);
        for (found, expected) in found.iter().zip(&expected) {
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

    /// The head's formula, in loops and in tensors, and that it leaves distance and map alone.
    #[test]
    fn a_head_multiplies_the_distance() {
        tch::manual_seed(7);
        let features = features();
        let mut found = Vec::new();
        for mut scorer in scorers() {
            let places = scorer.all_places(&features);
            let views: Vec<_> = places.iter().map(Places::view).collect();
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
        let [_, in_tensors] = scorers();
        let double = |features: &Tensor| features.to_kind(Kind::Double);
        let Features { places, details } = features();
        for [places, details] in [
            [&places.narrow(0, 0, 1), &details],
            [&places.narrow(2, 0, 303), &details],
            [&double(&places), &details],
            [&places, &details.narrow(2, 0, 39)],
            [&places, &double(&details)],
        ] {
            let features = Features {
                places: places.shallow_clone(),
                details: details.shallow_clone(),
            };
            assert!(guarded(|| in_tensors.all_places(&features)).is_err());
        }
    }
}
