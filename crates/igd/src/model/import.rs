//! Published-style checkpoints: state dicts with `c` and `sigma` beside the weights.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::config::ModelConfig;
use super::error::ModelError;
use super::file::{Model, Provenance, Tensors, read_tensors};
use super::networks::descriptor;
use super::pickle::{self, PthKind, PthTensor, Value};
use crate::nn::{
    Builder, Global, GlobalConfig, Local, LocalConfig, Normalisation, Scope, WeightsError,
};

/// Makes a model of a checkpoint of the paper's global network, one of its local network, or both: state dicts as the
/// published code saves them, `{'model': state dict, 'c': ..., 'sigma': ...}`, or the same entries in one
/// `.safetensors`. It has no calibration yet. Errors name the file and the entry.
pub fn import(global: Option<&Path>, local: Option<&Path>) -> Result<Model, ModelError> {
    let normalisation = Normalisation::IMAGENET;
    let mut tensors = HashMap::new();
    // Each is built by itself first, so that errors name the file and the entry as it stands there.
    let global_config = global
        .map(|path| {
            load(path, "global", &mut tensors, |scope| {
                let config = GlobalConfig::of_checkpoint(&scope)?;
                descriptor(&scope, config.latent)?;
                Global::new(scope, &config, &normalisation)?;
                Ok(config)
            })
        })
        .transpose()?;
    let local_config = local
        .map(|path| {
            load(path, "local", &mut tensors, |scope| {
                let config = LocalConfig::of_checkpoint(&scope)?;
                descriptor(&scope, config.latent)?;
                Local::new(scope, &config, &normalisation)?;
                Ok(config)
            })
        })
        .transpose()?;
    let config = ModelConfig::paper(global_config, local_config);
    let files: Vec<PathBuf> = global.into_iter().chain(local).map(PathBuf::from).collect();
    let path = files.first().cloned().unwrap_or_default();
    config
        .check()
        .map_err(|reason| ModelError::not_a_model(&path, reason))?;
    let model =
        Model::of_tensors(&config, &tensors, Device::Cpu).map_err(ModelError::weights(&path))?;
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    Ok(Model {
        history: Vec::new(),
        provenance: Provenance {
            data: format!("imported from {}", names.join(" and ")),
            ..Provenance::now()
        },
        ..model
    })
}

/// Reads a checkpoint, has `build` take what the network needs, and adds the tensors under `prefix` to `tensors`.
fn load<C>(
    path: &Path,
    prefix: &str,
    tensors: &mut Tensors,
    build: impl FnOnce(Scope) -> Result<C, WeightsError>,
) -> Result<C, ModelError> {
    let mut entries = read_state_dict(path)?;
    if let Some(c) = entries.remove("c") {
        // Saved as (latent) or (1, latent).
        let c = if c.dim() == 1 { c.unsqueeze(0) } else { c };
        entries.insert("c".to_owned(), c);
    }
    if let Some(sigma) = entries.remove("sigma") {
        // Saved as a scalar or a vector of one.
        let sigma = if sigma.numel() == 1 {
            sigma.view([] as [i64; 0])
        } else {
            sigma
        };
        entries.insert("sigma".to_owned(), sigma);
    }
    let builder = Builder::for_inference(entries, Device::Cpu);
    let config = build(builder.root()).map_err(ModelError::weights(path))?;
    let weights = builder.finish().map_err(ModelError::weights(path))?;
    for (name, weight) in weights {
        tensors.insert(format!("{prefix}.{name}"), weight.tensor);
    }
    Ok(config)
}

/// Reads named tensors from `.safetensors`, or from `.pth`/`.pt` without running what is pickled there: a state dict,
/// or `{'model': state dict, 'c': ..., 'sigma': ...}` as the published code saves it.
pub(crate) fn read_state_dict(path: &Path) -> Result<Tensors, ModelError> {
    let pickled = path
        .extension()
        .is_some_and(|extension| extension == "pth" || extension == "pt");
    if !pickled {
        return Ok(read_tensors(path)?.1);
    }
    let Value::Dict(entries) = pickle::read(path)? else {
        return Err(ModelError::not_a_model(
            path,
            "it holds no state dict at its top",
        ));
    };
    let mut tensors = HashMap::new();
    for (name, value) in entries {
        match value {
            Value::Dict(inner) if name == "model" => {
                for (name, value) in inner {
                    insert(path, &mut tensors, name, value)?;
                }
            }
            value => insert(path, &mut tensors, name, value)?,
        }
    }
    Ok(tensors)
}

fn insert(
    path: &Path,
    tensors: &mut Tensors,
    name: String,
    value: Value,
) -> Result<(), ModelError> {
    let tensor = match value {
        Value::Tensor(tensor) => tensor_of(&tensor)
            .map_err(|error| ModelError::not_a_model(path, format!("entry `{name}`: {error}")))?,
        Value::Float(number) => Tensor::from(number),
        Value::Int(number) => Tensor::from(number as f64),
        _ => {
            return Err(ModelError::not_a_model(
                path,
                format!("entry `{name}` is no tensor"),
            ));
        }
    };
    tensors.insert(name, tensor);
    Ok(())
}

fn tensor_of(tensor: &PthTensor) -> Result<Tensor, tch::TchError> {
    let kind = match tensor.kind {
        PthKind::F32 => Kind::Float,
        PthKind::F64 => Kind::Double,
        PthKind::F16 => Kind::Half,
        PthKind::BF16 => Kind::BFloat16,
        PthKind::I64 => Kind::Int64,
        PthKind::I32 => Kind::Int,
        PthKind::I16 => Kind::Int16,
        PthKind::I8 => Kind::Int8,
        PthKind::U8 => Kind::Uint8,
        PthKind::Bool => Kind::Bool,
    };
    Tensor::f_from_data_size(&tensor.data, &tensor.shape, kind)
}
