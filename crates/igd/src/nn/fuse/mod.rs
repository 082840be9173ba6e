//! The trained networks rewritten for inference: the same results from less work.
//!
//! - Batch norm after a convolution is folded into it; before one, where the shortcut needs the plain input too, it is
//!   one factor and offset a channel.
//! - Convolution and 2x2 means are one convolution of stride 2, nearest upsampling and convolution one transposed
//!   convolution (as in training); 1x1 shortcuts run on the smaller side of both.
//! - Linear layers that follow each other are multiplied out, and so are the convolutions between them that no
//!   activation separates, where that pays: the last ones of the trained encoders.
//! - Pictures are channels-last in memory, as the kernels of CPUs and GPUs want them; weights have the precision of the
//!   run (f32, bf16 or f16) and, where they are packed for CPUs, the layout of the kernels, which do ReLUs and sums in the same pass. Latents
//!   and reconstructions come out as f32.

mod algebra;
mod backbone;
mod conv;
mod decoder;
mod efficientnet_lite;
mod folded;
mod linear;
mod resnet18;
mod tower;

use tch::{Kind, Tensor};

pub use self::algebra::Kernel;
pub use self::backbone::FusedBackbone;
pub use self::conv::InputShape;
use self::decoder::FusedDecoder;
use self::efficientnet_lite::FusedEfficientnetLite0;
pub use self::folded::{FoldedBlock, PaddedKernel, folded};
use self::resnet18::FusedResnet18;
use self::tower::FusedTower;
use super::blocks::{Linear, channels_last};
use super::encoder::Encoder;
use super::{Autoencoder, Global, Local};

/// A [`Global`] or [`Local`] network for inference. Its tensors are on the network's device and need no gradients.
#[derive(Debug)]
pub struct Fused {
    encoder: FusedEncoder,
    encoder_kind: Kind,
    decoder: FusedDecoder,
    decoder_kind: Kind,
}

#[derive(Debug)]
enum FusedEncoder {
    Tower(Box<FusedTower>),
    Resnet18(FusedResnet18),
    EfficientnetLite0(FusedEfficientnetLite0),
}

impl FusedEncoder {
    /// With the layer that makes latents of its features.
    fn new(encoder: &Encoder, latent: &Linear, kind: Kind) -> Self {
        match encoder {
            Encoder::Tower { tower, .. } => {
                Self::Tower(Box::new(FusedTower::new(tower, latent, kind)))
            }
            Encoder::Resnet18(encoder) => Self::Resnet18(FusedResnet18::new(encoder, latent, kind)),
            Encoder::EfficientnetLite0(encoder) => {
                Self::EfficientnetLite0(FusedEfficientnetLite0::new(encoder, latent, kind))
            }
        }
    }
}

impl Fused {
    /// `kind` is what the decoder's convolutions compute in: f32, bf16 or f16. The encoder's are f32: its layer to the
    /// latent stretches what hardly varies, and with it the rounding, until scores are off by a tenth. It is a small
    /// part of the whole. For batches of `batch` pictures the kernels of the CPU lay out the weights, where that can be
    /// done; without they stay plain tensors.
    pub fn global(network: &Global, kind: Kind, batch: Option<i64>) -> Self {
        tch::no_grad(|| {
            let fused = Self {
                encoder: FusedEncoder::new(&network.pretrain, &network.ln11, Kind::Float),
                encoder_kind: Kind::Float,
                decoder: FusedDecoder::global(network, kind),
                decoder_kind: kind,
            };
            match batch {
                Some(batch) => fused.packed(batch, network.side()),
                None => fused,
            }
        })
    }

    /// As [`Fused::global`], with a tower in that precision too: its latents are not stretched.
    pub fn local(network: &Local, kind: Kind, batch: Option<i64>) -> Self {
        let encoder_kind = match network.pretrain {
            Encoder::Tower { .. } => kind,
            _ => Kind::Float,
        };
        tch::no_grad(|| {
            let fused = Self {
                encoder: FusedEncoder::new(&network.pretrain, &network.ln11, encoder_kind),
                encoder_kind,
                decoder: FusedDecoder::local(network, kind),
                decoder_kind: kind,
            };
            match batch {
                Some(batch) => fused.packed(batch, network.side()),
                None => fused,
            }
        })
    }

    /// With the weights packed for batches of that many pictures with sides of `side` pixels.
    fn packed(mut self, batch: i64, side: i64) -> Self {
        let pictures = InputShape::square(batch, side);
        match &mut self.encoder {
            FusedEncoder::Tower(encoder) => encoder.pack(pictures),
            FusedEncoder::Resnet18(encoder) => encoder.pack(pictures),
            FusedEncoder::EfficientnetLite0(encoder) => encoder.pack(pictures),
        }
        self.decoder.pack(batch);
        self
    }

    /// Normalised pictures (N, 3, side, side) to latents z (N, latent), f32.
    pub fn encode(&self, pictures: &Tensor) -> Tensor {
        let pictures = channels_last(&pictures.to_kind(self.encoder_kind));
        match &self.encoder {
            FusedEncoder::Tower(encoder) => encoder.forward(&pictures),
            FusedEncoder::Resnet18(encoder) => encoder.forward(&pictures),
            FusedEncoder::EfficientnetLite0(encoder) => encoder.forward(&pictures),
        }
        .to_kind(Kind::Float)
    }

    /// Latents (N, latent) to reconstructions (N, 3, side, side), f32, in the usual layout.
    pub fn decode(&self, latents: &Tensor) -> Tensor {
        self.decoder
            .forward(&latents.to_kind(self.decoder_kind))
            .contiguous()
    }
}
