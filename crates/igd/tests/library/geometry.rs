//! Parts that do not lie still: ELPV's solar cells, shifted, turned and zoomed, by models of cells that lie still, of
//! cells that do not (`--augment`), and by one that looks for the cell (`--align`).
//!
//! A camera sees more than the cell: each lies among eight good ones next to it in the set, as in a module. What a shift
//! brings in is really there.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common::network::{fetched, has_weights};
use crate::solar_cells::{cells, fit, flagged, link, open};
use igd::align::{self, Aligner, Small};
use igd::data::{Picture, Selection, TrainingSet, elpv, pictures_in};
use igd::eval::auroc;
use igd::model::{Alignment, DenseConfig, Measurement, Precision};
use igd::train::{Augmentation, Options, Profile, dense};
use igd::warp::{Transform, warp};

/// Of a cell.
const CELL: usize = 300;
/// Share of a frame's side that is margin at each end.
const MARGIN: f64 = 0.125;
/// Of a cell with that margin around it.
const FRAME: usize = 400;

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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Still,
    Augmented,
    Aligned,
}

impl Way {
    fn options(self, cells: TrainingSet, out: PathBuf) -> Options {
        let usual = dense::Options::default();
        let profile = match self {
            Self::Still => usual,
            Self::Augmented => dense::Options {
                augmentation: Some(Augmentation::USUAL),
                ..usual
            },
            Self::Aligned => dense::Options {
                config: DenseConfig {
                    align: Some(Alignment::around([256, 256], MARGIN)),
                    ..DenseConfig::usual()
                },
                augmentation: Some(Augmentation::within(MARGIN)),
                ..usual
            },
        };
        Options {
            profile: Profile::Dense(profile),
            ..Options::new(cells, out)
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Still => "still",
            Self::Augmented => "--augment",
            Self::Aligned => "--align",
        }
    }
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
    let Some([training, good, defective]) = cells(folder.path()) else {
        return;
    };
    judge(
        folder.path(),
        &Split {
            training,
            good,
            defective: defective.into_iter().step_by(3).collect(),
        },
    );
}

fn judge(folder: &Path, split: &Split) {
    let mut cells = Cells::default();
    println!("| model | moved by | AUROC | at 1 %: good, defective | at 5 %: good, defective |");
    for way in [Way::Still, Way::Augmented, Way::Aligned] {
        let data = folder.join(way.name());
        if way == Way::Aligned {
            fs::create_dir(&data).unwrap();
            for path in &split.training {
                let module = cells.module(path, &split.training);
                let picture = seen(&module, &Transform::IDENTITY, FRAME);
                let file = data.join(path.file_name().unwrap());
                picture.into_rgb().save(file).unwrap();
            }
        } else {
            link(&data, &split.training);
        }
        let out = folder.join("cells.safetensors");
        let training = TrainingSet::open(&data, &Selection::default()).unwrap();
        let start = Instant::now();
        let (outcome, measurements) = fit(&way.options(training, out.clone()));
        println!(
            "{}: fitted in {:.1?}, {:?}",
            way.name(),
            start.elapsed(),
            outcome.augmented
        );
        let mut detector = open(&out, Precision::Auto);
        let side = if way == Way::Aligned { FRAME } else { CELL };
        for kind in MOVES {
            let mut scores = |paths: &[PathBuf]| -> Vec<f32> {
                let score = |(index, path): (usize, &PathBuf)| {
                    let module = cells.module(path, &split.good);
                    let picture = seen(&module, &moved(index, kind), side);
                    let rgb = picture.resized(detector.input_size());
                    detector.measure(&rgb).unwrap().score
                };
                paths.iter().enumerate().map(score).collect()
            };
            let (good, defective) = (scores(&split.good), scores(&split.defective));
            row(way.name(), kind.0, &measurements, [&good, &defective]);
        }
    }
}

/// How far corners of cells are found from where they are, against where they are found in the cell that was not moved;
/// of cells that the references are not made of, with the time that a thread takes for each.
#[test]
#[ignore = "long"]
fn where_moved_cells_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let elpv = folder.path().join("elpv");
    if fetched("ELPV", elpv::write(&elpv)).is_none() {
        return;
    }
    let all = pictures_in(&elpv.join("train/good")).unwrap();
    let every =
        |rest: usize| -> Vec<PathBuf> { all.iter().skip(rest).step_by(5).cloned().collect() };
    let (training, good) = (every(0), every(2));
    let align = Alignment::around([256, 256], MARGIN);
    let size = align.margin.map(|margin| 256 + 2 * margin).into();
    let mut cells = Cells::default();
    let mut small = Small::new(size);
    let smalls: Vec<f32> = training
        .iter()
        .flat_map(|path| {
            let module = cells.module(path, &training);
            let rgb = seen(&module, &Transform::IDENTITY, FRAME).resized(size);
            small.look(&rgb).to_vec()
        })
        .collect();
    let references = align::fit(&smalls, 1.0);
    println!("{} references", references.count());
    println!("| moved by | off in the median | 90 % | 99 % | at most | left as it lies | time |");
    let mut aligner = Aligner::new(&references, size, (256, 256));
    for kind in MOVES {
        let (mut apart, mut left, mut time) = (Vec::new(), 0, Duration::ZERO);
        let mut window = Vec::new();
        for (index, path) in good.iter().enumerate() {
            let module = cells.module(path, &good);
            let mut find = |transform: &Transform| {
                let rgb = seen(&module, transform, FRAME).resized(size);
                let start = thread_time();
                let found = aligner.bring(&rgb, &mut window);
                time = thread_time() - start + time;
                found
            };
            let moved = moved(index, kind);
            let (still, found) = (find(&Transform::IDENTITY), find(&moved));
            left += usize::from(found == Transform::IDENTITY);
            let scale = size.0 as f32 / FRAME as f32;
            let expected = moved.inverse().scaled([scale; 2]).after(&still);
            let corners = [
                [128.0, 128.0],
                [128.0, -128.0],
                [-128.0, 128.0],
                [-128.0, -128.0],
            ];
            let distances = corners.map(|corner| {
                let (found, expected) = (found.apply(corner), expected.apply(corner));
                (found[0] - expected[0]).hypot(found[1] - expected[1]) / scale
            });
            apart.push(distances.into_iter().fold(0.0, f32::max));
        }
        apart.sort_by(f32::total_cmp);
        let at = |share: f32| apart[(share * (apart.len() - 1) as f32) as usize];
        let time = time / (2 * good.len()) as u32;
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {left} of {} | {time:.2?} |",
            kind.0,
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            good.len()
        );
        assert!(kind.3 != 1.0 || at(0.9) < 2.0);
    }
}

/// What this thread has worked, whatever else the machine does.
fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes one struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn row(name: &str, moved: &str, measurements: &[Measurement], scores: [&Vec<f32>; 2]) {
    let [[good_1, found_1], [good_5, found_5]] =
        [0.01, 0.05].map(|rate| flagged(measurements, rate, scores));
    let [good, defective] = scores;
    println!(
        "| {name} | {moved} | {:.4} | {good_1:.3}, {found_1:.3} | {good_5:.3}, {found_5:.3} |",
        auroc(good, defective).unwrap()
    );
}
