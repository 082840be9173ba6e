//! The features of a picture's tiles.

use rayon::ThreadPoolBuildError;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use super::super::upload;
use crate::libtorch::{SyncRef, Workers};
use crate::model::config::Tiling;
use crate::model::execution::Execution;
use crate::nn::dense::{self, Features};
use crate::nn::efficientnet_lite::{Backbone, MEAN, SCALE};
use crate::nn::{FusedBackbone, InputShape, channels_last};

/// The backbone with threads for it, which share the tiles, or the channels of tiles that are too few; or in tensors, for
/// all tiles together.
#[derive(Debug)]
pub struct Extractor {
    /// Its channels in slices, for tiles that are fewer than the threads.
    shared: FusedBackbone,
    /// For a tile a thread, which takes fewer operations in all; `None` where the other one is not sliced.
    whole: Option<FusedBackbone>,
    tiling: Tiling,
    device: Device,
    kind: Kind,
    workers: Workers,
    execution: Execution,
    /// Of all pictures so far that came together; the first `prepared` are those of the last ones. None in tensors.
    tiles: Vec<Tile>,
    prepared: usize,
    /// In tensors the pictures that are prepared: (N, 3, height, width), values of 0..=255.
    pictures: Option<Tensor>,
}

/// A tile's picture, normalised for the backbone.
#[derive(Debug)]
struct Tile {
    /// (height, width, 3).
    values: Vec<f32>,
}

// SAFETY: nothing changes the backbone's tensors once it is made, and libtorch lets any number of threads read one.
unsafe impl Sync for Extractor {}

impl Extractor {
    /// `device` is where the backbone is, `kind` what it shall compute in. Fails when the system gives no threads.
    pub fn new(
        backbone: &Backbone,
        tiling: Tiling,
        device: Device,
        kind: Kind,
        execution: Execution,
    ) -> Result<Self, ThreadPoolBuildError> {
        let workers = match execution {
            Execution::Loops => Workers::sharing()?,
            Execution::Tensors => Workers::libtorch_threaded()?,
        };
        // Of the channels: the threads that there are for a tile.
        let slices = workers.count().div_ceil(tiling.count());
        let [width, height] = tiling.tile;
        let pictures = InputShape {
            batch: 1,
            height: height as i64,
            width: width as i64,
        };
        // SAFETY: it is only read.
        let plain = unsafe { SyncRef::new(backbone) };
        // On the threads that will use it: the layout of packed weights depends on how many there are for a product.
        let fused = |slices| {
            workers.run(|| {
                no_grad(|| {
                    let mut backbone = FusedBackbone::new(plain.get(), kind, slices);
                    if execution == Execution::Loops {
                        backbone.pack(pictures);
                    }
                    backbone
                })
            })
        };
        let shared = fused(slices);
        let whole = (slices > 1).then(|| fused(1));
        Ok(Self {
            shared,
            whole,
            execution,
            tiles: Vec::new(),
            prepared: 0,
            pictures: None,
            tiling,
            device,
            kind,
            workers,
        })
    }

    /// How pictures are cut.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    /// The threads that compute.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Takes pictures, planar R, G, B with values in 0..=255.
    pub fn prepare<'a>(&mut self, pictures: impl IntoIterator<Item = &'a [f32]>) {
        match self.execution {
            Execution::Loops => {
                self.prepared = 0;
                for rgb in pictures {
                    self.cut(rgb);
                }
            }
            Execution::Tensors => {
                self.pictures = Some(upload(pictures, self.tiling.picture(), self.device));
            }
        }
    }

    fn cut(&mut self, rgb: &[f32]) {
        let [width, _] = self.tiling.picture();
        let [row, height] = self.tiling.tile;
        let count = self.tiling.count();
        let (start, end) = (self.prepared, self.prepared + count);
        self.prepared = end;
        let empty = || Tile {
            values: vec![0.0; 3 * row * height],
        };
        self.tiles.resize_with(self.tiles.len().max(end), empty);
        let planes = rgb.chunks_exact(rgb.len() / 3);
        for (index, tile) in self.tiles[start..end].iter_mut().enumerate() {
            let [x, y] = self.tiling.corner(index);
            for (channel, plane) in planes.clone().enumerate() {
                let rows = plane.chunks_exact(width).skip(y);
                for (out, values) in tile.values.chunks_exact_mut(3 * row).zip(rows) {
                    let values = &values[x..x + row];
                    for (out, value) in out.iter_mut().skip(channel).step_by(3).zip(values) {
                        *out = (value - MEAN) / SCALE;
                    }
                }
            }
        }
    }

    /// Does something with the features of the tiles of all prepared pictures, one picture after the other, on the
    /// threads: with those of each by itself (N = 1), and its number; in tensors with those of all together.
    pub fn each<T: Send>(&self, work: impl Fn(usize, Features) -> T + Sync) -> Vec<T> {
        self.workers.run(|| {
            if let Some(pictures) = &self.pictures {
                return vec![no_grad(|| work(0, self.features(&self.tiles_of(pictures))))];
            }
            let one = |index: usize| {
                no_grad(|| work(index, self.features(&self.picture_of(&self.tiles[index]))))
            };
            match self.prepared {
                1 => vec![one(0)],
                count => (0..count).into_par_iter().map(one).collect(),
            }
        })
    }

    /// For as many tiles as are prepared.
    fn backbone(&self) -> &FusedBackbone {
        let whole = self.whole.as_ref();
        let whole = whole.filter(|_| self.prepared >= self.workers.count());
        whole.unwrap_or(&self.shared)
    }

    /// A tile as the backbone wants it: (1, 3, height, width), channels-last.
    fn picture_of(&self, tile: &Tile) -> Tensor {
        let [width, height] = self.tiling.tile.map(|side| side as i64);
        Tensor::from_slice(&tile.values)
            .view([1, height, width, 3])
            .permute([0, 3, 1, 2])
    }

    /// The tiles of pictures in the same way: (N tiles, 3, height, width).
    fn tiles_of(&self, pictures: &Tensor) -> Tensor {
        let [width, height] = self.tiling.tile.map(|side| side as i64);
        let tiles = (0..self.tiling.count()).map(|index| {
            let [x, y] = self.tiling.corner(index).map(|place| place as i64);
            pictures.narrow(2, y, height).narrow(3, x, width)
        });
        let tiles = Tensor::stack(&tiles.collect::<Vec<_>>(), 1).flatten(0, 1);
        channels_last(&((tiles - f64::from(MEAN)) / f64::from(SCALE)))
    }

    fn features(&self, tiles: &Tensor) -> Features {
        let stages = self.backbone().forward(&tiles.to_kind(self.kind));
        Features {
            places: dense::join(&stages),
            details: dense::details(&stages),
        }
        .map(|features| features.to_kind(Kind::Float))
    }
}
