//! What marks teach on real pictures: some of ELPV's defective test cells are marked, alone or with good ones that were
//! flagged, and the others are judged.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::common::network::{fetched, has_weights};
use crate::solar_cells::{RATE, SIDE, drawn, open};
use igd::data::{Picture, Sample, Selection, TrainingSet, elpv, pictures_in};
use igd::eval::auroc;
use igd::feedback::{self, FeedbackError, Outcome, feedback};
use igd::model::{Detector, Measurement, Model, Precision, ProfileNetworks};
use igd::train::{Options, train};
use tch::Device;
use tempfile::TempDir;

/// Of each number of marks.
const DRAWS: u64 = 6;

/// Pictures that have been looked at once, to be scored with any head.
struct Looked(Vec<Measurement>);

impl Looked {
    fn new(detector: &mut Detector, paths: &[PathBuf]) -> Self {
        let look = |path: &PathBuf| {
            let rgb = Picture::open(path).unwrap().resized((SIDE, SIDE));
            detector.measure(&rgb).unwrap()
        };
        Self(paths.iter().map(look).collect())
    }

    /// Of those that `counts` says, with a model's head, or without one.
    fn scores(&self, model: &Path, counts: impl Fn(usize) -> bool) -> Vec<f32> {
        let model = Model::open(model, Device::Cpu).unwrap();
        let ProfileNetworks::Dense(networks) = model.networks.profile else {
            unreachable!();
        };
        let score = |one: &Measurement| {
            let head = networks.head.as_ref();
            let factor = head.map(|head| head.factor(&one.departure));
            one.scales.dense.unwrap().distance * factor.unwrap_or(1.0)
        };
        let looked = self.0.iter().enumerate();
        let counting = looked.filter(|(index, _)| counts(*index));
        counting.map(|(_, one)| score(one)).collect()
    }
}

/// How well a model judges.
#[derive(Clone, Copy)]
struct Judged {
    auroc: f64,
    /// Shares that are flagged.
    good: f64,
    defective: f64,
    /// Share of the defective that is flagged where 1 %, and where 5 % of the good are.
    at: [f64; 2],
}

/// What one draw of marks comes to.
struct Draw {
    before: Judged,
    after: Judged,
    /// The gain of AUROC that cross-validation has told of.
    said: f64,
    seconds: f64,
    refused: bool,
}

/// A model without marks, and the test cells.
struct Bench {
    folder: TempDir,
    base: PathBuf,
    threshold: f32,
    good: Vec<PathBuf>,
    defective: Vec<PathBuf>,
    looked_good: Looked,
    looked_defective: Looked,
}

impl Bench {
    /// Nothing without a network.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let elpv = folder.path().join("elpv");
        fetched("ELPV", elpv::write(&elpv))?;
        let pictures = |kind: &str| pictures_in(&elpv.join(kind)).unwrap();
        let [good, defective] = ["test/good", "test/defective"].map(pictures);
        let base = folder.path().join("base.safetensors");
        let cells = TrainingSet::open(&elpv.join("train/good"), &Selection::default()).unwrap();
        let options = Options {
            false_positive_rate: RATE,
            ..Options::new(cells, base.clone())
        };
        train(&options, |_| ()).unwrap();
        let threshold = open(&base, Precision::Auto).threshold();
        // Pictures are looked at for a head where there is one: any.
        let any = folder.path().join("any.safetensors");
        let marked: Vec<_> = defective.iter().take(100).collect();
        learn(&base, &any, &marked, &[]).unwrap();
        let mut detector = open(&any, Precision::Auto);
        Some(Self {
            looked_good: Looked::new(&mut detector, &good),
            looked_defective: Looked::new(&mut detector, &defective),
            folder,
            base,
            threshold,
            good,
            defective,
        })
    }

    /// The good cells of the first half that are flagged.
    fn alarms(&self) -> Vec<&PathBuf> {
        let scores = self
            .looked_good
            .scores(&self.base, |index| index < self.half());
        let good = self.good.iter().zip(scores);
        let flagged = good.filter(|(_, score)| *score > self.threshold);
        flagged.map(|(path, _)| path).collect()
    }

    fn half(&self) -> usize {
        self.good.len() / 2
    }

    /// On the defective cells that are not marked, and on the good ones: those of the second half, where some of the
    /// first are marked.
    fn judge(&self, model: &Path, threshold: f32, marked: &[&PathBuf], half: bool) -> Judged {
        let marked: HashSet<&PathBuf> = marked.iter().copied().collect();
        let first = if half { self.half() } else { 0 };
        let mut good = self.looked_good.scores(model, |index| index >= first);
        let is_new = |index: usize| !marked.contains(&self.defective[index]);
        let defective = self.looked_defective.scores(model, is_new);
        let above = |scores: &[f32], threshold: f32| {
            let above = scores.iter().filter(|&&score| score > threshold);
            above.count() as f64 / scores.len() as f64
        };
        let area = auroc(&good, &defective).unwrap();
        good.sort_by(|a, b| b.total_cmp(a));
        let at = |rate: f64| above(&defective, good[(rate * good.len() as f64) as usize]);
        Judged {
            auroc: area,
            good: above(&good, threshold),
            defective: above(&defective, threshold),
            at: [0.01, 0.05].map(at),
        }
    }

    fn draw(&self, count: usize, alarms: &[&PathBuf], draw: u64) -> Draw {
        let bad = drawn(&self.defective, count, draw);
        let half = !alarms.is_empty();
        let out = self
            .folder
            .path()
            .join(format!("{count}-{half}-{draw}.safetensors"));
        let before = self.judge(&self.base, self.threshold, &bad, half);
        let start = Instant::now();
        let Some(outcome) = learn(&self.base, &out, &bad, alarms) else {
            return Draw {
                before,
                after: before,
                said: 0.0,
                seconds: 0.0,
                refused: true,
            };
        };
        let seconds = start.elapsed().as_secs_f64();
        let [said_before, said_after] = outcome.revision.auroc;
        Draw {
            before,
            after: self.judge(&out, outcome.calibration.threshold, &bad, half),
            said: said_after - said_before,
            seconds,
            refused: false,
        }
    }
}

