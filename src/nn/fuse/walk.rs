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
    /// Of the pictures at hand.
    pub side: i64,
    pub operations: f64,
}

impl Walk {
    pub fn new(batch: i64, side: i64) -> Self {
        Self {
            batch,
            side,
            operations: 0.0,
        }
    }

    /// The pictures go through.
    pub fn through(&mut self, conv: &mut FusedConv) {
        self.side = self.beside(conv);
    }

    /// A copy of the pictures goes through; returns its side then.
    pub fn beside(&mut self, conv: &mut FusedConv) -> i64 {
        conv.pack(self.batch, self.side);
        let (side, operations) = conv.output(self.side);
        self.operations += operations;
        side
    }

    pub fn linear(&mut self, linear: &FusedLinear) {
        self.operations += linear.operations();
    }
}
