//! The features of a picture's tiles.

use rayon::ThreadPoolBuildError;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::libtorch::{SyncRef, Workers};
use crate::model::config::Tiling;
use crate::nn::dense::{self, Features};
use crate::nn::efficientnet_lite::{Backbone, MEAN, SCALE};
use crate::nn::{FusedBackbone, InputShape};

/// The backbone with threads for it: on the CPU they share the tiles, or the channels of tiles that are too few.
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
    /// Of all pictures so far that came together; the first `prepared` are those of the last ones.
    tiles: Vec<Tile>,
    prepared: usize,
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
    ) -> Result<Self, ThreadPoolBuildError> {
        let workers = match device {
            Device::Cpu => Workers::sharing()?,
            _ => Workers::libtorch_threaded()?,
        };
        // Of the channels: the threads that there are for a tile.
        let slices = match device {
            Device::Cpu => workers.count().div_ceil(tiling.count()),
            _ => 1,
        };
        let [width, height] = tiling.tile;
        let pictures = InputShape {
            batch: 1,
            height: height as i64,
            width: width as i64,
        };
        // SAFETY: it is only read.
        let plain = unsafe { SyncRef::new(backbone) };
        // On the threads that will use it: the layout of packed weights depends on how many there are for a product.
        let packed = |slices| {
            workers.run(|| {
                no_grad(|| {
                    let mut backbone = FusedBackbone::new(plain.get(), kind, slices);
                    backbone.pack(pictures);
                    backbone
                })
            })
        };
        let shared = packed(slices);
        let whole = (slices > 1).then(|| packed(1));
        Ok(Self {
            shared,
            whole,
            tiles: Vec::new(),
            prepared: 0,
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

    /// Cuts the tiles out of pictures, planar R, G, B with values in 0..=255.
    pub fn prepare<'a>(&mut self, pictures: impl IntoIterator<Item = &'a [f32]>) {
        self.prepared = 0;
        for rgb in pictures {
            self.cut(rgb);
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

    /// Does something with the features of each tile (N = 1) of all prepared pictures, one picture after the
    /// other, on the threads.
    pub fn each<T: Send>(&self, work: impl Fn(usize, Features) -> T + Sync) -> Vec<T> {
        self.workers.run(|| {
            let one = |index: usize| no_grad(|| work(index, self.features(&self.tiles[index])));
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

    fn features(&self, tile: &Tile) -> Features {
        let [width, height] = self.tiling.tile.map(|side| side as i64);
        let picture = Tensor::from_slice(&tile.values)
            .to_device(self.device)
            .view([1, height, width, 3])
            .permute([0, 3, 1, 2])
            .to_kind(self.kind);
        let stages = self.backbone().forward(&picture);
        Features {
            places: dense::join(&stages),
            details: dense::details(&stages),
        }
        .map(|features| features.to_kind(Kind::Float))
    }
}