/// `None` where the marks make no better model.
fn learn(base: &Path, out: &Path, bad: &[&PathBuf], good: &[&PathBuf]) -> Option<Outcome> {
    let samples = |paths: &[&PathBuf]| -> Vec<Sample> {
        let paths = paths.iter();
        paths.map(|&path| Sample::File(path.clone())).collect()
    };
    let options = feedback::Options {
        model: base.to_owned(),
        bad: samples(bad),
        good: samples(good),
        out: out.to_owned(),
        false_positive_rate: None,
        strict: true,
    };
    match feedback(&options, |_| ()) {
        Ok(outcome) => Some(outcome),
        Err(FeedbackError::NotBetter(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Mean and standard deviation.
fn spread(draws: &[Draw], of: impl Fn(&Draw) -> f64) -> (f64, f64) {
    let values: Vec<f64> = draws.iter().map(of).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / (values.len() - 1) as f64;
    (mean, variance.sqrt())
}

/// A row of the table.
fn row(what: &str, draws: &[Draw]) -> String {
    let text = |(mean, deviation): (f64, f64)| format!("{mean:.3} ± {deviation:.3}");
    let pair = |of: fn(&Judged) -> f64| {
        let before = spread(draws, |draw| of(&draw.before)).0;
        format!(
            "{before:.3} to {}",
            text(spread(draws, |draw| of(&draw.after)))
        )
    };
    let columns = [
        what.to_owned(),
        format!(
            "{} of {DRAWS}",
            draws.iter().filter(|draw| draw.refused).count()
        ),
        pair(|judged| judged.auroc),
        text(spread(draws, gain)),
        pair(|judged| judged.good),
        pair(|judged| judged.defective),
        pair(|judged| judged.at[0]),
        pair(|judged| judged.at[1]),
        text(spread(draws, |draw| draw.said)),
        format!("{:.1}", spread(draws, |draw| draw.seconds).0),
    ];
    format!("| {} |", columns.join(" | "))
}

fn gain(draw: &Draw) -> f64 {
    draw.after.auroc - draw.before.auroc
}

#[test]
#[ignore = "long"]
fn marks_teach() {
    if !has_weights() {
        return;
    }
    let Some(bench) = Bench::new() else {
        return;
    };
    println!(
        "| marked | refused | AUROC | gain | good flagged | defective flagged | at 1 % | at 5 % | said | s |"
    );
    let draws = |count: usize, alarms: &[&PathBuf]| -> Vec<Draw> {
        let draws = 1..=DRAWS;
        draws.map(|draw| bench.draw(count, alarms, draw)).collect()
    };
    let gains = [5, 10, 30, 100].map(|count| {
        let draws = draws(count, &[]);
        println!("{}", row(&count.to_string(), &draws));
        spread(&draws, gain).0
    });
    let alarms = bench.alarms();
    let with_good = format!("30 and {} good", alarms.len());
    println!("{}", row(&with_good, &draws(30, &alarms)));
    // Half of what was seen once.
    assert!(gains[2] > 0.0035 && gains[3] > 0.0135, "{gains:?}");
}
