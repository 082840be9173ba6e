//! The model file: one `.safetensors` with the tensors and, in its header, what they mean.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::calibration::Calibration;
use super::config::{ModelConfig, Storage};
use super::detection::Measurement;
use super::error::ModelError;
use super::networks::{Networks, ProfileNetworks};
use crate::criterion::DriftReference;
use crate::files::{sweep_old, write_atomically};
use crate::nn::{Builder, Role, Weights, WeightsError};

const FORMAT: &str = "igd";
const VERSION: &str = "1";
/// No header of ours comes near it; a longer one is not read.
const LARGEST_HEADER: u64 = 16 << 20;
/// The same for the whole file.
const LARGEST_FILE: u64 = 4 << 30;

/// Where a model comes from, for the people who run it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The folder it was trained on, or the checkpoints it was imported from.
    pub data: String,
    /// Pictures it was trained on.
    pub pictures: usize,
    /// Of the 16 bits of its pictures' samples so many were used; `None` where they had 8, or it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub significant_bits: Option<u32>,
    /// Pictures that did not fit the others and were dropped.
    #[serde(skip_serializing_if = "is_zero")]
    pub trimmed: usize,
    /// How often it was trained on each.
    pub epochs: usize,
    /// What was drawn by lot depends on it.
    pub seed: i64,
    /// Seconds since 1970.
    pub created: u64,
    /// Version of the program that wrote it.
    pub version: String,
    /// The licence of the data, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_licence: Option<String>,
    /// The licence of an encoder's weights that came from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_licence: Option<String>,
    /// How often its centres have been moved towards other pictures, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recentred: Vec<Recentred>,
}

/// Pictures that nobody has marked have moved a dense model's centres: see
/// [`recentre`](crate::train::dense::recentre).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recentred {
    /// Seconds since 1970.
    pub created: u64,
    /// Version of the program that did it.
    pub version: String,
    /// The file that it was done to.
    pub of: String,
    /// The pictures.
    pub pictures: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Provenance {
    /// Of a file written now by this program, or when `SOURCE_DATE_EPOCH` says: the one thing in which two files of the
    /// same training differ.
    pub fn now() -> Self {
        let told = std::env::var("SOURCE_DATE_EPOCH").ok();
        let told = told.and_then(|seconds| seconds.parse().ok());
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            created: told.unwrap_or_else(|| since_1970.map_or(0, |duration| duration.as_secs())),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Self::default()
        }
    }
}

/// What marked pictures have made of a model: the last entry of a model's history is how it came to be what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// Seconds since 1970.
    pub created: u64,
    /// Version of the program that made it.
    pub version: String,
    /// The file that it was made of.
    pub of: String,
    /// Pictures that were marked as defective.
    pub bad: usize,
    /// Pictures that were marked as good.
    pub good: usize,
    /// Of the pictures that it was fitted to, so many are in the comparison.
    pub pictures: usize,
    /// What the model without marks flags of them, each left out in turn.
    pub before: Flagged,
    /// What it flags with the marks, each judged by what the others have taught.
    pub after: Flagged,
    /// The image AUROC of the marked defects against all good pictures, before and after.
    pub auroc: [f64; 2],
    /// Raw score above which a picture is anomalous since then.
    pub threshold: f32,
}

/// How many of the pictures of a [`Revision`] are flagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flagged {
    /// Of those that are marked as defective.
    pub bad: usize,
    /// Of those that are marked as good.
    pub good: usize,
    /// Of those that it was fitted to.
    pub pictures: usize,
}

/// A model as it stands in its file.
#[derive(Debug)]
pub struct Model {
    /// What it consists of.
    pub config: ModelConfig,
    /// Absent in imported models that no normal picture was shown to yet.
    pub calibration: Option<Calibration>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What marked pictures have made of it, the latest last.
    pub history: Vec<Revision>,
    /// Its networks and descriptors.
    pub networks: Networks,
}

impl Model {
    /// Of tensors by their names in a model file ([`Networks::weights`]), on `device`; it has no calibration yet. Fails
    /// where the tensors are not those that `config` asks for.
    pub fn of_tensors(
        config: &ModelConfig,
        tensors: &Tensors,
        device: Device,
    ) -> Result<Self, WeightsError> {
        let tensors = tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
        Ok(Self {
            networks: Networks::new(Builder::for_inference(tensors, device), config)?,
            config: config.clone(),
            calibration: None,
            provenance: Provenance::default(),
            history: Vec::new(),
        })
    }

