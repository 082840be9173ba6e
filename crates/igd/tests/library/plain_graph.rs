//! The plain graph that benchmarks measure against is the published method, and the library computes the same.

use crate::common::golden::{Golden, assert_close, assert_near};
use crate::plain;
use crate::plain::{Training, network};
use igd::criterion::MsSsim;
use igd::model::Detector;
use igd::nn::{
    Autoencoder, Builder, Critic, Global, GlobalConfig, Local, LocalConfig, Mode, Normalisation,
    Scope, WeightsError, patches,
};
use igd::train::paper::{Adversary, Losses, gradients};
use tch::{Device, Kind, Tensor};

const RANGE: f64 = 4.7579;

#[test]
fn networks_are_the_published_ones() {
    let _guard = tch::no_grad_guard();
    let golden = Golden::read("small");
    let entries = golden.entries();
    let picture = golden.picture();
    let patches = patches(&picture);
    for (scale, critic, pictures, recon, shares) in [
        (
            "global",
            "critic_global",
            picture,
            "global.recon",
            "critic_global.recon",
        ),
        (
            "local",
            "critic_local",
            patches,
            "local.recon.first8",
            "critic_local.recon.first8",
        ),
    ] {
        let place = network(&entries, scale);
        let z = place.encode(&pictures);
        assert_close(scale, &z, golden.get(&format!("{scale}.z")));
        let count = golden.get(recon).size()[0];
        let found = place.generate(&z.narrow(0, 0, count), Mode::Evaluate);
        assert_close(recon, &found, golden.get(recon));
        let found = network(&entries, critic).criticise(&found);
        assert_close(shares, &found, golden.get(shares));
    }
}

#[test]
fn measurements_are_the_published_ones() {
    let golden = Golden::read("small");
    let judge = plain::Detector::new(golden.entries());
    let (score, map) = judge.measure(&golden.picture());
    let score = Tensor::from(score).to_kind(Kind::Float);
    assert_near("score", &score, golden.get("model.score"), 1e-5);
    assert_near("map", &map, golden.get("model.heatmap"), 1e-4);
}

#[test]
fn detector_judges_alike() {
    let golden = Golden::read("small");
    let judge = plain::Detector::new(golden.entries());
    let (score, map) = judge.measure(&golden.picture());
    let mut detector = Detector::new(golden.model(), Device::Cpu, Kind::Float).unwrap();
    let measurement = detector.measure(&golden.rgb()).unwrap();
    let found = Tensor::from(measurement.score);
    assert_near("score", &found, &Tensor::from(score), 1e-4);
    assert_near("map", &Tensor::from_slice(&detector.raw_map()), &map, 1e-4);
}

#[test]
fn training_of_the_global_network_is_alike() {
    let golden = Golden::read("small");
    let picture = golden.picture();
    let pictures = Tensor::cat(&[&picture, &picture.flip([2])], 0);
    let criterion = MsSsim::global(RANGE, Device::Cpu);
    let network = |scope: Scope| {
        let config = GlobalConfig::of_checkpoint(&scope)?;
        Global::new(scope, &config, &Normalisation::IMAGENET)
    };
    let scale = plain::GLOBAL;
    training_is_alike(
        &golden,
        scale,
        &pictures,
        criterion,
        network,
        Critic::global,
    );
}

#[test]
fn training_of_the_local_network_is_alike() {
    let golden = Golden::read("small");
    let patches = golden.get("train.batch");
    let criterion = MsSsim::local(RANGE, Device::Cpu);
    let network = |scope: Scope| {
        let config = LocalConfig::of_checkpoint(&scope)?;
        Local::new(scope, &config, &Normalisation::IMAGENET)
    };
    let scale = plain::LOCAL;
    training_is_alike(&golden, scale, patches, criterion, network, Critic::local);
}

/// The same losses and gradients for the same weights.
fn training_is_alike<N: Autoencoder>(
    golden: &Golden,
    scale: plain::Scale,
    pictures: &Tensor,
    criterion: MsSsim,
    network: impl FnOnce(Scope) -> Result<N, WeightsError>,
    critic: impl FnOnce(Scope, i64) -> Result<Critic, WeightsError>,
) {
    let builder = Builder::for_training(golden.checkpoint(scale.name), Device::Cpu);
    let network = network(builder.root()).unwrap();
    let weights = builder.finish().unwrap();
    let builder = Builder::for_training(golden.checkpoint(scale.critic), Device::Cpu);
    let critic = critic(builder.root(), golden.width).unwrap();
    let critic_weights = builder.finish().unwrap();
    let shares = golden.get("train.alpha").narrow(0, 0, pictures.size()[0]);
    let losses = Losses::compute(
        &network,
        Some(Adversary {
            critic: &critic,
            share: 0.1,
        }),
        &criterion,
        &golden.descriptor(scale.name),
        pictures,
        &network.features(pictures, Mode::Train),
        &shares,
    );
    let total_gradients = gradients(&losses.total, &weights, true);
    let critic_loss = losses.critic(&critic, pictures).unwrap();
    let critic_gradients = gradients(&critic_loss, &critic_weights, false);

    let training = Training::new(&golden.entries(), scale, 0.0);
    let plain = training.losses(pictures, &shares);
    plain.total.backward();
    for (name, tensor) in &training.entries {
        if name.starts_with(scale.critic) {
            tensor.shallow_clone().zero_grad();
        }
    }
    let plain_critic_loss = training.critic_loss(&plain, pictures, &shares);
    plain_critic_loss.backward();

    for (name, found, expected) in [
        (
            "reconstruction",
            &losses.reconstruction,
            &plain.reconstruction,
        ),
        ("gaussian", &losses.gaussian, &plain.gaussian),
        ("interpolation", &losses.interpolation, &plain.interpolation),
        ("total", &losses.total, &plain.total),
        ("critic", &critic_loss, &plain_critic_loss),
    ] {
        assert_close(name, &found.detach(), &expected.detach());
    }
    for (network, gradients) in [
        (scale.name, total_gradients),
        (scale.critic, critic_gradients),
    ] {
        let norm = |tensor: Tensor| tensor.norm().double_value(&[]);
        let expected = |name: &str| training.entries[&format!("{network}.{name}")].grad();
        // A bias that a batch norm takes out again has a gradient of nothing but rounding, in proportion to the others.
        let rounding = gradients
            .keys()
            .map(|name| 1e-6 * norm(expected(name)))
            .fold(0.0, f64::max);
        assert!(rounding > 0.0);
        for (name, gradient) in &gradients {
            let difference = norm(gradient - expected(name));
            let allowed = rounding + 1e-3 * norm(expected(name));
            assert!(
                difference <= allowed,
                "{name} is off by {difference:.1e}, allowed are {allowed:.1e}"
            );
        }
    }
}
