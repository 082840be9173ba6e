//! Weights for encoders that are not trained here.

use super::options::{GlobalEncoder, LocalEncoder};
use crate::model::{Tensors, read_state_dict};
use crate::nn::{EncoderKind, LocalEncoderKind, dense, resnet18};
use crate::train::TrainError;
use crate::train::backbone::{BACKBONE_LICENCE, imagenet_backbone};

/// A network's encoder.
pub struct Encoder<Kind> {
    pub kind: Kind,
    /// Named as in the model; empty where it is to be trained.
    pub tensors: Tensors,
    /// Of the tensors.
    pub licence: Option<String>,
}

pub fn global(encoder: &GlobalEncoder) -> Result<Encoder<EncoderKind>, TrainError> {
    let (kind, tensors, licence) = match encoder {
        GlobalEncoder::EfficientnetLite0 => (
            EncoderKind::EfficientnetLite0,
            imagenet_backbone()?,
            Some(BACKBONE_LICENCE.to_owned()),
        ),
        GlobalEncoder::EfficientnetLite0Places => (
            EncoderKind::EfficientnetLite0Places,
            dense::needed(imagenet_backbone()?),
            Some(BACKBONE_LICENCE.to_owned()),
        ),
        GlobalEncoder::Resnet18(path) => {
            let tensors = resnet18::from_torchvision(read_state_dict(path)?);
            (EncoderKind::Resnet18, tensors, None)
        }
        GlobalEncoder::Scratch => (EncoderKind::Scratch, Tensors::new(), None),
    };
    Ok(Encoder {
        kind,
        tensors: prefixed(tensors, "global.pretrain."),
        licence,
    })
}

pub fn local(encoder: &LocalEncoder) -> Result<Encoder<LocalEncoderKind>, TrainError> {
    let (kind, tensors, licence) = match encoder {
        LocalEncoder::EfficientnetLite0Places => (
            LocalEncoderKind::EfficientnetLite0Places,
            dense::needed(imagenet_backbone()?),
            Some(BACKBONE_LICENCE.to_owned()),
        ),
        LocalEncoder::File(path) => {
            let tensors = of_local_network(read_state_dict(path)?);
            (LocalEncoderKind::Tower, tensors, None)
        }
        LocalEncoder::Scratch => (LocalEncoderKind::Tower, Tensors::new(), None),
    };
    Ok(Encoder {
        kind,
        tensors: prefixed(tensors, "local.pretrain."),
        licence,
    })
}

/// The encoder of a file that holds it alone or a whole local network.
fn of_local_network(entries: Tensors) -> Tensors {
    if !entries.keys().any(|name| name.starts_with("pretrain.")) {
        return entries;
    }
    entries
        .into_iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("pretrain.")?.to_owned(), tensor)))
        .collect()
}

fn prefixed(entries: Tensors, prefix: &str) -> Tensors {
    entries
        .into_iter()
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
        .collect()
}