    /// Reads and checks the whole file; the networks are on `device`. Files are not trusted: no memory is taken that
    /// the file's own size does not account for.
    pub fn open(path: &Path, device: Device) -> Result<Self, ModelError> {
        let (header, tensors) = read_tensors(path)?;
        let not_a_model = |reason: String| ModelError::not_a_model(path, reason);
        if header.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(not_a_model(
                "its header does not say format=igd (a state dict is made a model by `igd import`)"
                    .to_owned(),
            ));
        }
        match header.get("version").map(String::as_str) {
            Some(VERSION) => {}
            version => {
                return Err(not_a_model(format!(
                    "its version is {}, this program reads {VERSION}",
                    version.unwrap_or("missing")
                )));
            }
        }
        let config: ModelConfig = parse(&header, "config")
            .and_then(|config| config.ok_or("header entry `config` is missing".to_owned()))
            .map_err(not_a_model)?;
        config.check().map_err(not_a_model)?;
        let calibration: Option<Calibration> =
            parse(&header, "calibration").map_err(not_a_model)?;
        if let Some(calibration) = &calibration {
            calibration.check().map_err(not_a_model)?;
        }
        let provenance = parse(&header, "provenance").map_err(not_a_model)?;
        let history: Option<Vec<Revision>> = parse(&header, "history").map_err(not_a_model)?;
        let networks = Networks::new(Builder::for_inference(tensors, device), &config)
            .map_err(ModelError::weights(path))?;
        Ok(Self {
            config,
            calibration,
            provenance: provenance.unwrap_or_default(),
            history: history.unwrap_or_default(),
            networks,
        })
    }

    /// On the CPU, with the reference for drift that these pictures make, in place of any that it had: none where they
    /// are too few. Paper models stay as they are.
    pub fn renew_drift(self, pictures: &[Measurement]) -> Result<Self, WeightsError> {
        if self.config.dense().is_none() {
            return Ok(self);
        }
        let pooled: Vec<_> = pictures.iter().map(|one| one.pooled.clone()).collect();
        let drift = DriftReference::new(&pooled);
        let old = tensors_of(&self.networks.weights).into_iter();
        let old = old.filter(|(name, _)| !name.starts_with(DriftReference::PREFIX));
        let new = drift.iter().flat_map(DriftReference::tensors);
        let tensors: Tensors = old.chain(new).collect();
        let networks = Self::of_tensors(&self.config, &tensors, Device::Cpu)?.networks;
        Ok(Self { networks, ..self })
    }

    /// Whether it tells drift.
    pub fn tells_drift(&self) -> bool {
        match &self.networks.profile {
            ProfileNetworks::Dense(networks) => networks.drift.is_some(),
            ProfileNetworks::Paper(_) => false,
        }
    }

    /// Writes the file; one that is there is replaced in one step. Statistics are f32 whatever `storage` says.
    pub fn save(&self, path: &Path, storage: Storage) -> Result<(), ModelError> {
        sweep_old(path);
        let mut header = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("config".to_owned(), json(&self.config)),
            ("provenance".to_owned(), json(&self.provenance)),
        ]);
        if let Some(calibration) = &self.calibration {
            header.insert("calibration".to_owned(), json(calibration));
        }
        if !self.history.is_empty() {
            header.insert("history".to_owned(), json(&self.history));
        }
        let tensors = self.networks.weights.iter().map(|(name, weight)| {
            let tensor = weight.tensor.detach();
            let tensor = match (storage, weight.role) {
                (Storage::F32, _) | (_, Role::Statistic) => tensor,
                (Storage::F16, _) => tensor.to_kind(Kind::Half),
            };
            (name.clone(), tensor)
        });
        write_tensors(path, header, &tensors.collect::<Vec<_>>())
    }
}

/// The tensors of `weights` by name, without gradients.
pub fn tensors_of(weights: &Weights) -> Vec<(String, Tensor)> {
    weights
        .iter()
        .map(|(name, weight)| (name.clone(), weight.tensor.detach()))
        .collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs have a JSON form")
}

