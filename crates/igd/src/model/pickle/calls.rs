//! The few functions that a checkpoint may ask for, and its references to storages.

use std::io::BufRead;

use super::graph::{Global, Id, Node, Span, Storage};
use super::machine::{Machine, bounded};
use super::tensor::View;
use super::{Problem, printable};

impl<R: BufRead> Machine<'_, R> {
    pub(super) fn call(&mut self, global: Global, arguments: &[Id]) -> Result<(), Problem> {
        match (global, arguments) {
            (Global::OrderedDict, []) => self.create(Node::Dict(Vec::new())),
            // Python 2 gave the entries as a list of pairs.
            (Global::OrderedDict, &[pairs]) => {
                self.count_copies(self.as_sequence(pairs)?.len())?;
                let mut entries = Vec::new();
                for &pair in self.as_sequence(pairs)? {
                    let &[key, value] = self.as_sequence(pair)? else {
                        return Err(Problem::malformed(
                            "an OrderedDict has an entry that is not a pair",
                        ));
                    };
                    entries.push((key, value));
                }
                self.create(Node::Dict(entries))
            }
            (Global::Size, &[sizes]) => {
                let sizes = self.as_short_sequence(sizes)?.to_vec();
                self.count_copies(sizes.len())?;
                self.create(Node::Tuple(sizes))
            }
            (Global::Device, &[kind]) => {
                self.as_text(kind)?;
                self.push(kind)
            }
            (Global::Device, &[kind, index]) => {
                let device = format!("{}:{}", printable(self.as_text(kind)?), self.as_int(index)?);
                self.create(Node::Text(device))
            }
            // Whether it requires gradients, and its hooks, do not matter.
            (Global::RebuildParameter, &[tensor, ..]) => {
                if !matches!(self.nodes[tensor], Node::Tensor(_)) {
                    return Err(Problem::malformed("a parameter is not a tensor"));
                }
                self.push(tensor)
            }
            (Global::RebuildTensor, &[storage, start, shape, strides, ref rest @ ..]) => {
                // After the gradient flag and the hooks: whether its numbers are to be negated or conjugated.
                if let Some(&flags) = rest.get(2)
                    && !matches!(&self.nodes[flags], Node::None)
                    && !matches!(&self.nodes[flags], Node::Dict(entries) if entries.is_empty())
                {
                    return Err(Problem::malformed(
                        "a tensor is a negated or conjugated view",
                    ));
                }
                let tensor = self.tensor(storage, start, shape, strides)?;
                self.count_copies(tensor.shape.len())?;
                self.create(Node::Tensor(tensor))
            }
            _ => Err(Problem::malformed(
                "a function is called with other arguments than it has",
            )),
        }
    }

    fn count_copies(&mut self, elements: usize) -> Result<(), Problem> {
        self.copies += elements;
        bounded(self.copies)
    }

    fn tensor(&self, storage: Id, start: Id, shape: Id, strides: Id) -> Result<View, Problem> {
        let Node::Storage(span) = self.nodes[storage] else {
            return Err(Problem::malformed("a tensor has no storage"));
        };
        let integers = |sequence| -> Result<Vec<i128>, Problem> {
            self.as_short_sequence(sequence)?
                .iter()
                .map(|&item| self.as_int(item))
                .collect()
        };
        let beyond = || Problem::malformed("a tensor begins outside its storage");
        let start = u64::try_from(self.as_int(start)?).map_err(|_| beyond())?;
        View::new(
            span.storage,
            span.start.checked_add(span.numel).ok_or_else(beyond)?,
            span.start.checked_add(start).ok_or_else(beyond)?,
            &integers(shape)?,
            &integers(strides)?,
        )
        .map_err(Problem::within(&self.storages[span.storage].name()))
    }

    /// A storage: `('storage', type, key, location, numel)`, to which the legacy container adds the part of the storage
    /// that is meant, as `(key, start, numel)`, or None.
    pub(super) fn persistent(&mut self, identifier: Id) -> Result<(), Problem> {
        let wrong = || Problem::malformed("a storage is described wrongly");
        let &[tag, kind, key, _location, numel, ref part @ ..] =
            self.as_short_sequence(identifier)?
        else {
            return Err(wrong());
        };
        let Node::Global(Global::Storage(kind)) = self.nodes[kind] else {
            return Err(wrong());
        };
        if self.as_text(tag)? != "storage" {
            return Err(wrong());
        }
        let key = self.as_text(key)?;
        let numel = u64::try_from(self.as_int(numel)?).map_err(|_| wrong())?;
        let (start, part_numel) = match part {
            [] => (0, numel),
            &[part] if matches!(self.nodes[part], Node::None) => (0, numel),
            &[part] => {
                let &[_key, start, length] = self.as_short_sequence(part)? else {
                    return Err(wrong());
                };
                let start = u64::try_from(self.as_int(start)?).map_err(|_| wrong())?;
                let length = u64::try_from(self.as_int(length)?).map_err(|_| wrong())?;
                if start.checked_add(length).is_none_or(|end| end > numel) {
                    return Err(wrong());
                }
                (start, length)
            }
            _ => return Err(wrong()),
        };

        let storage = match self.storage_of_key.get(key) {
            Some(&known) => {
                if self.storages[known].kind != kind || self.storages[known].numel != numel {
                    return Err(wrong());
                }
                known
            }
            None => {
                let key = key.to_owned();
                self.storages.push(Storage {
                    key: key.clone(),
                    kind,
                    numel,
                });
                self.storage_of_key.insert(key, self.storages.len() - 1);
                self.storages.len() - 1
            }
        };
        self.create(Node::Storage(Span {
            storage,
            start,
            numel: part_numel,
        }))
    }

    // What an object is.

    pub(super) fn as_text(&self, id: Id) -> Result<&str, Problem> {
        match &self.nodes[id] {
            Node::Text(text) => Ok(text),
            _ => Err(Problem::malformed(
                "the pickle has something else where it should have text",
            )),
        }
    }

    fn as_int(&self, id: Id) -> Result<i128, Problem> {
        match self.nodes[id] {
            Node::Int(number) => Ok(number),
            _ => Err(Problem::malformed(
                "the pickle has something else where it should have an integer",
            )),
        }
    }

    fn as_sequence(&self, id: Id) -> Result<&[Id], Problem> {
        match &self.nodes[id] {
            Node::List(items) | Node::Tuple(items) => Ok(items),
            _ => Err(Problem::malformed(
                "the pickle has something else where it should have a sequence",
            )),
        }
    }

    pub(super) fn as_short_sequence(&self, id: Id) -> Result<&[Id], Problem> {
        const LONGEST: usize = 64;
        let items = self.as_sequence(id)?;
        if items.len() > LONGEST {
            return Err(Problem::malformed(
                "the pickle has a call or a shape that is too long",
            ));
        }
        Ok(items)
    }
}
