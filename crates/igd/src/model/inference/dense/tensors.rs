//! How far from normal places are, in tensors: those of all tiles at once, as GPUs want it.

use tch::{Device, Kind, Tensor};

use super::Places;
use crate::criterion::Field;
use crate::model::inference::copy_to;
use crate::nn::dense::Features;

/// The fields of places and details.
#[derive(Debug)]
pub struct InTensors {
    places: WholeField,
    details: Option<WholeField>,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for InTensors {}

/// A field with its whole matrices.
#[derive(Debug)]
struct WholeField {
    field: Field,
    matrices: Tensor,
}

impl InTensors {
    pub fn new(places: Field, details: Option<Field>) -> Self {
        Self {
            places: WholeField::new(places),
            details: details.map(WholeField::new),
        }
    }

    /// What the tiles of one or more pictures come to, from their features (N tiles), in one copy from the device; with
    /// the residuals where they `depart`. Panics where libtorch throws.
    pub fn places(&self, features: &Features, depart: bool) -> Vec<Places> {
        let tiles = features.places.size()[0];
        let of_pictures = self.places.of_pictures(&features.places);
        let mut parts = vec![
            self.places.distances(&of_pictures),
            self.places.sums(&features.places),
        ];
        if let Some(details) = &self.details {
            parts.push(details.distances(&details.of_pictures(&features.details)));
        }
        if depart {
            parts.push(self.places.field.residuals(&of_pictures));
        }
        // A row a tile.
        let rows = parts.iter().map(|part| part.reshape([tiles, -1]));
        let rows: Vec<Tensor> = rows.collect();
        let lengths = rows.iter().map(|part| part.size()[1] as usize);
        let lengths: Vec<usize> = lengths.collect();
        let mut values = Vec::new();
        copy_to(&mut values, &Tensor::cat(&rows, 1).to_device(Device::Cpu));
        values
            .chunks_exact(lengths.iter().sum())
            .map(|row| {
                let mut rest = row;
                let mut parts = lengths.iter().map(|&length| {
                    let (part, others) = rest.split_at(length);
                    rest = others;
                    part.to_vec()
                });
                let mut next = |is_there: bool| match is_there {
                    true => parts.next().unwrap_or_default(),
                    false => Vec::new(),
                };
                Places {
                    distances: next(true),
                    sums: next(true),
                    details: next(self.details.is_some()),
                    residuals: next(depart),
                }
            })
            .collect()
    }
}

impl WholeField {
    fn new(field: Field) -> Self {
        Self {
            matrices: field.matrices(),
            field,
        }
    }

    /// Features (N tiles, places, features) by pictures, or by tiles where all have the same places: as many places as
    /// the field has.
    fn of_pictures(&self, features: &Tensor) -> Tensor {
        let (places, length) = (self.field.c.size()[0], features.size()[2]);
        features.reshape([-1, places, length])
    }

    fn distances(&self, of_pictures: &Tensor) -> Tensor {
        self.field.distances(of_pictures, &self.matrices)
    }

    /// The sums of P x - c over the places of each tile (N, d), from features (N, places, features): made of sums, so
    /// that no place is projected again.
    fn sums(&self, features: &Tensor) -> Tensor {
        let (places, dimensions) = (features.size()[1], self.field.c.size()[1]);
        let total = |tensor: &Tensor| tensor.sum_dim_intlist([1].as_slice(), false, Kind::Float);
        let projected = total(features).matmul(&self.field.projection.tr());
        let centres = total(&self.field.c.view([-1, places, dimensions]));
        // Tile by tile of each picture.
        projected.view([-1, centres.size()[0], dimensions]) - centres
    }
}
