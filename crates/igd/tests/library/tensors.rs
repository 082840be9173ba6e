//! What GPUs run: tensors from end to end. Here on the CPU, and on a GPU with
//! `cargo test --release --test library tensors:: -- --ignored`.

use crate::common::alone::{again, is_alone};
use crate::common::golden::{CPU, Golden, assert_near};
use crate::common::network::has_weights;
use crate::common::textures::write;
use crate::common::{dense_model_of, global_model, local_model, model_of_both};
use crate::golden::training_step_on;
use igd::data::{Selection, TrainingSet};
use igd::libtorch::choose_device;
use igd::model::{
    Calibration, DenseConfig, Detector, InputPicture, Model, Precision, RawDetection, Storage,
    Tiling,
};
use igd::train::{self, Options, Profile, TrainingEvent, paper};
use tch::{Device, Kind, Tensor};

/// How far from what f32 comes to scores and maps may be, of scores of about 1.
const PRECISIONS: [(Kind, f64, f64); 3] = [
    (Kind::Float, 1e-5, 1e-4),
    (Kind::BFloat16, 5e-3, 5e-2),
    (Kind::Half, 1e-3, 1e-2),
];

fn gpu() -> Device {
    choose_device("cuda").expect("a GPU").device
}

#[test]
fn paper_on_the_cpu() {
    published_numbers(CPU);
}

#[test]
#[ignore = "needs a GPU"]
fn paper_on_a_gpu() {
    published_numbers(gpu());
}

#[test]
fn dense_on_the_cpu() {
    dense(CPU);
}

#[test]
#[ignore = "needs a GPU"]
fn dense_on_a_gpu() {
    dense(gpu());
}

#[test]
#[ignore = "needs a GPU"]
fn a_training_step_on_a_gpu() {
    training_step_on(gpu());
}

/// Both networks lose what they lose on the CPU, step by step, and the model judges as that one.
#[test]
#[ignore = "needs a GPU"]
fn training_on_a_gpu() {
    let (steps, outcome) = trained(paper_training(), CPU);
    let (found_steps, found) = trained(paper_training(), gpu());
    assert_eq!(steps.len(), found_steps.len());
    for (found, expected) in found_steps.iter().zip(&steps) {
        println!("{found} for {expected}");
        assert!((found - expected).abs() < 1e-2 * expected);
    }
    let off = found.threshold / outcome.threshold - 1.0;
    assert!(off.abs() < 2e-2, "{found:?} for {outcome:?}");
}

#[test]
#[ignore = "needs a GPU"]
fn a_dense_fit_on_a_gpu() {
    if !has_weights() {
        return;
    }
    let (_, expected) = trained(dense_training(), CPU);
    let (_, found) = trained(dense_training(), gpu());
    let off = found.threshold / expected.threshold - 1.0;
    assert!(off.abs() < 2e-2, "{found:?} for {expected:?}");
}

/// What is fitted and calibrated in tensors is what is in loops.
#[test]
fn trainings_in_tensors_on_the_cpu() {
    const NAME: &str = "tensors::trainings_in_tensors_on_the_cpu";
    let dense = has_weights().then(dense_training);
    let profiles: Vec<Profile> = [Some(paper_training()), dense]
        .into_iter()
        .flatten()
        .collect();
    let thresholds = profiles.into_iter().map(|profile| {
        let (steps, calibration) = trained(profile, CPU);
        let losses = steps.into_iter();
        losses
            .chain([f64::from(calibration.threshold)])
            .collect::<Vec<_>>()
    });
    let numbers = thresholds.flatten().collect::<Vec<_>>();
    if is_alone() {
        return println!("numbers {}", serde_json::to_string(&numbers).unwrap());
    }
    let said = in_tensors_alone(NAME);
    let (_, found) = said.split_once("numbers ").unwrap();
    let found: Vec<f64> = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    assert_eq!(found.len(), numbers.len());
    for (found, expected) in found.iter().zip(&numbers) {
        let off = found / expected - 1.0;
        assert!(off.abs() < 1e-2, "{found} for {expected}");
    }
}

/// A few steps of both networks, which no weights are fetched for.
fn paper_training() -> Profile {
    Profile::Paper(paper::Options {
        global: Some(paper::GlobalEncoder::Scratch),
        width: 2,
        latent: 8,
        length: paper::Length::Steps(3),
        time: None,
        batch: 4,
        patch_batch: 40,
        flip: true,
        ..paper::Options::default()
    })
}

/// Of pictures that are cut in two.
fn dense_training() -> Profile {
    Profile::Dense(train::dense::Options {
        config: DenseConfig {
            tiling: Tiling::new([64, 96], [2, 1]),
            dimensions: 16,
            ..DenseConfig::usual()
        },
        ..train::dense::Options::default()
    })
}

/// The total losses of all steps, and the thresholds.
fn trained(profile: Profile, device: Device) -> (Vec<f64>, Calibration) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write(&data, 0..16, (128, 128));
    let data = TrainingSet::open(&data, &Selection::default()).unwrap();
    let options = Options {
        profile,
        device,
        ..Options::new(data, folder.path().join("m.safetensors"))
    };
    let mut losses = Vec::new();
    let outcome = train::train(&options, |event| {
        if let TrainingEvent::Step(report) = event {
            losses.push(report.losses.total);
        }
    });
    (losses, outcome.unwrap().calibration.unwrap())
}

