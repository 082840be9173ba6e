//! The two containers of a checkpoint: the zip archive, and the legacy sequence of pickles and storages.

use std::collections::HashMap;
use std::io::{BufRead, Read, Seek};

use zip::ZipArchive;

use super::graph::{Graph, Node};
use super::{Budget, Checkpoint, PICKLE_LIMIT, Problem, machine};

/// `MAGIC_NUMBER` and `PROTOCOL_VERSION` of `torch.serialization`.
const MAGIC_NUMBER: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL_VERSION: i128 = 1001;

/// The container of torch 1.6 and later: `<name>/data.pkl`, perhaps `<name>/byteorder`, and each storage as
/// `<name>/data/<key>`.
pub(super) fn read_zip<R: Read + Seek>(
    input: R,
    file_length: u64,
    budget: &mut Budget,
) -> Result<Checkpoint, Problem> {
    let mut archive = ZipArchive::new(input)?;
    let pickle_name = archive
        .file_names()
        .filter_map(Result::ok)
        .filter(|name| name == "data.pkl" || name.ends_with("/data.pkl"))
        .min_by_key(|name| name.len())
        .ok_or(Problem::NotCheckpoint)?
        .into_owned();
    let folder = pickle_name.strip_suffix("data.pkl").unwrap_or_default();
    let byte_order_name = format!("{folder}byteorder");
    let has_byte_order = archive.index_for_name(&byte_order_name).is_some();
    let mut read = |name: &str, longest: u64| {
        read_entry(&mut archive, name, longest, file_length, budget).map_err(Problem::within(name))
    };

    let big_endian = match has_byte_order {
        true => match read(&byte_order_name, 16)?.as_slice() {
            b"little" => false,
            b"big" => true,
            _ => {
                return Err(Problem::within(&byte_order_name)(Problem::malformed(
                    "is neither little nor big",
                )));
            }
        },
        false => false,
    };
    let pickle = read(&pickle_name, PICKLE_LIMIT)?;
    let graph = machine::run(&mut pickle.as_slice()).map_err(Problem::within(&pickle_name))?;

    let mut storages = Vec::new();
    for storage in &graph.storages {
        let name = format!("{folder}data/{}", storage.key);
        let length = storage.length();
        let mut bytes = read(&name, length)?;
        if bytes.len() as u64 != length {
            return Err(Problem::within(&name)(wrong_length(
                bytes.len() as u64,
                length,
            )));
        }
        if big_endian {
            bytes
                .chunks_exact_mut(storage.kind.size())
                .for_each(<[u8]>::reverse);
        }
        storages.push(bytes);
    }
    Ok(Checkpoint { graph, storages })
}

fn read_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: &str,
    longest: u64,
    file_length: u64,
    budget: &mut Budget,
) -> Result<Vec<u8>, Problem> {
    let mut entry = archive.by_name(name)?;
    let length = entry.size();
    if length > longest {
        return Err(wrong_length(length, longest));
    }
    budget.spend(length)?;
    let bytes = read_exactly(&mut entry, length, file_length)?;
    // Reading on to the end also has the checksum compared.
    if entry.read(&mut [0])? > 0 {
        return Err(Problem::malformed("is longer than the archive says"));
    }
    Ok(bytes)
}

/// The container before torch 1.6: pickles of a magic number, a version, facts about the machine that wrote it, the
/// object, and the list of storages; then each storage, its length in elements before it.
pub(super) fn read_legacy<R: BufRead>(
    mut input: R,
    file_length: u64,
    budget: &mut Budget,
) -> Result<Checkpoint, Problem> {
    match machine::run(&mut input) {
        Ok(magic) if matches!(magic.nodes[magic.root], Node::Int(MAGIC_NUMBER)) => {}
        Err(problem @ (Problem::Global(_) | Problem::Io(_))) => return Err(problem),
        _ => return Err(Problem::NotCheckpoint),
    }
    let version = machine::run(&mut input).map_err(Problem::within("version"))?;
    if !matches!(version.nodes[version.root], Node::Int(PROTOCOL_VERSION)) {
        return Err(Problem::malformed(
            "is of an unknown version of PyTorch's format",
        ));
    }
    // The byte order among the facts is not that of the storages, which are always little endian.
    machine::run(&mut input).map_err(Problem::within("system information"))?;
    let graph = machine::run(&mut input).map_err(Problem::within("object"))?;
    let keys = machine::run(&mut input)
        .and_then(|keys| storage_keys(&keys))
        .map_err(Problem::within("storage keys"))?;

    let storage_of_key: HashMap<&str, usize> = graph
        .storages
        .iter()
        .enumerate()
        .map(|(at, storage)| (storage.key.as_str(), at))
        .collect();
    let mut storages = vec![None; graph.storages.len()];
    for key in &keys {
        let at = *storage_of_key.get(key.as_str()).ok_or_else(|| {
            Problem::within("storage keys")(Problem::malformed("name a storage that no tensor has"))
        })?;
        let storage = &graph.storages[at];
        let mut read = || {
            let numel = read_exactly(&mut input, 8, file_length)?;
            if numel != storage.numel.to_le_bytes() {
                return Err(Problem::malformed(
                    "has another length than the pickle says",
                ));
            }
            budget.spend(storage.length())?;
            read_exactly(&mut input, storage.length(), file_length)
        };
        storages[at] = Some(read().map_err(Problem::within(&storage.name()))?);
    }

    let storages: Option<Vec<Vec<u8>>> = storages.into_iter().collect();
    Ok(Checkpoint {
        graph,
        storages: storages
            .ok_or_else(|| Problem::malformed("lacks a storage that a tensor has"))?,
    })
}

fn storage_keys(graph: &Graph) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::malformed("are not a list of names");
    let Node::List(items) = &graph.nodes[graph.root] else {
        return Err(wrong());
    };
    items
        .iter()
        .map(|&item| match &graph.nodes[item] {
            Node::Text(key) => Ok(key.clone()),
            _ => Err(wrong()),
        })
        .collect()
}

/// Reads `count` bytes, for which no more memory is taken at once than the file has bytes.
fn read_exactly(input: &mut impl Read, count: u64, file_length: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(usize::try_from(count.min(file_length)).unwrap_or_default());
    input.take(count).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < count {
        return Err(Problem::malformed(format!(
            "ends after {} of {count} bytes",
            bytes.len()
        )));
    }
    Ok(bytes)
}

fn wrong_length(found: u64, expected: u64) -> Problem {
    Problem::malformed(format!("has {found} bytes instead of {expected}"))
}
