//! What networks of small pictures come to that are trained so or so: each class of a set normal in turn, from several
//! seeds, with a critic and without. `igd bench` says as much of a model, but encodes all test pictures anew for each.
//!
//! | in the environment | |
//! |---|---|
//! | `IGD_SET` | `mnist` or `fashion-mnist` |
//! | `IGD_CLASSES`, `IGD_SEEDS` | numbers with commas between |
//! | `IGD_ENCODER` | `imagenet`, or `scratch` (trained, and whitened) |
//! | `IGD_STEPS` | of the training; 0: the Gaussian term alone |
//! | `IGD_INTERPOLATION` | shares of that loss: one, or two to be compared |
//! | `IGD_PICTURES` | to train with, those held out among them; 0: all |
//! | `IGD_CONTAMINATION` | share of anomalous pictures among them |
//! | `IGD_RARE_SHARE` | of the class after it, which is normal too, and judged against the other eight |

mod judged;
mod probe;

use std::env;
use std::path::Path;
use std::str::FromStr;

use crate::common::network::{fetched, has_weights};
use igd::data::{Selection, TrainingSet, mnist};
use igd::model::{Described, Model, ProfileNetworks};
use igd::nn::Local;
use igd::train::paper::{self, Length, LocalEncoder, StepLosses};
use igd::train::{Options, Profile, TrainingEvent, train};
use tch::Device;

use self::judged::TestSet;
use self::probe::probe;

const WIDTH: i64 = 8;
const SIDE: i64 = 32;
const BATCH: usize = 32;
/// From the darkest to the brightest normalised value, as in the models.
const RANGE: f64 = 4.7579;
/// The losses that are told are means over so many steps at the end.
const LAST: usize = 100;

/// What is measured of a network, each by its name.
type Measures = Vec<(&'static str, f64)>;

/// What is trained and how, beside classes and seeds.
struct Study {
    set: String,
    is_scratch: bool,
    steps: usize,
    interpolation: Vec<f64>,
    pictures: usize,
    contamination: f64,
    rare_share: f64,
}

impl Study {
    fn of_environment() -> Self {
        Self {
            set: given("IGD_SET", "mnist"),
            is_scratch: given("IGD_ENCODER", "imagenet") == "scratch",
            steps: number("IGD_STEPS", "1000"),
            interpolation: numbers("IGD_INTERPOLATION", "0.1,0"),
            pictures: number("IGD_PICTURES", "0"),
            contamination: number("IGD_CONTAMINATION", "0"),
            rare_share: number("IGD_RARE_SHARE", "0"),
        }
    }

    fn selection(&self, class: u8) -> Selection {
        Selection {
            class: Some(class),
            rare_class: (self.rare_share > 0.0).then_some((class + 1) % 10),
            ..Selection::default()
        }
    }

    fn training(&self, data: &Path, class: u8) -> TrainingSet {
        let selection = self.selection(class);
        let mut training = TrainingSet::open(data, &selection).unwrap();
        if self.pictures > 0 {
            let share = self.pictures as f64 / training.samples.len() as f64;
            training.thin(share, selection.seed);
        }
        if self.contamination > 0.0 {
            training
                .contaminate(self.contamination, data, &selection)
                .unwrap();
        }
        if self.rare_share > 0.0 {
            training
                .add_rare(self.rare_share, data, &selection)
                .unwrap();
        }
        training
    }

    fn options(&self, seed: i64, interpolation: f64) -> paper::Options {
        paper::Options {
            global: None,
            local: Some(match self.is_scratch {
                true => LocalEncoder::Scratch,
                false => LocalEncoder::EfficientnetLite0Places,
            }),
            whiten: self.is_scratch,
            input: SIDE,
            width: WIDTH,
            latent: 256,
            length: Length::Steps(self.steps),
            time: None,
            patch_batch: BATCH,
            learning_rate: 1e-3,
            interpolation,
            // As `igd bench` does; without steps they are of no use.
            flip: self.set == "fashion-mnist" && self.steps > 0,
            seed,
            ..paper::Options::default()
        }
    }

    /// The network and the means of its last losses.
    fn trained(
        &self,
        data: &Path,
        class: u8,
        seed: i64,
        interpolation: f64,
    ) -> (Described<Local>, StepLosses) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("m.safetensors");
        let options = Options {
            profile: Profile::Paper(self.options(seed, interpolation)),
            ..Options::new(self.training(data, class), out.clone())
        };
        let mut steps = Vec::new();
        train(&options, |event| {
            if let TrainingEvent::Step(report) = event {
                steps.push(report.losses);
            }
        })
        .unwrap();
        let last = &steps[steps.len().saturating_sub(LAST)..];
        let sum = last.iter().fold(StepLosses::default(), |sum, one| {
            sum.combine(one, |sum, one| sum + one)
        });
        let mean = sum.combine(&sum, |sum, _| sum / last.len() as f64);
        let ProfileNetworks::Paper(networks) =
            Model::open(&out, Device::Cpu).unwrap().networks.profile
        else {
            panic!("the config is the paper's");
        };
        (networks.local.unwrap(), mean)
    }
}

