//! The paper's profile: the two networks, or one of them.

use serde::{Deserialize, Serialize};

use crate::criterion::ScoreWeights;
use crate::nn::{GlobalConfig, LocalConfig, LocalEncoderKind, Normalisation, PATCH, PICTURE};

/// Everything needed to rebuild the networks around the file's tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperConfig {
    /// Width and height in pixels of the picture that the networks see: 256 each, or 32 for the local network alone, to
    /// which a small picture is a patch (the paper's models for MNIST, Fashion-MNIST and CIFAR-10).
    pub input: [usize; 2],
    /// What makes the networks' pictures of values in 0..=255.
    pub normalisation: Normalisation,
    /// Distance between the darkest and the brightest value after normalisation, as MS-SSIM and L1 take it.
    pub range: f64,
    /// The network for the whole picture, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalConfig>,
    /// The network for patches, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalConfig>,
    /// How the score is made of the networks' errors.
    pub score: ScoreWeights,
}

/// More channels or a longer latent than this are a damaged file's.
const LARGEST_WIDTH: i64 = 4096;

impl PaperConfig {
    /// The paper's settings around the given networks.
    pub fn new(global: Option<GlobalConfig>, local: Option<LocalConfig>) -> Self {
        Self {
            input: [PICTURE as usize; 2],
            normalisation: Normalisation::IMAGENET,
            // As the published code rounds it.
            range: 2.1179 + 2.6400,
            global,
            local,
            score: ScoreWeights::PAPER,
        }
    }

    /// The same for the local network alone, to which a small picture is a patch.
    pub fn of_small_pictures(local: Option<LocalConfig>) -> Self {
        let encoder = local
            .as_ref()
            .map(|local| local.encoder)
            .unwrap_or_default();
        Self {
            input: [PATCH as usize; 2],
            score: match encoder {
                LocalEncoderKind::Tower => ScoreWeights::SINGLE,
                LocalEncoderKind::EfficientnetLite0Places => ScoreWeights::SINGLE_IMAGENET,
            },
            ..Self::new(None, local)
        }
    }

    /// Whether a patch is the whole picture.
    pub(crate) fn is_patch(&self) -> bool {
        self.input[0] == PATCH as usize && self.global.is_none()
    }

    /// Refuses what no network can be built from; the reason names the field.
    pub fn check(&self) -> Result<(), String> {
        let side = if self.is_patch() { PATCH } else { PICTURE };
        if self.input != [side as usize; 2] {
            return Err(format!(
                "config.input is {}x{}, this program knows {PICTURE}x{PICTURE}, and {PATCH}x{PATCH} for a local \
                network alone",
                self.input[0], self.input[1]
            ));
        }
        if self.global.is_none() && self.local.is_none() {
            return Err("config names neither a global nor a local network".to_owned());
        }
        let local_encoder = self.local.as_ref().map(|local| local.encoder);
        if local_encoder == Some(LocalEncoderKind::EfficientnetLite0Places) && !self.is_patch() {
            return Err(format!(
                "config.local.encoder sees no patches of larger pictures, only pictures of {PATCH}x{PATCH}"
            ));
        }
        let global = self.global.iter().flat_map(|global| {
            [
                ("global.width", global.width),
                ("global.latent", global.latent),
            ]
        });
        let local = self.local.iter().flat_map(|local| {
            [
                ("local.encoder_width", local.encoder_width),
                ("local.width", local.width),
                ("local.latent", local.latent),
            ]
        });
        for (name, value) in global.chain(local) {
            if !(1..=LARGEST_WIDTH).contains(&value) {
                return Err(format!(
                    "config.{name} is {value}, expected 1 to {LARGEST_WIDTH}"
                ));
            }
        }
        let Normalisation { mean, std } = &self.normalisation;
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        if !mean.iter().all(|value| value.is_finite()) || !std.iter().all(positive) {
            return Err("config.normalisation must be finite, with std above zero".to_owned());
        }
        if !positive(&self.range) {
            return Err(format!(
                "config.range is {}, expected above zero",
                self.range
            ));
        }
        let score = &self.score;
        let shares = [
            score.global.reconstruction,
            score.global.gaussian,
            score.local.reconstruction,
            score.local.gaussian,
            score.global_share,
        ];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err("config.score must be shares of 0 to 1".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_before_there_were_two_local_encoders_are_read() {
        let old = r#"{"frozen_encoder":false,"encoder_width":8,"width":8,"latent":64}"#;
        let config: LocalConfig = serde_json::from_str(old).unwrap();
        assert_eq!(config.encoder, LocalEncoderKind::Tower);
        assert_eq!(serde_json::to_string(&config).unwrap(), old);
        let new = LocalConfig {
            encoder: LocalEncoderKind::EfficientnetLite0Places,
            frozen_encoder: true,
            ..config
        };
        let text = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<LocalConfig>(&text).unwrap(), new);
        let small = PaperConfig::of_small_pictures(Some(new.clone()));
        assert_eq!(small.check(), Ok(()));
        let patches = PaperConfig::new(None, Some(new));
        assert!(patches.check().unwrap_err().contains("local.encoder"));
    }
}
