//! How far from normal places are, for CPUs: loops of our own, whose work threads share.

use rayon::prelude::*;
use tch::{Tensor, no_grad};

use super::Places;
use crate::criterion::{Field, PackedField};
use crate::libtorch::SyncRef;
use crate::nn::dense::Features;

/// Places that a thread takes at once: rows of their whiteners fill its cache.
const PLACES: usize = 64;
/// Details that a thread takes at once.
const DETAILS: usize = 256;

/// The fields of places and details.
#[derive(Debug)]
pub struct InLoops {
    places: PackedField,
    details: Option<PackedField>,
    /// All tiles have the same places.
    shared: bool,
}

impl InLoops {
    pub fn new(places: &Field, details: Option<&Field>, shared: bool) -> Self {
        Self {
            places: PackedField::new(places),
            details: details.map(PackedField::new),
            shared,
        }
    }

    /// What a picture's tile of that number comes to, from its features (N = 1), on the threads; with the residuals
    /// where it `departs`. Panics where libtorch throws.
    pub fn places(&self, tile: usize, features: &Features, departs: bool) -> Places {
        let details = self.details.as_ref().map(|field| {
            let count = features.details.size()[1] as usize;
            let mut distances = vec![0.0; count];
            // SAFETY: all only read them.
            let features = unsafe { SyncRef::new(&features.details) };
            let chunks = distances.par_chunks_mut(DETAILS).enumerate();
            chunks.for_each(|(chunk, distances)| {
                let start = chunk * DETAILS;
                let features = features.get().get(0);
                let features = features.narrow(0, start as i64, distances.len() as i64);
                let first = self.first(tile, count) + start;
                no_grad(|| field.distances(&features, first, distances, &mut [], &mut []));
            });
            distances
        });
        let features = features.places.get(0);
        let cells = features.size()[0] as usize;
        let dimensions = self.places.dimensions();
        let mut places = Places {
            distances: vec![0.0; cells],
            sums: vec![0.0; cells.div_ceil(PLACES) * dimensions],
            residuals: match departs {
                true => vec![0.0; cells * dimensions],
                false => Vec::new(),
            },
            details: details.unwrap_or_default(),
        };
        self.fill(self.first(tile, cells), &features, &mut places);
        places
    }

    /// Where a tile of so many places begins in its field.
    fn first(&self, tile: usize, count: usize) -> usize {
        if self.shared { 0 } else { tile * count }
    }

    fn fill(&self, first: usize, features: &Tensor, places: &mut Places) {
        let field = &self.places;
        // SAFETY: all only read them.
        let features = unsafe { SyncRef::new(features) };
        let chunk_places =
            |chunk: usize, (distances, sum): (&mut [f32], &mut [f32]), residuals: &mut [f32]| {
                let start = chunk * PLACES;
                let length = distances.len() as i64;
                let features = features.get().narrow(0, start as i64, length);
                no_grad(|| field.distances(&features, first + start, distances, residuals, sum));
            };
        let sums = places.sums.par_chunks_mut(field.dimensions());
        let distances = places
            .distances
            .par_chunks_mut(PLACES)
            .zip(sums)
            .enumerate();
        if places.residuals.is_empty() {
            distances.for_each(|(chunk, distances)| chunk_places(chunk, distances, &mut []));
        } else {
            let length = PLACES * field.dimensions();
            distances
                .zip(places.residuals.par_chunks_mut(length))
                .for_each(|((chunk, distances), residuals)| {
                    chunk_places(chunk, distances, residuals);
                });
        }
    }
}
