//! Weights for encoders that are not trained here.

use std::collections::HashMap;
use std::path::Path;

use super::TrainError;
use super::options::GlobalEncoder;
use crate::model::{Tensors, read_state_dict};
use crate::nn::{EncoderKind, resnet18};
use crate::train::{BACKBONE_LICENCE, imagenet_backbone};

/// The kind of the global encoder, its weights named as in the model, and their licence.
pub fn global(
    encoder: &GlobalEncoder,
) -> Result<(EncoderKind, Tensors, Option<String>), TrainError> {
    Ok(match encoder {
        GlobalEncoder::EfficientnetLite0 => {
            let entries = prefixed(imagenet_backbone()?, "global.pretrain.");
            let licence = BACKBONE_LICENCE.to_owned();
            (EncoderKind::EfficientnetLite0, entries, Some(licence))
        }
        GlobalEncoder::Resnet18(path) => {
            let entries = resnet18::from_torchvision(read_state_dict(path)?);
            (
                EncoderKind::Resnet18,
                prefixed(entries, "global.pretrain."),
                None,
            )
        }
        GlobalEncoder::Scratch => (EncoderKind::Scratch, HashMap::new(), None),
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
