//! The networks of a model with their descriptors, built from named tensors.

use tch::{Device, Kind, Tensor};

use super::config::{DETAIL_DIMENSIONS, DenseConfig, ModelConfig, PaperConfig};
use crate::align::{AREA, References};
use crate::criterion::{Descriptor, DriftReference, Field, Head};
use crate::nn::efficientnet_lite::Backbone;
use crate::nn::{
    Builder, Global, GlobalConfig, Init, Local, LocalConfig, Normalisation, Scope, Weights,
    WeightsError, dense,
};

/// A network and the descriptor of its normal latents.
#[derive(Debug)]
pub struct Described<N> {
    /// [`Global`] or [`Local`].
    pub network: N,
    /// Of the latents of normal pictures.
    pub descriptor: Descriptor,
}

impl Described<Global> {
    /// Takes the tensors below `global` from `builder`.
    pub fn global(
        builder: &Builder,
        sizes: &GlobalConfig,
        normalisation: &Normalisation,
    ) -> Result<Self, WeightsError> {
        let scope = &builder.root() / "global";
        Ok(Self {
            descriptor: descriptor(&scope, sizes.latent)?,
            network: Global::new(scope, sizes, normalisation)?,
        })
    }
}

impl Described<Local> {
    /// Takes the tensors below `local` from `builder`.
    pub fn local(
        builder: &Builder,
        sizes: &LocalConfig,
        normalisation: &Normalisation,
    ) -> Result<Self, WeightsError> {
        let scope = &builder.root() / "local";
        Ok(Self {
            descriptor: descriptor(&scope, sizes.latent)?,
            network: Local::new(scope, sizes, normalisation)?,
        })
    }
}

/// The paper's, one of the two at least.
#[derive(Debug)]
pub struct PaperNetworks {
    /// The one for whole pictures.
    pub global: Option<Described<Global>>,
    /// The one for patches.
    pub local: Option<Described<Local>>,
}

/// Which of the paper's two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperScale {
    /// The one for whole pictures.
    Global,
    /// The one for patches.
    Local,
}

/// The backbone and its field of descriptors.
#[derive(Debug)]
pub struct DenseNetworks {
    /// EfficientNet-Lite0's first six stages, with the weights that the model's descriptors were fitted to.
    pub backbone: Backbone,
    /// What is normal at each place.
    pub field: Field,
    /// What is normal at each detail; `None` in files of earlier versions.
    pub details: Option<Field>,
    /// What marked pictures have taught, if there were any.
    pub head: Option<Head>,
    /// What it was fitted to; `None` where nothing was left out in turn, and in files of earlier versions.
    pub left_out: Option<LeftOut>,
    /// What frames look like that have not drifted; `None` where too few pictures told, and in files of earlier
    /// versions.
    pub drift: Option<DriftReference>,
    /// What parts look like that lie as they should; `None` where pictures are judged as they are.
    pub references: Option<References>,
}

/// The names of what [`References`] are made of, in a model.
const ALIGN: [&str; 2] = ["references", "stretch"];

/// Those of a model that aligns: one after the other, and a scalar.
fn references(scope: &Scope) -> Result<References, WeightsError> {
    let [values, stretch] = ALIGN;
    let length = scope.length(values)?;
    // Whole references, and at least one.
    let count = (length / AREA as i64).max(1);
    let values = scope.weight(values, &[count * AREA as i64], Init::Zeros)?;
    let wide = scope.statistic(stretch, &[], Init::Ones)?;
    let wide = wide.to_kind(Kind::Double).double_value(&[]);
    if wide <= 0.0 {
        return Err(WeightsError::NotPositive(scope.entry(stretch)));
    }
    let values = values.to_device(Device::Cpu).to_kind(Kind::Float);
    Ok(References {
        values: Vec::try_from(values).expect("floats on the CPU"),
        stretch: wide as f32,
    })
}

/// The same as tensors by their names in a model, with the precision that a model's file has.
pub(crate) fn tensors_of_references(references: &References) -> [(String, Tensor); 2] {
    let values = Tensor::from_slice(&references.values);
    let values = values.to_kind(Kind::Half).to_kind(Kind::Float);
    let stretch = Tensor::from(references.stretch);
    let [first, second] = ALIGN.map(|name| format!("dense.align.{name}"));
    [(first, values), (second, stretch)]
}

/// What of the pictures of a fit stays in the model, each judged as if it alone had been left out: enough to learn from
/// marked pictures later, without them.
#[derive(Debug)]
pub struct LeftOut {
    /// The score of each without a head: (pictures).
    pub distances: Tensor,
    /// The direction in which each departs from normal, as [`Head`] takes it: (pictures, d).
    pub departures: Tensor,
}

impl LeftOut {
    /// The names of its tensors in a model.
    pub(crate) const NAMES: [&str; 2] = ["dense.left_out.distances", "dense.left_out.departures"];

    fn new(scope: &Scope, dimensions: i64) -> Result<Option<Self>, WeightsError> {
        if !scope.has("distances") && !scope.has("departures") {
            return Ok(None);
        }
        let pictures = scope.length("distances")?;
        let distances = scope.statistic("distances", &[pictures], Init::Zeros)?;
        if pictures == 0 || distances.min().double_value(&[]) <= 0.0 {
            return Err(WeightsError::NotPositive(scope.entry("distances")));
        }
        let departures = scope.weight("departures", &[pictures, dimensions], Init::Zeros)?;
        Ok(Some(Self {
            distances,
            departures,
        }))
    }
}

