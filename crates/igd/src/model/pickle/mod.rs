//! Reads the checkpoint files that `torch.save` writes (`.pth`, `.pt`), and never runs anything found in them.
//!
//! A checkpoint is a Python pickle next to the raw bytes of the tensors. Unpickling in Python calls whatever the file
//! asks for; here the pickle is only *read*: a dozen names that rebuild dictionaries and tensors have a meaning, and
//! any other name is an error. libtorch itself does not open such a file (`torch::jit` wants TorchScript), and of the
//! crates that do, none that is well kept reads both containers without bringing a tensor framework of its own along.
//! The part of the format that state dicts use is small, hence this module.
//!
//! Both containers are read: the zip archive of torch 1.6 and later, and the older sequence of pickles that many
//! published weights still have (`torch.save(..., _use_new_zipfile_serialization=False)`).
//!
//! A file is not trusted. Nothing is allocated because the file says so: what it may turn into is bounded by its own
//! length (`Budget`), by the number of objects (`OBJECTS_LIMIT`) and by their nesting (`DEPTH_LIMIT`), so that
//! deflated zeros, one number expanded to a huge tensor, or a list of lists of the same list end in an error.

mod calls;
mod container;
mod graph;
mod machine;
mod tensor;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use graph::{Graph, Id, Node};

/// Bytes of one pickle, without the storages. A state dict spends about 200 on a tensor.
const PICKLE_LIMIT: u64 = 16 << 20;

/// Python objects in one file, counted when they are read and again when they are handed over.
const OBJECTS_LIMIT: usize = 1 << 20;

/// Nesting of lists, tuples and dictionaries. It also keeps the recursion over a [`Value`], its drop included, shallow.
const DEPTH_LIMIT: usize = 64;

/// What a checkpoint holds, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A `str`; also a `torch.device`, as `cuda:0`.
    Text(String),
    List(Vec<Value>),
    /// A `tuple` or a `torch.Size`.
    Tuple(Vec<Value>),
    /// A `dict` or an `OrderedDict`, in the order of the file. Integer keys, as optimizers have, are written out.
    Dict(Vec<(String, Value)>),
    /// A tensor or a parameter, wherever it lived when it was saved.
    Tensor(PthTensor),
}

/// A tensor's numbers, laid out row by row whatever view of a storage they were saved as.
#[derive(Clone, Debug, PartialEq)]
pub struct PthTensor {
    pub kind: PthKind,
    /// Empty for a scalar. The sizes are never negative, and their product fits `data`.
    pub shape: Vec<i64>,
    /// Little endian, the last dimension running fastest.
    pub data: Vec<u8>,
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PthKind {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl PthKind {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            PthKind::F64 | PthKind::I64 => 8,
            PthKind::F32 | PthKind::I32 => 4,
            PthKind::F16 | PthKind::BF16 | PthKind::I16 => 2,
            PthKind::I8 | PthKind::U8 | PthKind::Bool => 1,
        }
    }
}

/// Why a checkpoint cannot be read: one line that starts with the file's path.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct PickleError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Zip(#[from] zip::result::ZipError),
    #[error("is not a PyTorch checkpoint")]
    NotCheckpoint,
    #[error(
        "holds the Python object {0}, which only running code could restore; save the state dict instead: \
         torch.save({{'model': net.state_dict(), 'c': net.c, 'sigma': net.sigma}}, path)"
    )]
    Global(String),
    #[error("{0}")]
    Malformed(String),
    #[error("is larger than it may be: {0}")]
    TooLarge(&'static str),
    #[error("{entry}: {problem}")]
    Within {
        entry: String,
        problem: Box<Problem>,
    },
}

impl Problem {
    fn malformed(what: impl Into<String>) -> Self {
        Problem::Malformed(what.into())
    }

    /// For `map_err`: says which part of the file the problem is in.
    fn within(entry: &str) -> impl FnOnce(Problem) -> Problem + '_ {
        move |problem| Problem::Within {
            entry: printable(entry),
            problem: Box::new(problem),
        }
    }
}

