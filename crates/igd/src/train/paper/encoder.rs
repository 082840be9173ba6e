//! Weights for encoders that are not trained here.

use std::path::Path;

use super::options::GlobalEncoder;
use crate::model::{Tensors, read_state_dict};
use crate::nn::{EncoderKind, resnet18};
use crate::train::TrainError;
use crate::train::backbone::{BACKBONE_LICENCE, imagenet_backbone};

/// The global network's encoder.
pub struct Encoder {
    pub kind: EncoderKind,
    /// Named as in the model.
    pub tensors: Tensors,
    /// Of the tensors.
    pub licence: Option<String>,
}

pub fn global(encoder: &GlobalEncoder) -> Result<Encoder, TrainError> {
    let (kind, tensors, licence) = match encoder {
        GlobalEncoder::EfficientnetLite0 => (
            EncoderKind::EfficientnetLite0,
            imagenet_backbone()?,
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

/// The local encoder's weights from a file that holds it alone or a whole local network.
pub fn local(path: &Path) -> Result<Tensors, TrainError> {
    let mut entries = read_state_dict(path)?;
    if entries.keys().any(|name| name.starts_with("pretrain.")) {
        entries = entries
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix("pretrain.")?.to_owned(), tensor)))
            .collect();
    }
    Ok(prefixed(entries, "local.pretrain."))
}

fn prefixed(entries: Tensors, prefix: &str) -> Tensors {
    entries
        .into_iter()
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
        .collect()
}
