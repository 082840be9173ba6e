//! The backbone that both profiles may stand on.

use super::TrainError;
use crate::data::fetch::{self, FetchError};
use crate::model::{Tensors, read_state_dict};
use crate::nn::efficientnet_lite;

/// The licence of EfficientNet-Lite0's ImageNet weights.
pub const BACKBONE_LICENCE: &str = "Apache-2.0 (EfficientNet-Lite0, trained on ImageNet)";

/// The same where they are on this machine: whoever waits for a video must not wait for a network.
pub fn kept_imagenet_backbone() -> Result<Tensors, TrainError> {
    let kept = fetch::kept_efficientnet_lite0()?.ok_or(FetchError::NotKept)?;
    Ok(efficientnet_lite::without_head(read_state_dict(&kept)?))
}

/// EfficientNet-Lite0's ImageNet weights, fetched if they are not there yet.
pub fn imagenet_backbone() -> Result<Tensors, TrainError> {
    let entries = read_state_dict(&fetch::efficientnet_lite0()?)?;
    Ok(efficientnet_lite::without_head(entries))
}
