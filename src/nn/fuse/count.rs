//! How much there is to compute.

use super::conv::FusedConv;
use super::linear::FusedLinear;

/// Additions and multiplications of convolutions and linear layers for one picture; all else is small beside them.
#[derive(Clone, Copy, Debug)]
pub struct Operations {
    pub encoder: f64,
    pub decoder: f64,
}

/// Follows a picture through the layers.
#[derive(Debug)]
pub struct Count {
    /// Of the picture at hand.
    pub side: i64,
    operations: f64,
}

impl Count {
    pub fn new(side: i64) -> Self {
        Self {
            side,
            operations: 0.0,
        }
    }

    pub fn operations(&self) -> f64 {
        self.operations
    }

    /// The picture goes through.
    pub fn through(&mut self, conv: &FusedConv) {
        self.side = self.beside(conv);
    }

    /// A copy of the picture goes through; returns its side then.
    pub fn beside(&mut self, conv: &FusedConv) -> i64 {
        let (side, operations) = conv.count(self.side);
        self.operations += operations;
        side
    }

    pub fn linear(&mut self, linear: &FusedLinear) {
        self.operations += linear.operations();
    }
}
