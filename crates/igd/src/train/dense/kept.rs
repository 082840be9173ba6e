//! What a fit has seen, on disk: to go on after an interruption, or later with more pictures.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::Options;
use super::error::FitError;
use super::moments::Moments;
use crate::align::{AREA, References};
use crate::model::{DenseConfig, ModelError, Tensors};
use crate::nn::dense::{DETAIL_FEATURES, FEATURES, Levels};
use crate::train::state::{self, State};
use crate::train::{Augmentation, TrainError};

/// The entry of the file's header that holds [`Seen`].
const SEEN: &str = "seen";

/// What a fit has come to so far.
pub struct Kept {
    pub seen: Seen,
    pub moments: Levels<Moments>,
    /// Where parts are looked for, once it is known what they look like.
    pub references: Option<References>,
}

/// The part that is not tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub config: DenseConfig,
    /// The copies of each picture.
    #[serde(default)]
    pub augmentation: Option<Augmentation>,
    /// Of the 16 bits of the pictures so many were used.
    #[serde(default)]
    pub significant_bits: Option<u32>,
    /// As often as [`Moments::count`].
    pub count: i64,
    /// The files that were fitted to.
    #[serde(with = "names")]
    pub fitted: Vec<PathBuf>,
    /// The files that a fit was stopped before: to be fitted to, so that no more of them are held out when it goes on.
    #[serde(with = "names")]
    pub due: Vec<PathBuf>,
    /// The files that are for calibration.
    #[serde(with = "names")]
    pub held_out: Vec<PathBuf>,
}

/// Paths in JSON. On Linux they are any bytes, which serde's own way refuses where they are no text.
mod names {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        let name = |path: &PathBuf| match path.to_str() {
            Some(text) => Name::Text(text.to_owned()),
            None => Name::Bytes(path.as_os_str().as_bytes().to_vec()),
        };
        serializer.collect_seq(paths.iter().map(name))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let path = |name| match name {
            Name::Text(text) => text.into(),
            Name::Bytes(bytes) => OsString::from_vec(bytes).into(),
        };
        let names = Vec::<Name>::deserialize(deserializer)?;
        Ok(names.into_iter().map(path).collect())
    }
}

/// The file beside the model file.
pub const FIT: state::Kind = state::Kind {
    ending: "fit",
    entry: SEEN,
    tensor: "scatter",
};

/// The same beside the model file `out`.
pub fn path(out: &Path) -> PathBuf {
    state::path(out, FIT.ending)
}

impl Kept {
    /// Before the first picture.
    pub fn new(options: &Options) -> Result<Self, FitError> {
        Ok(Self {
            references: None,
            seen: Seen {
                config: options.config.clone(),
                augmentation: options.augmentation,
                significant_bits: None,
                count: 0,
                fitted: Vec::new(),
                due: Vec::new(),
                held_out: Vec::new(),
            },
            moments: moments(&options.config)?,
        })
    }

    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let moments = self
            .moments
            .as_ref()
            .zip(NAMES)
            .map(|(moments, [mean, scatter])| {
                [
                    (mean.to_owned(), moments.mean.shallow_clone()),
                    (scatter.to_owned(), moments.scatter.shallow_clone()),
                ]
            });
        let mut tensors: Vec<_> = moments.places.into_iter().chain(moments.details).collect();
        if let Some(References { values, stretch }) = &self.references {
            tensors.push(("references".to_owned(), Tensor::from_slice(values)));
            tensors.push(("stretch".to_owned(), Tensor::from_slice(&[*stretch])));
        }
        state::write(path, SEEN, &self.seen, &tensors)
    }

    /// Reads what was kept for such a model.
    pub fn read(path: &Path, options: &Options) -> Result<Self, TrainError> {
        let config = &options.config;
        let State {
            header: seen,
            mut tensors,
        } = state::read::<Seen>(path, SEEN)?;
        if seen.config.tiling != config.tiling || seen.config.shared != config.shared {
            let reason = "it is of a fit with another input or other tiles";
            return Err(TrainError::resume(path, reason));
        }
        if (seen.config.align, seen.augmentation) != (config.align, options.augmentation) {
            let reason = "it is of a fit with another --align or --augment";
            return Err(TrainError::resume(path, reason));
        }
        let damaged = || TrainError::resume(path, "it is damaged");
        let samples = options.samples_of_a_picture() * seen.fitted.len();
        if usize::try_from(seen.count) != Ok(samples) {
            return Err(damaged());
        }
        let references = match config.align {
            Some(_) => Some(references(&mut tensors).ok_or_else(damaged)?),
            None => None,
        };
        if !tensors.contains_key(NAMES.details[0]) {
            let reason = "it is of an earlier version, which did not fit to details";
            return Err(TrainError::resume(path, reason));
        }
        let mut take = |name: &str, shape: &[i64]| {
            let tensor = tensors.remove(name);
            tensor
                .filter(|tensor| tensor.size() == shape && is_finite(tensor))
                .ok_or_else(damaged)
        };
        let moments = shapes(config).zip(NAMES);
        let moments = moments.map(|([places, features], [mean, scatter])| {
            Ok::<_, TrainError>(Moments {
                count: seen.count,
                mean: take(mean, &[places, features])?,
                scatter: take(scatter, &[places, features, features])?,
            })
        });
        let moments = moments.transpose()?;
        Ok(Self {
            seen,
            moments,
            references,
        })
    }
}

/// The names of the moments' tensors: the mean, and the scatter.
const NAMES: Levels<[&str; 2]> = Levels {
    places: ["mean", "scatter"],
    details: ["details.mean", "details.scatter"],
};

/// How many places a model has, and how many features each of them; and details.
fn shapes(config: &DenseConfig) -> Levels<[i64; 2]> {
    Levels {
        places: [config.places() as i64, FEATURES],
        details: [config.details() as i64, DETAIL_FEATURES],
    }
}

/// Of no pictures yet. Fails where they would take more memory than a fit should.
pub fn moments(config: &DenseConfig) -> Result<Levels<Moments>, FitError> {
    shapes(config)
        .map(|[places, features]| Moments::new(places, features))
        .transpose()
}

fn references(tensors: &mut Tensors) -> Option<References> {
    let mut take = |name: &str| -> Option<Vec<f32>> {
        let tensor = tensors.remove(name)?;
        Vec::try_from(tensor.flatten(0, -1).to_kind(Kind::Float)).ok()
    };
    let (values, stretch) = (take("references")?, *take("stretch")?.first()?);
    let is_whole = !values.is_empty() && values.len().is_multiple_of(AREA) && stretch > 0.0;
    let is_finite = values.iter().all(|value| value.is_finite());
    (is_whole && is_finite).then_some(References { values, stretch })
}

/// Place by place: a copy of all would take as much memory again.
fn is_finite(tensor: &Tensor) -> bool {
    let finite = |place| tensor.get(place).isfinite().all().int64_value(&[]) == 1;
    (0..tensor.size()[0]).all(finite)
}
