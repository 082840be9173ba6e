//! A walk through the layers with the size of the pictures that they will see.

use super::conv::FusedConv;
use super::linear::FusedLinear;

/// Additions and multiplications of convolutions and linear layers for one picture; all else is small beside them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Operations {
    pub encoder: f64,
    pub decoder: f64,
}

/// Packs each convolution's weights for its pictures, and counts what one of them takes.
#[derive(Debug)]
pub struct Walk {
    /// Pictures a batch.
    batch: i64,
    /// Height and width of the pictures at hand.
    pub size: [i64; 2],
    pub operations: f64,
}

impl Walk {
    pub fn new(batch: i64, size: [i64; 2]) -> Self {
        Self {
            batch,
            size,
            operations: 0.0,
        }
    }

    /// The pictures go through.
    pub fn through(&mut self, conv: &mut FusedConv) {
        self.size = self.beside(conv);
    }

    /// A copy of the pictures goes through; returns its size then.
    pub fn beside(&mut self, conv: &mut FusedConv) -> [i64; 2] {
        conv.pack(self.batch, self.size);
        let (size, operations) = conv.output(self.size);
        self.operations += operations;
        size
    }

    pub fn linear(&mut self, linear: &FusedLinear) {
        self.operations += linear.operations();
    }
}
