//! The named tensors a network is made of.
//!
//! A network asks a [`Scope`] for each tensor by the name it has in the published state dict, with the shape it needs.
//! The tensor is taken from a checkpoint, or drawn anew where the [`Builder`] may do so. So one constructor a network
//! serves training, resuming, import and inference, every shape is checked before anything is computed, and no
//! allocation is larger than what the checkpoint really holds.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Div;

use tch::{Device, Kind, Tensor};

/// Why a checkpoint does not fit a network. The text names the entry.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum WeightsError {
    /// The network needs an entry that is not there.
    #[error("entry `{0}` is missing")]
    Missing(String),
    /// An entry has not the shape that the network's sizes ask for.
    #[error("entry `{entry}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Its full name.
        entry: String,
        /// What the network needs.
        expected: Vec<i64>,
        /// What the checkpoint has.
        found: Vec<i64>,
    },
    /// An entry that the network's sizes are read off has too many or too few dimensions.
    #[error("entry `{entry}` has {found} dimensions, expected {expected}")]
    Rank {
        /// Its full name.
        entry: String,
        /// What can be read.
        expected: usize,
        /// What the checkpoint has.
        found: usize,
    },
    /// An entry holds whole numbers or truth values.
    #[error("entry `{0}` is not a floating-point tensor")]
    NotFloat(String),
    /// An entry holds what nothing can be computed with.
    #[error("entry `{0}` holds NaN or infinite values")]
    NotFinite(String),
    /// A descriptor's sigma is zero or less.
    #[error("entry `{0}` must be above zero")]
    NotPositive(String),
    /// An entry is kept in f16, which has no such number.
    #[error("entry `{entry}` holds values beyond {largest}, which f16 does not have")]
    TooLarge {
        /// Its full name.
        entry: String,
        /// The largest magnitude.
        largest: f32,
    },
    /// A head's direction is so long that scores could be no numbers.
    #[error("entry `{0}` is larger than what marked pictures can teach")]
    TooSteep(String),
    /// The checkpoint has an entry that the network does not.
    #[error("entry `{0}` is unknown to this network")]
    Unknown(String),
}

/// How a tensor that no checkpoint gives is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
    /// U(-b, b), b = sqrt(6 / fan_in): convolutions before a ReLU.
    KaimingUniform,
    /// U(-b, b), b = sqrt(6 / (fan_in + fan_out)): shortcuts, first convolutions and linear layers.
    XavierUniform,
}

impl Init {
    fn draw(self, shape: &[i64]) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        // Convolutions are (out, in, kh, kw), linear layers (out, in).
        let receptive: i64 = shape.iter().skip(2).product();
        let fan_out = shape.first().copied().unwrap_or(1) * receptive;
        let fan_in = shape.get(1).copied().unwrap_or(1) * receptive;
        let bound = match self {
            Init::Zeros => return Tensor::zeros(shape, options),
            Init::Ones => return Tensor::ones(shape, options),
            Init::KaimingUniform => (6.0 / fan_in as f64).sqrt(),
            Init::XavierUniform => (6.0 / (fan_in + fan_out) as f64).sqrt(),
        };
        Tensor::empty(shape, options).uniform_(-bound, bound)
    }
}

/// What training may do with a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The optimiser changes it.
    Trained,
    /// It came from elsewhere and stays as it is.
    Frozen,
    /// A running mean or variance: forward passes in training mode change it.
    Statistic,
}

/// A tensor of a network and its role.
#[derive(Debug)]
pub struct NetworkTensor {
    /// In f32. The network has the same one: what is changed here is changed there.
    pub tensor: Tensor,
    /// What training may do with it.
    pub role: Role,
}

/// All tensors of a network by their published names.
pub type Weights = BTreeMap<String, NetworkTensor>;

/// Gives a network its tensors while it is built, and keeps them by name: what [`finish`](Self::finish) returns are the
/// network's own.
pub struct Builder {
    given: RefCell<HashMap<String, Tensor>>,
    training: bool,
    device: Device,
    built: RefCell<Weights>,
}

impl Builder {
    /// Everything must come from `given`, and nothing needs gradients. `device` is where the network will be.
    pub fn for_inference(given: HashMap<String, Tensor>, device: Device) -> Self {
        Self::new(given, false, device)
    }

    /// What `given` lacks is drawn, except in frozen scopes; trained weights get gradients.
    pub fn for_training(given: HashMap<String, Tensor>, device: Device) -> Self {
        Self::new(given, true, device)
    }

    fn new(given: HashMap<String, Tensor>, training: bool, device: Device) -> Self {
        Self {
            given: RefCell::new(given),
            training,
            device,
            built: RefCell::default(),
        }
    }