fn parse<T: for<'a> Deserialize<'a>>(header: &Header, name: &str) -> Result<Option<T>, String> {
    header
        .get(name)
        .map(|text| serde_json::from_str(text))
        .transpose()
        .map_err(|error| format!("header entry `{name}`: {error}"))
}

/// Texts by name, in a file's header.
pub type Header = HashMap<String, String>;
/// Tensors by name.
pub type Tensors = HashMap<String, Tensor>;

/// Reads any `.safetensors` file of floating-point tensors: its header's metadata and its tensors. What the header
/// claims is checked against the file's real size before anything is allocated for it.
pub fn read_tensors(path: &Path) -> Result<(Header, Tensors), ModelError> {
    let not_a_model = |reason: String| ModelError::not_a_model(path, reason);
    let mut file = File::open(path).map_err(ModelError::io(path))?;
    let metadata = file.metadata().map_err(ModelError::io(path))?;
    if !metadata.is_file() {
        return Err(not_a_model("it is not a regular file".to_owned()));
    }
    let size = metadata.len();
    let mut start = [0; 9];
    if size > LARGEST_FILE {
        return Err(not_a_model(format!("it has {size} bytes")));
    }
    if file.read_exact(&mut start).is_err() || start[8] != b'{' {
        return Err(not_a_model("it is no .safetensors file".to_owned()));
    }
    let header = u64::from_le_bytes(start[..8].try_into().expect("eight bytes"));
    if header > LARGEST_HEADER || header > size - 8 {
        return Err(not_a_model(format!(
            "its header claims {header} bytes, the file has {size}"
        )));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    bytes.extend_from_slice(&start);
    file.take(LARGEST_FILE)
        .read_to_end(&mut bytes)
        .map_err(ModelError::io(path))?;
    let damaged = |error| not_a_model(format!("damaged or cut short: {error}"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let parsed = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut tensors = HashMap::with_capacity(parsed.len());
    for (name, view) in parsed.iter() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            other => return Err(not_a_model(format!("entry `{name}` has type {other:?}"))),
        };
        let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)
            .map_err(|error| not_a_model(format!("entry `{name}`: {error}")))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok((metadata.metadata().clone().unwrap_or_default(), tensors))
}

/// Writes tensors and metadata as `.safetensors`, replacing `path` in one step: f16 as f16, all others as f32.
pub fn write_tensors(
    path: &Path,
    header: Header,
    tensors: &[(String, Tensor)],
) -> Result<(), ModelError> {
    let bytes: Vec<(Vec<usize>, Dtype, Vec<u8>)> = tensors
        .iter()
        .map(|(_, tensor)| {
            let (kind, dtype) = match tensor.kind() {
                Kind::Half => (Kind::Half, Dtype::F16),
                _ => (Kind::Float, Dtype::F32),
            };
            let shape = tensor
                .size()
                .iter()
                .map(|&length| length as usize)
                .collect();
            (shape, dtype, bytes_of(&tensor.to_kind(kind)))
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, _), (shape, dtype, bytes))| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(|views| safetensors::serialize(views, None))
        .map_err(|error| ModelError::not_a_model(path, error))?;
    write_atomically(path, &with_header(views, header)).map_err(ModelError::io(path))
}

/// A tensor's numbers as they lie in memory, row by row.
pub(crate) fn bytes_of(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.to_device(Device::Cpu).contiguous();
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}

/// A file that has no metadata yet, with them in the order of their names: the library has them in another order each
/// time, and the same model shall be the same file.
fn with_header(mut file: Vec<u8>, header: Header) -> Vec<u8> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
    let data = 8 + length as usize;
    let tensors = rest[..length as usize].trim_ascii_end();
    let mut text =
        format!(r#"{{"__metadata__":{}"#, json(&BTreeMap::from_iter(header))).into_bytes();
    if tensors.len() > b"{}".len() {
        text.push(b',');
    }
    text.extend_from_slice(&tensors[1..]);
    // Tensors are aligned in memory that the file is mapped to.
    text.resize(text.len().next_multiple_of(8), b' ');
    let length = (text.len() as u64).to_le_bytes();
    // In place: the tensors are most of it.
    file.splice(..data, length.into_iter().chain(text));
    file
}
