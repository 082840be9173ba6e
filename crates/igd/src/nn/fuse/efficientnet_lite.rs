//! EfficientNet-Lite0 together with the layer that makes latents of its features.

use tch::{Kind, Tensor};

use super::backbone::FusedBackbone;
use super::conv::InputShape;
use super::linear::FusedLinear;
use crate::nn::blocks::Linear;
use crate::nn::efficientnet_lite::{EfficientnetLite0, Pooling};

/// (N, 3, H, W) to z (N, latent).
#[derive(Debug)]
pub struct FusedEfficientnetLite0 {
    pooling: Pooling,
    factor: Tensor,
    offset: Tensor,
    backbone: FusedBackbone,
    latent: FusedLinear,
}

impl FusedEfficientnetLite0 {
    pub fn new(encoder: &EfficientnetLite0, latent: &Linear, kind: Kind) -> Self {
        let (factor, offset) = &encoder.renormalise;
        Self {
            pooling: encoder.pooling,
            factor: factor.to_kind(kind),
            offset: offset.to_kind(kind),
            // The network's decoder is not shared either.
            backbone: FusedBackbone::new(&encoder.backbone, kind, 1),
            latent: FusedLinear::of(latent, Kind::Float),
        }
    }

    /// Packs the convolutions for such pictures.
    pub fn pack(&mut self, pictures: InputShape) {
        self.backbone
            .pack(pictures.map(|side| self.pooling.side(side)));
    }

    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        // Not folded into the stem: the border is padded with zeros of the new scale.
        let pictures = self.pooling.enlarge(pictures);
        let x = self.offset.addcmul(&pictures, &self.factor);
        let stages = self.backbone.forward(&x);
        self.latent.forward(&self.pooling.of(&stages))
    }
}
