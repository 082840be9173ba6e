//! The published method as a plain graph, to compare with: no rewritten layers, the default memory layout, everything
//! in one batch. Tests hold it to the golden numbers and the library to it; benchmarks measure the library against it.
#![allow(dead_code)]

mod criterion;
mod networks;
mod training;

use igd::criterion::PatchFold;
use igd::nn::{Mode, PICTURE, patches};
use tch::{Kind, Tensor, no_grad};

pub use criterion::Criterion;
use networks::device_of;
pub use networks::{Entries, network};
#[allow(unused_imports)]
pub use training::Training;

/// A network and its criterion.
#[derive(Clone, Copy)]
pub struct Scale {
    pub name: &'static str,
    pub critic: &'static str,
    pub criterion: Criterion,
    /// Shares of reconstruction and Gaussian in the score.
    score: (f64, f64),
}

pub const GLOBAL: Scale = Scale {
    name: "global",
    critic: "critic_global",
    criterion: Criterion::GLOBAL,
    score: (0.1, 0.9),
};

pub const LOCAL: Scale = Scale {
    name: "local",
    critic: "critic_local",
    criterion: Criterion::LOCAL,
    score: (0.9, 0.1),
};

impl Scale {
    /// 1 - exp(-||z - c||^2 / sigma): (N).
    pub fn gaussian(&self, entries: &Entries, z: &Tensor) -> Tensor {
        let place = network(entries, self.name);
        let squared = (z - place.get("c")).square();
        let distance = squared.sum_dim_intlist([1].as_slice(), false, Kind::Float);
        1.0 - (-distance / place.get("sigma")).exp()
    }

    /// Scores (N) and maps (N, 1, side, side).
    fn measure(&self, entries: &Entries, pictures: &Tensor) -> (Tensor, Tensor) {
        let place = network(entries, self.name);
        let z = place.encode(pictures);
        let reconstructed = place.generate(&z, Mode::Evaluate);
        let reconstruction = self.criterion.reconstruction(pictures, &reconstructed);
        let gaussian = self.gaussian(entries, &z);
        let maps = self.criterion.residual_map(pictures, &reconstructed);
        (
            reconstruction * self.score.0 + gaussian * self.score.1,
            maps,
        )
    }
}

/// Judges whole pictures with both networks.
pub struct Detector {
    entries: Entries,
    fold: PatchFold,
}

impl Detector {
    /// Where the entries are.
    pub fn new(entries: Entries) -> Self {
        Self {
            fold: PatchFold::new(PICTURE, device_of(&entries)),
            entries,
        }
    }

    /// (1, 3, 256, 256), normalised, to the score and the map (1, 1, 256, 256).
    pub fn measure(&self, picture: &Tensor) -> (f64, Tensor) {
        no_grad(|| {
            let (global, global_map) = GLOBAL.measure(&self.entries, picture);
            let (local, local_maps) = LOCAL.measure(&self.entries, &patches(picture));
            let score = global.double_value(&[0]) + local.max().double_value(&[]);
            let map = global_map + self.fold.mean(&local_maps);
            (score * 0.5, map * 0.5)
        })
    }
}