fn given(name: &str, usual: &str) -> String {
    env::var(name).unwrap_or_else(|_| usual.to_owned())
}

fn numbers<T: FromStr<Err: std::fmt::Debug>>(name: &str, usual: &str) -> Vec<T> {
    let given = given(name, usual);
    given
        .split(',')
        .map(|number| number.parse().unwrap())
        .collect()
}

fn number<T: Copy + FromStr<Err: std::fmt::Debug>>(name: &str, usual: &str) -> T {
    numbers(name, usual)[0]
}

#[test]
#[ignore = "long"]
fn each_class_normal_in_turn() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let study = Study::of_environment();
    let written = match &study.set[..] {
        "mnist" => mnist::write_mnist(data),
        "fashion-mnist" => mnist::write_fashion_mnist(data),
        other => panic!("IGD_SET is mnist or fashion-mnist, not {other}"),
    };
    if fetched(&study.set, written).is_none() {
        return;
    }
    let mut test = TestSet::read(data);
    let mut all: Vec<Vec<Measures>> = vec![Vec::new(); study.interpolation.len()];
    let mut differences: Vec<Measures> = Vec::new();
    for seed in numbers("IGD_SEEDS", "1") {
        for class in numbers("IGD_CLASSES", "8") {
            let mut arms = Vec::new();
            for (&interpolation, all) in study.interpolation.iter().zip(&mut all) {
                let (network, last) = study.trained(data, class, seed, interpolation);
                let selection = study.selection(class);
                let measures = match study.steps {
                    0 => test.gaussian(&network, &selection),
                    _ => {
                        let mut measures = test.score(&network, &selection);
                        measures.extend(probe(&network, &test.of_class(class)));
                        measures.push(("critic's loss", last.critic));
                        measures.push(("its correlation", last.correlation));
                        measures
                    }
                };
                let area = measures[0].1;
                assert!(
                    area > 0.5,
                    "{class}, seed {seed}: {area}, worse than by lot"
                );
                let said = said(&measures);
                println!(
                    "{} {class}, seed {seed}, interpolation {interpolation}: {said}",
                    study.set
                );
                all.push(measures.clone());
                arms.push(measures);
            }
            if let [one, other] = &arms[..] {
                let pairs = one.iter().zip(other);
                differences.push(pairs.map(|(one, other)| (one.0, one.1 - other.1)).collect());
            }
        }
    }
    for (interpolation, all) in study.interpolation.iter().zip(&all) {
        println!("interpolation {interpolation}: {}", summary(all));
    }
    if !differences.is_empty() {
        println!("the first less the second: {}", summary(&differences));
    }
}

fn said(measures: &[(&str, f64)]) -> String {
    let each = measures
        .iter()
        .map(|(name, value)| format!("{name} {value:.4}"));
    each.collect::<Vec<_>>().join(", ")
}

/// Of each measure the mean over the runs, and its standard error.
fn summary(runs: &[Measures]) -> String {
    let count = runs.len() as f64;
    let each = (0..runs[0].len()).map(|index| {
        let values = runs.iter().map(|run| run[index].1);
        let mean = values.clone().sum::<f64>() / count;
        let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        format!("{} {mean:.4} ± {error:.4}", runs[0][index].0)
    });
    format!("{count} runs, {}", each.collect::<Vec<_>>().join(", "))
}