/// Text from a file, safe to put in a one-line message.
fn printable(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Bytes that a file may still turn into: storages as they are read, then tensors and text as they are handed over.
///
/// A file whose tensors are stored as they are needs twice its own length. Room for eight times as much, and a bit more
/// for small files, leaves space for weights that several layers share and for an archive that was compressed; 4 GiB
/// is far beyond the networks this crate runs.
struct Budget {
    left: u64,
}

impl Budget {
    fn for_file(length: u64) -> Self {
        Budget {
            left: length
                .saturating_mul(16)
                .saturating_add(16 << 20)
                .min(4 << 30),
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Problem> {
        self.left = self.left.checked_sub(bytes).ok_or(Problem::TooLarge(
            "it unfolds to many times the length of the file",
        ))?;
        Ok(())
    }
}

/// Reads a checkpoint, without running any of it.
pub(super) fn read(path: &Path) -> Result<Value, PickleError> {
    let read = || {
        // Asked before opening, which would wait for a writer if this were a pipe.
        if !path.metadata()?.is_file() {
            return Err(Problem::malformed("is not a file"));
        }
        decode(BufReader::new(File::open(path)?))
    };
    read().map_err(|problem| PickleError {
        path: path.to_owned(),
        problem,
    })
}

fn decode<R: io::BufRead + Seek>(mut input: R) -> Result<Value, Problem> {
    let length = input.seek(SeekFrom::End(0))?;
    input.rewind()?;
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    input.rewind()?;

    let mut budget = Budget::for_file(length);
    let checkpoint = if start == b"PK\x03\x04" {
        container::read_zip(input, length, &mut budget)?
    } else {
        container::read_legacy(input, length, &mut budget)?
    };
    Unfolding {
        checkpoint: &checkpoint,
        budget,
        objects: 0,
    }
    .value(checkpoint.graph.root, 0)
}

/// A file's pickle, and the bytes of each storage that it refers to.
struct Checkpoint {
    graph: Graph,
    storages: Vec<Vec<u8>>,
}

/// Turns the graph of a pickle, where objects may be shared or even contain themselves, into a tree.
struct Unfolding<'a> {
    checkpoint: &'a Checkpoint,
    budget: Budget,
    objects: usize,
}

impl Unfolding<'_> {
    fn value(&mut self, id: Id, depth: usize) -> Result<Value, Problem> {
        self.objects += 1;
        if self.objects > OBJECTS_LIMIT {
            return Err(Problem::TooLarge("it has too many objects"));
        }
        if depth > DEPTH_LIMIT {
            return Err(Problem::TooLarge(
                "its lists and dictionaries are nested too deeply",
            ));
        }
        let checkpoint = self.checkpoint;
        Ok(match &checkpoint.graph.nodes[id] {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(i64::try_from(*value).map_err(|_| {
                Problem::malformed(format!("the integer {value} needs more than 64 bits"))
            })?),
            Node::Float(value) => Value::Float(*value),
            Node::Text(text) => Value::Text(self.text(text)?),
            Node::List(items) => Value::List(self.values(items, depth + 1)?),
            Node::Tuple(items) => Value::Tuple(self.values(items, depth + 1)?),
            Node::Dict(entries) => Value::Dict(self.entries(entries, depth + 1)?),
            Node::Tensor(view) => {
                let storage = &checkpoint.graph.storages[view.storage];
                let size = storage.kind.size();
                self.budget
                    .spend(view.elements().saturating_mul(size as u64))?;
                self.budget
                    .spend(size_of_val(view.shape.as_slice()) as u64)?;
                let data = view
                    .gather(&checkpoint.storages[view.storage], size)
                    .map_err(Problem::within(&storage.name()))?;
                Value::Tensor(PthTensor {
                    kind: storage.kind,
                    shape: view.shape.clone(),
                    data,
                })
            }
            Node::Storage(_) | Node::Global(_) => {
                return Err(Problem::malformed(
                    "holds a storage or a type by itself, outside any tensor",
                ));
            }
        })
    }

    fn text(&mut self, text: &str) -> Result<String, Problem> {
        self.budget.spend(text.len() as u64)?;
        Ok(text.to_owned())
    }

    fn values(&mut self, items: &[Id], depth: usize) -> Result<Vec<Value>, Problem> {
        items.iter().map(|&item| self.value(item, depth)).collect()
    }

    fn entries(
        &mut self,
        entries: &[(Id, Id)],
        depth: usize,
    ) -> Result<Vec<(String, Value)>, Problem> {
        let mut positions = HashMap::new();
        let mut unfolded: Vec<(String, Value)> = Vec::new();
        for &(key, value) in entries {
            let key = match &self.checkpoint.graph.nodes[key] {
                Node::Text(text) => self.text(text)?,
                Node::Int(number) => number.to_string(),
                _ => {
                    return Err(Problem::malformed(
                        "a dictionary has a key that is neither text nor an integer",
                    ));
                }
            };
            let value = self.value(value, depth)?;
            // As in Python, setting a key again replaces its value and keeps its place.
            match positions.get(&key) {
                Some(&position) => {
                    let (_, earlier): &mut (String, Value) = &mut unfolded[position];
                    *earlier = value;
                }
                None => {
                    positions.insert(key.clone(), unfolded.len());
                    unfolded.push((key, value));
                }
            }
        }
        Ok(unfolded)
    }
}