/// What a model file holds.
#[derive(Debug)]
pub struct Networks {
    /// The networks by the model's profile.
    pub profile: ProfileNetworks,
    /// All tensors, named `global.<state-dict name>`, `local.<...>`, and `c` and `sigma` beside the weights; in dense
    /// models `dense.backbone.<state-dict name>`, and `dense.projection`, `dense.c` and `dense.whiteners`. There may be
    /// the same three below `dense.details`, `dense.head.direction` and `dense.head.offset` ([`Head`]), `dense.left_out.distances` and
    /// `dense.left_out.departures` ([`LeftOut`]), `dense.drift.mean`, `rows`, `median` and `limit`
    /// ([`DriftReference`]), and `dense.align.references` and `stretch` ([`References`]).
    pub weights: Weights,
}

/// The networks of one of the profiles.
#[derive(Debug)]
pub enum ProfileNetworks {
    /// Of the profile `paper`.
    Paper(Box<PaperNetworks>),
    /// Of the profile `dense`.
    Dense(Box<DenseNetworks>),
}

impl Networks {
    /// Takes the tensors from `builder`; fails if one is missing, unknown, of the wrong shape or not finite.
    pub fn new(builder: Builder, config: &ModelConfig) -> Result<Self, WeightsError> {
        let profile = match config {
            ModelConfig::Paper(config) => {
                ProfileNetworks::Paper(Box::new(PaperNetworks::new(&builder, config)?))
            }
            ModelConfig::Dense(config) => {
                ProfileNetworks::Dense(Box::new(DenseNetworks::new(&builder, config)?))
            }
        };
        Ok(Self {
            profile,
            weights: builder.finish()?,
        })
    }
}

impl PaperNetworks {
    /// Leaves one of the two, in `config` too; false where there are no two.
    pub(super) fn keep(&mut self, config: &mut PaperConfig, scale: PaperScale) -> bool {
        if self.global.is_none() || self.local.is_none() {
            return false;
        }
        match scale {
            PaperScale::Global => (self.local, config.local) = (None, None),
            PaperScale::Local => (self.global, config.global) = (None, None),
        }
        true
    }

    fn new(builder: &Builder, config: &PaperConfig) -> Result<Self, WeightsError> {
        let global = config.global.as_ref();
        let local = config.local.as_ref();
        Ok(Self {
            global: global
                .map(|sizes| Described::global(builder, sizes, &config.normalisation))
                .transpose()?,
            local: local
                .map(|sizes| Described::local(builder, sizes, &config.normalisation))
                .transpose()?,
        })
    }
}

impl DenseNetworks {
    fn new(builder: &Builder, config: &DenseConfig) -> Result<Self, WeightsError> {
        let scope = &builder.root() / "dense";
        let (places, dimensions) = (config.places() as i64, config.dimensions as i64);
        let details = &scope / "details";
        Ok(Self {
            field: Field::new(&scope, dense::FEATURES, places, dimensions)?,
            details: match details.has("projection") {
                true => Some(Field::new(
                    &details,
                    dense::DETAIL_FEATURES,
                    config.details() as i64,
                    DETAIL_DIMENSIONS as i64,
                )?),
                false => None,
            },
            head: Head::new(&(&scope / "head"), dimensions)?,
            left_out: LeftOut::new(&(&scope / "left_out"), dimensions)?,
            drift: DriftReference::read(&(&scope / "drift"), dimensions)?,
            references: match config.align {
                Some(_) => Some(references(&(&scope / "align"))?),
                None => None,
            },
            backbone: dense::backbone(scope / "backbone")?,
        })
    }
}

/// The descriptor beside a network's weights: entries `c` (1, latent) and `sigma` (a scalar). Where `scope` may draw
/// them they are 0 and 1. Fails where sigma is not above zero.
pub(super) fn descriptor(scope: &Scope, latent: i64) -> Result<Descriptor, WeightsError> {
    let c = scope.statistic("c", &[1, latent], Init::Zeros)?;
    let sigma = scope.statistic("sigma", &[], Init::Ones)?;
    if sigma.to_kind(Kind::Double).double_value(&[]) <= 0.0 {
        return Err(WeightsError::NotPositive(scope.entry("sigma")));
    }
    Ok(Descriptor { c, sigma })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(distances: &[f32], departures: [i64; 2]) -> Result<Option<LeftOut>, WeightsError> {
        let departures = Tensor::ones(departures, (Kind::Half, Device::Cpu));
        let given = [
            ("distances".to_owned(), Tensor::from_slice(distances)),
            ("departures".to_owned(), departures),
        ];
        let builder = Builder::for_inference(given.into(), Device::Cpu);
        LeftOut::new(&builder.root(), 4)
    }

    #[test]
    fn what_is_kept_of_pictures_is_checked() {
        let kept = read(&[1.5, 0.5], [2, 4]).unwrap().unwrap();
        assert_eq!(kept.departures.kind(), Kind::Float);
        let nothing = Builder::for_inference(Default::default(), Device::Cpu);
        assert!(LeftOut::new(&nothing.root(), 4).unwrap().is_none());
        for (distances, departures) in [
            (&[1.5, 0.5][..], [3, 4]),
            (&[1.5, 0.5], [2, 5]),
            (&[1.5, 0.0], [2, 4]),
            (&[1.5, f32::NAN], [2, 4]),
            (&[], [0, 4]),
        ] {
            assert!(read(distances, departures).is_err(), "{distances:?}");
        }
    }
}
