//! ELPV: 2,624 electroluminescence pictures of solar cells with a probability of defect each (Buerhop-Lutz et al.,
//! 2018; CC BY-NC-SA 4.0).

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::fetch::{Client, Entries, FetchError, Package, package};
use super::folder::GROUPS;
use crate::files::write_atomically;

const PACKAGE: Package = Package {
    client: Client::Pip,
    name: "elpv-dataset",
    version: "1.0.0.post1",
    sha256: "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
};
/// Every so many-th normal picture is for testing.
const TEST_EVERY: usize = 5;

/// The data's licence, for a model's provenance.
pub const LICENCE: &str = "CC BY-NC-SA 4.0 (ELPV, Buerhop-Lutz et al. 2018)";
/// The file in the data set's folder that tells its licence.
pub(crate) const LICENCE_FILE: &str = "LICENCE.txt";

/// How many pictures of each kind were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Counts {
    /// In `train/good`.
    pub train_good: usize,
    /// In `test/good`.
    pub test_good: usize,
    /// In `test/defective`.
    pub test_defective: usize,
}

/// Writes the MVTec layout to `out`: functional cells (probability 0) to `train/good` and, every fifth, `test/good`;
/// surely defective ones (probability 1) to `test/defective`. Pictures that are there already stay. The set is fetched
/// with pip, once, and kept in the user's cache. Fails where that cannot be, or where a file cannot be written.
pub fn write(out: &Path) -> Result<Counts, FetchError> {
    let (mut entries, labels) = open()?;
    let cells = cells(&labels);
    let folders = ["train/good", "test/good", "test/defective"];
    for folder in folders {
        make_folder(&out.join(folder))?;
    }
    let mut counts = Counts::default();
    let mut groups = String::new();
    let mut normal = 0;
    for cell in &cells {
        let (folder, count) = if cell.probability == 0.0 {
            normal += 1;
            if (normal - 1) % TEST_EVERY == 0 {
                (folders[1], &mut counts.test_good)
            } else {
                (folders[0], &mut counts.train_good)
            }
        } else if cell.probability == 1.0 {
            (folders[2], &mut counts.test_defective)
        } else {
            continue;
        };
        *count += 1;
        let _ = writeln!(groups, "{},{}", cell.name(), cell.kind);
        cell.write(&mut entries, &out.join(folder))?;
    }
    write_to(&out.join(GROUPS), groups.as_bytes())?;
    write_to(&out.join(LICENCE_FILE), format!("{LICENCE}\n").as_bytes())?;
    Ok(counts)
}

/// Writes the cells that experts were not sure of (probability 1/3 and 2/3) to a folder: defects to choose by what is
/// to be tested on the others. Returns how many there are.
pub fn write_unsure(out: &Path) -> Result<usize, FetchError> {
    let (mut entries, labels) = open()?;
    make_folder(out)?;
    let is_unsure = |cell: &Cell| cell.probability > 0.0 && cell.probability < 1.0;
    let mut count = 0;
    for cell in cells(&labels).into_iter().filter(is_unsure) {
        cell.write(&mut entries, out)?;
        count += 1;
    }
    Ok(count)
}

/// The package, and its file of labels.
fn open() -> Result<(Entries, String), FetchError> {
    let mut entries = Entries::open(&package(PACKAGE)?)?;
    let labels = entries.read("elpv_dataset/data/labels.csv")?;
    Ok((entries, String::from_utf8_lossy(&labels).into_owned()))
}

/// By their names.
fn cells(labels: &str) -> Vec<Cell<'_>> {
    let mut cells: Vec<Cell> = labels.lines().filter_map(Cell::parse).collect();
    cells.sort_by(|a, b| a.file.cmp(b.file));
    cells
}

fn make_folder(path: &Path) -> Result<(), FetchError> {
    fs::create_dir_all(path).map_err(|cause| FetchError::Io {
        path: path.to_owned(),
        cause,
    })
}

fn write_to(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    write_atomically(path, bytes).map_err(|cause| FetchError::Io {
        path: path.to_owned(),
        cause,
    })
}

/// A line of the label file: picture, probability of defect, mono- or polycrystalline.
struct Cell<'a> {
    file: &'a str,
    probability: f64,
    kind: &'a str,
}

impl<'a> Cell<'a> {
    /// Without its folder.
    fn name(&self) -> &'a str {
        self.file.rsplit('/').next().unwrap_or(self.file)
    }

    /// Writes the picture to a folder, unless it is there.
    fn write(&self, entries: &mut Entries, folder: &Path) -> Result<(), FetchError> {
        let path = folder.join(self.name());
        if path.is_file() {
            return Ok(());
        }
        let bytes = entries.read(&format!("elpv_dataset/data/{}", self.file))?;
        write_to(&path, &bytes)
    }

    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        Some(Self {
            file: fields.next()?,
            probability: fields.next()?.parse().ok()?,
            kind: fields.next()?,
        })
    }
}
