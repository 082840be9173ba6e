//! A critic that has seen nothing yet, trained against a generator that stays as it is.

use igd::criterion::MsSsim;
use igd::model::Described;
use igd::nn::{Autoencoder, Builder, Critic, Local, Mode, Weights};
use igd::train::paper::{Adam, Losses, gradients};
use tch::{Device, Kind, Tensor, no_grad};

use super::{Measures, RANGE, WIDTH};

const STEPS: usize = 500;
const BATCH: i64 = 32;
const LEARNING_RATE: f64 = 1e-3;

/// It is trained on mixtures of one half of normal pictures (N, 3, 32, 32) that the generator has not seen, and asked of
/// the other: how what it finds goes with the true shares, its squared error (of a constant: 0.0208), and how like the
/// pictures their reconstructions are.
pub fn probe(scale: &Described<Local>, pictures: &Tensor) -> Measures {
    let network = &scale.network;
    let latents = no_grad(|| network.latent(&network.features(pictures, Mode::Evaluate)));
    let half = pictures.size()[0] / 2;
    tch::manual_seed(1);
    let builder = Builder::for_training(Default::default(), Device::Cpu);
    let critic = Critic::local(builder.root(), WIDTH).unwrap();
    let mut weights: Weights = builder.finish().unwrap();
    let mut adam = Adam::new(&weights, 0.0);
    for _ in 0..STEPS {
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
    let criterion = MsSsim::local(RANGE, Device::Cpu);
    let similarity = no_grad(|| criterion.compare(pictures, &made).value);
    vec![
        ("fresh critic's correlation", correlation(&found, &shares)),
        ("squared error", error.double_value(&[])),
        ("MS-SSIM", similarity.mean(Kind::Float).double_value(&[])),
    ]
}

/// Shares (N, 1), and what is decoded from mixtures of latents with those of the other side.
fn mixtures(network: &Local, z: &Tensor) -> (Tensor, Tensor) {
    let shares = Losses::draw_shares(z);
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