    /// The scope with the empty name.
    pub fn root(&self) -> Scope<'_> {
        Scope {
            builder: self,
            prefix: String::new(),
            frozen: false,
        }
    }

    /// The tensors that were asked for. Fails if the checkpoint holds others; PyTorch's batch counters are no weights
    /// and are passed over.
    pub fn finish(self) -> Result<Weights, WeightsError> {
        let left = self.given.into_inner();
        let unknown = left
            .into_keys()
            .filter(|entry| !entry.ends_with(".num_batches_tracked"))
            .min();
        match unknown {
            Some(entry) => Err(WeightsError::Unknown(entry)),
            None => Ok(self.built.into_inner()),
        }
    }
}

/// A place in the state dict: `&scope / "rb1" / "conv_1"` is the scope `rb1.conv_1`.
#[derive(Clone)]
pub struct Scope<'a> {
    builder: &'a Builder,
    prefix: String,
    frozen: bool,
}

impl<'a> Scope<'a> {
    /// Where the tensors are.
    pub(crate) fn device(&self) -> Device {
        self.builder.device
    }

    /// The full name of an entry here.
    pub(crate) fn entry(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether the checkpoint has an entry here.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.builder.given.borrow().contains_key(&self.entry(name))
    }

    /// The length of a vector of the checkpoint, to learn a network's widths from. Fails where there is none or where
    /// it is no vector.
    pub fn length(&self, name: &str) -> Result<i64, WeightsError> {
        let entry = self.entry(name);
        match self.builder.given.borrow().get(&entry).map(Tensor::size) {
            Some(shape) if shape.len() == 1 => Ok(shape[0]),
            Some(shape) => Err(WeightsError::Rank {
                entry,
                expected: 1,
                found: shape.len(),
            }),
            None => Err(WeightsError::Missing(entry)),
        }
    }

    /// The same place; if `frozen`, what is taken from here on must be given and is not trained.
    pub(crate) fn frozen(self, frozen: bool) -> Self {
        Self { frozen, ..self }
    }

    /// A tensor that training changes (unless the scope is frozen).
    pub(crate) fn weight(
        &self,
        name: &str,
        shape: &[i64],
        init: Init,
    ) -> Result<Tensor, WeightsError> {
        let role = if self.frozen {
            Role::Frozen
        } else {
            Role::Trained
        };
        self.take(name, shape, init, role)
    }

    /// A running mean or variance.
    pub(crate) fn statistic(
        &self,
        name: &str,
        shape: &[i64],
        init: Init,
    ) -> Result<Tensor, WeightsError> {
        let role = if self.frozen {
            Role::Frozen
        } else {
            Role::Statistic
        };
        self.take(name, shape, init, role)
    }

    fn take(
        &self,
        name: &str,
        shape: &[i64],
        init: Init,
        role: Role,
    ) -> Result<Tensor, WeightsError> {
        let entry = self.entry(name);
        let given = self.builder.given.borrow_mut().remove(&entry);
        let tensor = match given {
            Some(tensor) => checked(&entry, tensor, shape)?,
            None if self.builder.training && !self.frozen => init.draw(shape),
            None => return Err(WeightsError::Missing(entry)),
        };
        let tensor = tensor
            .to_device(self.builder.device)
            .set_requires_grad(self.builder.training && role == Role::Trained);
        let shared = tensor.shallow_clone();
        let tensor = NetworkTensor { tensor, role };
        self.builder.built.borrow_mut().insert(entry, tensor);
        Ok(shared)
    }
}

impl<'a> Div<&str> for &Scope<'a> {
    type Output = Scope<'a>;

    fn div(self, name: &str) -> Scope<'a> {
        Scope {
            prefix: format!("{}{name}.", self.prefix),
            ..self.clone()
        }
    }
}

impl<'a> Div<&str> for Scope<'a> {
    type Output = Scope<'a>;

    fn div(self, name: &str) -> Scope<'a> {
        &self / name
    }
}

/// The tensor as f32, if it has the right shape and only finite values.
fn checked(entry: &str, tensor: Tensor, expected: &[i64]) -> Result<Tensor, WeightsError> {
    let found = tensor.size();
    if found != expected {
        return Err(WeightsError::Shape {
            entry: entry.to_owned(),
            expected: expected.to_vec(),
            found,
        });
    }
    let tensor = match tensor.kind() {
        Kind::Float => tensor,
        Kind::Half | Kind::BFloat16 | Kind::Double => tensor.to_kind(Kind::Float),
        _ => return Err(WeightsError::NotFloat(entry.to_owned())),
    };
    if tensor.isfinite().all().int64_value(&[]) == 0 {
        return Err(WeightsError::NotFinite(entry.to_owned()));
    }
    Ok(tensor)
}
