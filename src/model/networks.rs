//! The networks of a model with their descriptors, built from named tensors.

use tch::Kind;

use super::config::ModelConfig;
use crate::criterion::Descriptor;
use crate::nn::{Builder, Global, Init, Local, Scope, Weights, WeightsError};

/// A network and the descriptor of its normal latents.
#[derive(Debug)]
pub struct Scale<N> {
    pub network: N,
    pub descriptor: Descriptor,
}

/// What a model file holds, one of the two at least.
#[derive(Debug)]
pub struct Networks {
    pub global: Option<Scale<Global>>,
    pub local: Option<Scale<Local>>,
    /// All tensors, named `global.<state-dict name>`, `local.<...>`, and `c` and `sigma` beside the weights.
    pub weights: Weights,
}

impl Networks {
    /// Takes the tensors from `builder`; fails if one is missing, unknown, of the wrong shape or not finite.
    pub fn new(builder: Builder, config: &ModelConfig) -> Result<Self, WeightsError> {
        let global = match &config.global {
            Some(sizes) => {
                let scope = &builder.root() / "global";
                Some(Scale {
                    descriptor: descriptor(&scope, sizes.latent)?,
                    network: Global::new(scope, sizes, &config.normalisation)?,
                })
            }
            None => None,
        };
        let local = match &config.local {
            Some(sizes) => {
                let scope = &builder.root() / "local";
                Some(Scale {
                    descriptor: descriptor(&scope, sizes.latent)?,
                    network: Local::new(scope, sizes)?,
                })
            }
            None => None,
        };
        Ok(Self {
            global,
            local,
            weights: builder.finish()?,
        })
    }
}

/// The descriptor beside a network's weights.
pub fn descriptor(scope: &Scope, latent: i64) -> Result<Descriptor, WeightsError> {
    let c = scope.statistic("c", &[1, latent], Init::Zeros)?;
    let sigma = scope.statistic("sigma", &[], Init::Ones)?;
    if sigma.to_kind(Kind::Double).double_value(&[]) <= 0.0 {
        return Err(WeightsError::NotPositive(scope.entry("sigma")));
    }
    Ok(Descriptor { c, sigma })
}
