//! What the critic does: whether a fresh one can tell mixtures that a generator decodes which was trained against one,
//! and one that was not.

use std::env;
use std::fs;
use std::path::Path;

use crate::common::network::{fetched, has_weights};
use igd::criterion::MsSsim;
use igd::data::{Selection, TestPicture, TrainingSet, mnist, test_pictures};
use igd::eval::auroc;
use igd::model::{Detector, Measurement, Model, Precision, ProfileNetworks};
use igd::nn::{Autoencoder, Builder, Critic, Local, Mode, Weights};
use igd::train::paper::{self, Adam, Length, LocalEncoder, gradients};
use igd::train::{Options, Profile, train};
use tch::{Device, Kind, Tensor, no_grad};

const WIDTH: i64 = 8;
const SIDE: usize = 32;
/// Steps of the fresh critic, and pictures of each.
const PROBE: usize = 500;
const BATCH: i64 = 32;
const LEARNING_RATE: f64 = 1e-3;

/// A list of numbers in the environment.
fn numbers(name: &str, usual: &str) -> Vec<usize> {
    let text = env::var(name).unwrap_or_else(|_| usual.to_owned());
    let numbers = text.split(',').map(|number| number.parse().unwrap());
    numbers.collect()
}

/// `IGD_DIGITS`, `IGD_SEEDS` and `IGD_STEPS` say which digits of MNIST, from which seeds, and how long; the same order of
/// pictures and the same weights at the start with a critic and without.
#[test]
#[ignore = "long"]
fn a_fresh_critic_looks_at_frozen_generators() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    if fetched("MNIST", mnist::write_mnist(&data)).is_none() {
        return;
    }
    let seeds = numbers("IGD_SEEDS", "1,2,3,4,5");
    let steps = numbers("IGD_STEPS", "1500")[0];
    for digit in numbers("IGD_DIGITS", "2,5,8") {
        let selection = Selection {
            class: Some(digit as u8),
            ..Selection::default()
        };
        let test = test_pictures(&data, &selection).unwrap();
        for &seed in &seeds {
            for interpolation in [0.1, 0.0] {
                let out = folder.path().join("m.safetensors");
                let options = Options {
                    profile: Profile::Paper(options(seed as i64, steps, interpolation)),
                    ..Options::new(TrainingSet::open(&data, &selection).unwrap(), out.clone())
                };
                train(&options, |_| {}).unwrap();
                let found = probe(&out, &test);
                let areas = areas(&out, &test);
                println!(
                    "digit {digit}, seed {seed}, interpolation {interpolation}: {found}, {areas}"
                );
            }
        }
    }
}

fn options(seed: i64, steps: usize, interpolation: f64) -> paper::Options {
    paper::Options {
        global: None,
        local: Some(LocalEncoder::EfficientnetLite0Places),
        input: SIDE as i64,
        width: WIDTH,
        latent: 256,
        length: Length::Steps(steps),
        time: None,
        patch_batch: BATCH as usize,
        learning_rate: LEARNING_RATE,
        interpolation,
        seed,
        ..paper::Options::default()
    }
}

