//! What a pickle describes: plain objects that refer to each other by position.

use super::tensor::View;
use super::{Problem, PthKind, printable};

/// Where an object is in [`Graph::nodes`].
pub(super) type Id = usize;

/// What a pickle described.
pub(super) struct Graph {
    pub root: Id,
    pub nodes: Vec<Node>,
    pub storages: Vec<Storage>,
}

pub(super) enum Node {
    None,
    Bool(bool),
    /// Wide enough for the magic number of the legacy container, which has 77 bits.
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Tensor(View),
    Storage(Span),
    Global(Global),
}

/// The bytes behind tensors, which the container keeps outside the pickle.
pub(super) struct Storage {
    pub key: String,
    pub kind: PthKind,
    /// The length in elements.
    pub numel: u64,
}

impl Storage {
    /// For messages.
    pub fn name(&self) -> String {
        format!("storage {}", self.key)
    }

    /// The length in bytes.
    pub fn length(&self) -> u64 {
        self.numel.saturating_mul(self.kind.size() as u64)
    }
}

/// A part of a storage, in elements. Since storages stopped being views of others, torch writes the whole each time.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub storage: usize,
    pub start: u64,
    pub numel: u64,
}

/// The names from Python modules that have a meaning here.
#[derive(Clone, Copy)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Device,
    Storage(PthKind),
}

impl Global {
    pub fn named(module: &str, name: &str) -> Result<Global, Problem> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Global::RebuildParameter
            }
            ("torch", "Size") => Global::Size,
            ("torch", "device") => Global::Device,
            ("torch", "DoubleStorage") => Global::Storage(PthKind::F64),
            ("torch", "FloatStorage") => Global::Storage(PthKind::F32),
            ("torch", "HalfStorage") => Global::Storage(PthKind::F16),
            ("torch", "BFloat16Storage") => Global::Storage(PthKind::BF16),
            ("torch", "LongStorage") => Global::Storage(PthKind::I64),
            ("torch", "IntStorage") => Global::Storage(PthKind::I32),
            ("torch", "ShortStorage") => Global::Storage(PthKind::I16),
            ("torch", "CharStorage") => Global::Storage(PthKind::I8),
            ("torch", "ByteStorage") => Global::Storage(PthKind::U8),
            ("torch", "BoolStorage") => Global::Storage(PthKind::Bool),
            ("torch" | "torch.storage", "UntypedStorage") => Global::Storage(PthKind::U8),
            _ => return Err(Problem::Global(printable(&format!("{module}.{name}")))),
        })
    }
}