/// What a test says in a process of its own, where `IGD_TENSOR_PATH` is 1.
fn in_tensors_alone(name: &str) -> String {
    let run = again(name).env("IGD_TENSOR_PATH", "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    said
}

/// The published numbers.
fn published_numbers(device: Device) {
    for golden in Golden::both() {
        for (kind, score_tolerance, map_tolerance) in PRECISIONS {
            if device == CPU && kind != Kind::Float && golden.width > 16 {
                println!("skipped: width {} in {kind:?} is long", golden.width);
                continue;
            }
            let mut detector = in_tensors(&golden.model(), device, kind);
            let what = |what: &str| format!("{what} of width {} in {kind:?}", golden.width);
            let measurement = detector.measure(&golden.rgb()).unwrap();
            let score = Tensor::from(measurement.score);
            let expected = golden.get("model.score");
            assert_near(&what("score"), &score, expected, score_tolerance);
            let map = Tensor::from_slice(&detector.raw_map());
            let expected = golden.get("model.heatmap");
            assert_near(&what("heatmap"), &map, expected, map_tolerance);
        }
    }
    agree("both", &model_of_both(), device);
    agree("global alone", &global_model(), device);
    agree("local alone", &local_model(1, 2), device);
}

/// Whole pictures, and tiles with places of their own or the same for all.
fn dense(device: Device) {
    let usual = DenseConfig::usual;
    agree("dense", &dense_model_of(usual()), device);
    for shared in [false, true] {
        let config = DenseConfig {
            tiling: Tiling::new([64, 96], [3, 2]),
            shared,
            dimensions: 32,
            ..usual()
        };
        agree(
            &format!("tiles, shared {shared}"),
            &dense_model_of(config),
            device,
        );
    }
}

/// The model as a file has it, there.
fn on(device: Device, model: &Model) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path, model.config.storage()).unwrap();
    Model::open(&path, device).unwrap()
}

fn in_tensors(model: &Model, device: Device, kind: Kind) -> Detector {
    Detector::in_tensors(on(device, model), device, kind).unwrap()
}

/// Pictures that come together are judged in tensors as each is by itself in loops.
fn agree(what: &str, model: &Model, device: Device) {
    let mut in_loops = Detector::new(on(CPU, model), CPU, Kind::Float).unwrap();
    let pictures = pictures(in_loops.input_size());
    let expected: Vec<RawDetection> = pictures
        .iter()
        .map(|rgb| judged(&mut in_loops, std::slice::from_ref(rgb)).remove(0))
        .collect();
    assert_ne!(expected[0].score, expected[1].score);
    for (kind, score_tolerance, map_tolerance) in PRECISIONS {
        let mut in_tensors = in_tensors(model, device, kind);
        // Half precisions are emulated on many a CPU: seconds a picture.
        let is_short = device == CPU && kind != Kind::Float;
        let pictures = &pictures[..if is_short { 1 } else { pictures.len() }];
        let found = judged(&mut in_tensors, pictures);
        for (found, expected) in found.iter().zip(&expected) {
            let what = |part: &str| format!("{part} of {what} in {kind:?}");
            let near = |part: &str, found: &[f32], expected: &[f32], tolerance: f64| {
                let expected = Tensor::from_slice(expected);
                let largest = expected.abs().max().double_value(&[]);
                let found = Tensor::from_slice(found);
                assert_near(&what(part), &found, &expected, tolerance * largest);
            };
            let [found_score, score] = [found, expected].map(|one| [one.score]);
            near("score", &found_score, &score, 10.0 * score_tolerance);
            near("map", &found.map, &expected.map, 2.0 * map_tolerance);
            if !expected.details.is_empty() {
                near(
                    "details",
                    &found.details,
                    &expected.details,
                    2.0 * map_tolerance,
                );
            }
            if !expected.pooled.is_empty() {
                near(
                    "pooled",
                    &found.pooled,
                    &expected.pooled,
                    2.0 * map_tolerance,
                );
            }
            assert_eq!(found.patches.len(), expected.patches.len());
        }
    }
}

/// More than are judged together, no two alike: planar, 0..=255.
fn pictures((width, height): (usize, usize)) -> Vec<Vec<f32>> {
    (0..9)
        .map(|number| {
            let mut noise = fastrand::Rng::with_seed(number);
            let values = (0..3 * width * height).map(|index| {
                let (x, y) = (index % width, index / width % height);
                let wave = ((x + 3 * y) as f32 / (20.0 + number as f32)).sin();
                // Halves, which are rounded up.
                (2.0 * (120.0 + 80.0 * wave + 20.0 * noise.f32())).round() / 2.0
            });
            values.collect()
        })
        .collect()
}

fn judged(detector: &mut Detector, pictures: &[Vec<f32>]) -> Vec<RawDetection> {
    let mut pictures: Vec<InputPicture> = pictures
        .iter()
        .map(|rgb| InputPicture {
            rgb: rgb.clone(),
            ..InputPicture::default()
        })
        .collect();
    let mut all: Vec<&mut InputPicture> = pictures.iter_mut().collect();
    detector.infer(&mut all).unwrap();
    pictures.into_iter().map(|picture| picture.raw).collect()
}

/// `IGD_TENSOR_PATH=1`, in a process of its own.
#[test]
fn the_environment_asks_for_tensors() {
    const NAME: &str = "tensors::the_environment_asks_for_tensors";
    if !is_alone() {
        in_tensors_alone(NAME);
        return;
    }
    // In loops there is no f16.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    local_model(1, 2).save(&path, Storage::F32).unwrap();
    let mut asked = Detector::open(&path, CPU, Precision::F16).unwrap();
    let rgb = Golden::read("small").rgb();
    let expected = in_tensors(&local_model(1, 2), CPU, Kind::Half).measure(&rgb);
    assert_eq!(asked.measure(&rgb).unwrap().score, expected.unwrap().score);
}