/// A critic that has seen nothing is trained on the generator's mixtures of one half of the normal test pictures, and
/// asked of the other.
fn probe(model: &Path, test: &[TestPicture]) -> String {
    let model = Model::open(model, Device::Cpu).unwrap();
    let ProfileNetworks::Paper(networks) = &model.networks.profile else {
        panic!("the config is the paper's");
    };
    let network = &networks.local.as_ref().unwrap().network;
    let pictures: Vec<Tensor> = test
        .iter()
        .filter(|picture| !picture.anomalous)
        .map(|picture| normalised(&picture.sample.open().unwrap().resized((SIDE, SIDE))))
        .collect();
    let pictures = Tensor::stack(&pictures, 0);
    let features = no_grad(|| network.features(&pictures, Mode::Evaluate));
    let latents = no_grad(|| network.latent(&features));
    let half = pictures.size()[0] / 2;
    tch::manual_seed(1);
    let builder = Builder::for_training(Default::default(), Device::Cpu);
    let critic = Critic::local(builder.root(), WIDTH).unwrap();
    let mut weights: Weights = builder.finish().unwrap();
    let mut adam = Adam::new(&weights, 0.0);
    for _ in 0..PROBE {
        let chosen = Tensor::randint(half, [BATCH], (Kind::Int64, Device::Cpu));
        let z = latents.index_select(0, &chosen);
        let (shares, mixed) = mixtures(network, &z);
        let made = no_grad(|| network.generate(&z, Mode::Evaluate));
        let unmixed = &made + (pictures.index_select(0, &chosen) - &made) * 0.2;
        let front = (critic.forward(&mixed) - &shares)
            .square()
            .mean(Kind::Float);
        let loss = front + critic.forward(&unmixed).square().mean(Kind::Float);
        let found = gradients(&loss, &weights, false);
        adam.step(&mut weights, found, LEARNING_RATE);
    }
    let z = latents.narrow(0, half, pictures.size()[0] - half);
    let (shares, mixed) = mixtures(network, &z);
    let found = no_grad(|| critic.forward(&mixed));
    let error = (&found - &shares).square().mean(Kind::Float);
    let made = no_grad(|| network.generate(&latents, Mode::Evaluate));
    let criterion = MsSsim::local(4.7579, Device::Cpu);
    let similarity = no_grad(|| criterion.compare(&pictures, &made).value);
    format!(
        "a fresh critic finds the shares with correlation {:.3} and squared error {:.4}; MS-SSIM of held-out \
         reconstructions {:.3}",
        correlation(&found, &shares),
        error.double_value(&[]),
        similarity.mean(Kind::Float).double_value(&[])
    )
}

/// Shares (N, 1), and what is decoded from mixtures of latents with those of the other side.
fn mixtures(network: &Local, z: &Tensor) -> (Tensor, Tensor) {
    let shares = Tensor::rand([z.size()[0], 1], (Kind::Float, Device::Cpu)) * 0.5;
    let mixture = &shares * z + (1.0 - &shares) * z.flip([0]);
    let decoded = no_grad(|| network.generate(&mixture, Mode::Evaluate));
    (shares, decoded)
}

fn correlation(one: &Tensor, other: &Tensor) -> f64 {
    let centred = |x: &Tensor| x - x.mean(Kind::Float);
    let (one, other) = (centred(one), centred(other));
    let sum = |x: Tensor| x.sum(Kind::Double).double_value(&[]);
    sum(&one * &other) / (sum(one.square()) * sum(other.square())).sqrt()
}

fn normalised(rgb: &[f32]) -> Tensor {
    let of_channels = |values: [f32; 3]| Tensor::from_slice(&values).view([3, 1, 1]);
    let picture = Tensor::from_slice(rgb).view([3, SIDE as i64, SIDE as i64]);
    (picture / 255.0 - of_channels([0.485, 0.456, 0.406])) / of_channels([0.229, 0.224, 0.225])
}

/// Image AUROC of the score and of its two terms.
fn areas(model: &Path, test: &[TestPicture]) -> String {
    let mut detector = Detector::open(model, Device::Cpu, Precision::Auto).unwrap();
    let measured: Vec<_> = test
        .iter()
        .map(|picture| {
            let rgb = picture.sample.open().unwrap().resized((SIDE, SIDE));
            (detector.measure(&rgb).unwrap(), picture.anomalous)
        })
        .collect();
    let area = |value: &dyn Fn(&Measurement) -> f32| {
        let of = |wanted: bool| -> Vec<f32> {
            let chosen = measured
                .iter()
                .filter(|(_, anomalous)| *anomalous == wanted);
            chosen.map(|(one, _)| value(one)).collect()
        };
        auroc(&of(false), &of(true)).unwrap()
    };
    format!(
        "AUROC {:.4}, reconstruction {:.4}, Gaussian {:.4}",
        area(&|one| one.score),
        area(&|one| one.scales.local.unwrap().reconstruction),
        area(&|one| one.scales.local.unwrap().gaussian)
    )
}
