//! Parts that do not lie still: ELPV's solar cells, shifted, turned and zoomed, by a model of cells that lie still.
//!
//! A camera sees more than the cell: each lies among eight good ones next to it in the set, as in a module. What a shift
//! brings in is really there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::common::network::{fetched, has_weights};
use crate::solar_cells::{fit, flagged, link, open};
use igd::data::{Picture, Selection, TrainingSet, elpv, pictures_in};
use igd::eval::auroc;
use igd::model::{Measurement, Precision};
use igd::train::Options;
use igd::warp::{Transform, warp};

/// Of a cell.
const CELL: usize = 300;
/// What is done to a cell: pixels of shift, degrees of turn, and how much larger it is.
const MOVES: [(&str, f32, f32, f32); 8] = [
    ("none", 0.0, 0.0, 1.0),
    ("shift 4", 4.0, 0.0, 1.0),
    ("shift 8", 8.0, 0.0, 1.0),
    ("shift 16", 16.0, 0.0, 1.0),
    ("turn 3", 0.0, 3.0, 1.0),
    ("turn 5", 0.0, 5.0, 1.0),
    ("zoom 1.05", 0.0, 0.0, 1.05),
    ("shift 16, turn 5", 16.0, 5.0, 1.0),
];

/// Cells by their files, gray.
#[derive(Default)]
struct Cells(HashMap<PathBuf, Vec<u8>>);

impl Cells {
    fn cell(&mut self, path: &Path) -> &[u8] {
        self.0.entry(path.to_owned()).or_insert_with(|| {
            let planes = Picture::open(path).unwrap().resized((CELL, CELL));
            planes[..CELL * CELL]
                .iter()
                .map(|value| value.round() as u8)
                .collect()
        })
    }

    /// A cell in the middle of those that come before and after it among `others`, each once: one plane.
    fn module(&mut self, path: &Path, others: &[PathBuf]) -> Vec<f32> {
        let place = others.partition_point(|other| other.file_name() < path.file_name());
        let is_itself = others.get(place).is_some_and(|other| other == path);
        let around = [-4, -3, -2, -1, 0, 1, 2, 3].map(|step| {
            let step = step + i64::from(is_itself && step >= 0);
            let index = (place as i64 + step).rem_euclid(others.len() as i64);
            others[index as usize].clone()
        });
        let mut module = vec![0.0; 9 * CELL * CELL];
        let (before, after) = around.split_at(4);
        let cells = before
            .iter()
            .map(PathBuf::as_path)
            .chain([path])
            .chain(after.iter().map(PathBuf::as_path));
        for (index, cell) in cells.enumerate() {
            let corner = index / 3 * CELL * 3 * CELL + index % 3 * CELL;
            for (y, row) in self.cell(cell).chunks_exact(CELL).enumerate() {
                let out = &mut module[corner + y * 3 * CELL..][..CELL];
                out.iter_mut()
                    .zip(row)
                    .for_each(|(out, value)| *out = f32::from(*value));
            }
        }
        module
    }
}

/// The middle of a module that was moved, as a camera sees it.
fn seen(module: &[f32], transform: &Transform, side: usize) -> Picture {
    let mut plane = vec![0.0; side * side];
    warp(
        module,
        (3 * CELL, 3 * CELL),
        transform,
        &mut plane,
        (side, side),
    );
    Picture::of_planes(&plane.repeat(3), (side, side))
}

/// The move of the cell of that number: each to another side, and turned one way or the other.
fn moved(index: usize, (_, shift, degrees, zoom): (&str, f32, f32, f32)) -> Transform {
    let direction = index as f32 * 2.399_963;
    let way = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
    let shift = [shift * direction.cos(), shift * direction.sin()];
    Transform::new(way * degrees, 1.0 / zoom, shift, 1.0)
}

/// Which cells are fitted to, and which are judged.
struct Split {
    training: Vec<PathBuf>,
    good: Vec<PathBuf>,
    defective: Vec<PathBuf>,
}

/// Chooses among settings: fits to four fifths of the training cells, and judges the rest and cells that experts were
/// not sure of.
#[test]
#[ignore = "long"]
fn moved_cells_that_nothing_is_reported_of() {
    let folder = tempfile::tempdir().unwrap();
    let [elpv, unsure] = ["elpv", "unsure"].map(|name| folder.path().join(name));
    if fetched("ELPV", elpv::write(&elpv).and(elpv::write_unsure(&unsure))).is_none()
        || !has_weights()
    {
        return;
    }
    let training = pictures_in(&elpv.join("train/good"))
        .unwrap()
        .into_iter()
        .enumerate();
    let (good, training): (Vec<_>, Vec<_>) = training.partition(|(index, _)| index % 5 == 2);
    let paths = |cells: Vec<(usize, PathBuf)>| cells.into_iter().map(|(_, path)| path).collect();
    judge(
        folder.path(),
        &Split {
            training: paths(training),
            good: paths(good),
            defective: pictures_in(&unsure)
                .unwrap()
                .into_iter()
                .step_by(2)
                .collect(),
        },
    );
}

/// Fits to all training cells, and judges all good test cells and every third of the defective ones.
#[test]
#[ignore = "long"]
fn moved_cells() {
    let folder = tempfile::tempdir().unwrap();
    let elpv = folder.path().join("elpv");
    if fetched("ELPV", elpv::write(&elpv)).is_none() || !has_weights() {
        return;
    }
    let pictures = |kind: &str| pictures_in(&elpv.join(kind)).unwrap();
    judge(
        folder.path(),
        &Split {
            training: pictures("train/good"),
            good: pictures("test/good"),
            defective: pictures("test/defective").into_iter().step_by(3).collect(),
        },
    );
}

fn judge(folder: &Path, split: &Split) {
    let mut cells = Cells::default();
    let data = folder.join("cells");
    link(&data, &split.training);
    let out = folder.join("cells.safetensors");
    let training = TrainingSet::open(&data, &Selection::default()).unwrap();
    let (_, measurements) = fit(&Options::new(training, out.clone()));
    let mut detector = open(&out, Precision::Auto);
    println!("| moved by | AUROC | at 1 %: good, defective | at 5 %: good, defective |");
    for kind in MOVES {
        let mut scores = |paths: &[PathBuf]| -> Vec<f32> {
            let score = |(index, path): (usize, &PathBuf)| {
                let module = cells.module(path, &split.good);
                let picture = seen(&module, &moved(index, kind), CELL);
                let rgb = picture.resized(detector.input_size());
                detector.measure(&rgb).unwrap().score
            };
            paths.iter().enumerate().map(score).collect()
        };
        let (good, defective) = (scores(&split.good), scores(&split.defective));
        row(kind.0, &measurements, [&good, &defective]);
    }
}

fn row(moved: &str, measurements: &[Measurement], scores: [&Vec<f32>; 2]) {
    let [[good_1, found_1], [good_5, found_5]] =
        [0.01, 0.05].map(|rate| flagged(measurements, rate, scores));
    let [good, defective] = scores;
    println!(
        "| {moved} | {:.4} | {good_1:.3}, {found_1:.3} | {good_5:.3}, {found_5:.3} |",
        auroc(good, defective).unwrap()
    );
}
