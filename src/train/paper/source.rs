//! Batches for the two networks, in an order that depends on seed and epoch alone.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor, no_grad};

use super::pictures::Pictures;
use super::trainer::Source;
use crate::nn::{Autoencoder, Global, Local, Mode, PATCHES, STRIDE};

/// The descriptor of the patches is estimated from at most this many of them.
const DESCRIPTOR_PATCHES: usize = 16_384;
/// Patches that are encoded together for it.
const ENCODE_BATCH: usize = 512;
/// Pictures that are encoded together.
const FEATURE_BATCH: usize = 16;

/// A shuffled pass over the data.
#[derive(Debug)]
struct Order {
    length: usize,
    batch: usize,
    seed: i64,
    /// The epoch that was shuffled last, and its permutation.
    last: RefCell<Option<(usize, Vec<i64>)>>,
}

impl Order {
    fn new(length: usize, batch: usize, seed: i64) -> Self {
        Self {
            length,
            batch: batch.clamp(1, length.max(1)),
            seed,
            last: RefCell::new(None),
        }
    }

    /// What does not fill a batch is left out.
    fn steps(&self) -> usize {
        (self.length / self.batch).max(1)
    }

    fn indices(&self, epoch: usize, step: usize) -> Vec<i64> {
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(shuffled, _)| *shuffled != epoch) {
            tch::manual_seed(self.seed.wrapping_mul(1_000_003).wrapping_add(epoch as i64));
            let order = Tensor::randperm(self.length as i64, (Kind::Int64, Device::Cpu));
            *last = Some((epoch, Vec::try_from(order).unwrap_or_default()));
        }
        let order = last.as_ref().map_or(&[][..], |(_, order)| order);
        let start = (step * self.batch).min(order.len());
        let end = (start + self.batch).min(order.len());
        order[start..end].to_vec()
    }
}

/// Whole pictures.
pub struct WholePictures<'a> {
    pictures: &'a Pictures,
    /// (N, features) of a frozen encoder, which never change.
    features: Option<Tensor>,
    order: Order,
}

impl<'a> WholePictures<'a> {
    pub fn new(pictures: &'a Pictures, network: &Global, batch: usize, seed: i64) -> Self {
        let features = network
            .frozen()
            .then(|| no_grad(|| encode(pictures, network)));
        Self {
            pictures,
            features,
            order: Order::new(pictures.len(), batch, seed),
        }
    }
}

impl WholePictures<'_> {
    /// The features of all pictures, if the encoder is frozen.
    pub fn features(&self) -> Option<&Tensor> {
        self.features.as_ref()
    }
}

/// The features of all pictures.
fn encode(pictures: &Pictures, network: &Global) -> Tensor {
    let indices: Vec<i64> = (0..pictures.len() as i64).collect();
    let features: Vec<Tensor> = indices
        .chunks(FEATURE_BATCH)
        .map(|indices| network.features(&pictures.batch(indices), Mode::Evaluate))
        .collect();
    Tensor::cat(&features, 0)
}

impl Source<Global> for WholePictures<'_> {
    fn steps_an_epoch(&self) -> usize {
        self.order.steps()
    }

    fn batch(&self, network: &Global, epoch: usize, step: usize) -> (Tensor, Tensor) {
        let indices = self.order.indices(epoch, step);
        let pictures = self.pictures.batch(&indices);
        let features = match &self.features {
            Some(features) => features.index_select(0, &Tensor::from_slice(&indices)),
            None => network.features(&pictures, Mode::Train),
        };
        (pictures, features)
    }

    fn latents(&self, network: &Global) -> Tensor {
        match &self.features {
            Some(features) => network.latent(features),
            None => network.latent(&encode(self.pictures, network)),
        }
    }
}

/// Patches of all pictures, at the places where inference cuts them.
pub struct Patches<'a> {
    pictures: &'a Pictures,
    order: Order,
}

impl<'a> Patches<'a> {
    pub fn new(pictures: &'a Pictures, batch: usize, seed: i64) -> Self {
        let patches = pictures.len() * (PATCHES * PATCHES) as usize;
        Self {
            pictures,
            order: Order::new(patches, batch, seed),
        }
    }

    fn cut(&self, indices: &[i64]) -> Tensor {
        let places: Vec<(i64, i64, i64)> = indices
            .iter()
            .map(|index| {
                let patch = index % (PATCHES * PATCHES);
                let (x, y) = (patch % PATCHES, patch / PATCHES);
                (index / (PATCHES * PATCHES), STRIDE * x, STRIDE * y)
            })
            .collect();
        self.pictures.patches(&places)
    }
}

impl Source<Local> for Patches<'_> {
    fn steps_an_epoch(&self) -> usize {
        self.order.steps()
    }

    fn batch(&self, network: &Local, epoch: usize, step: usize) -> (Tensor, Tensor) {
        let patches = self.cut(&self.order.indices(epoch, step));
        let features = if network.frozen() {
            no_grad(|| network.features(&patches, Mode::Evaluate))
        } else {
            network.features(&patches, Mode::Train)
        };
        (patches, features)
    }

    fn latents(&self, network: &Local) -> Tensor {
        // Evenly spread, and the same each time.
        let step = self.order.length.div_ceil(DESCRIPTOR_PATCHES).max(1);
        let indices: Vec<i64> = (0..self.order.length as i64).step_by(step).collect();
        let latents: Vec<Tensor> = indices
            .chunks(ENCODE_BATCH)
            .map(|indices| network.latent(&network.features(&self.cut(indices), Mode::Evaluate)))
            .collect();
        Tensor::cat(&latents, 0)
    }
}
