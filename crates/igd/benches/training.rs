//! Training steps a second at the paper's sizes, against the published step as a plain graph: `cargo bench --bench
//! training`. The two take turns, so that whatever else the machine does slows both alike.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/plain/mod.rs"]
mod plain;
mod time;

use common::golden::Golden;
use igd::criterion::MsSsim;
use igd::libtorch::KeptBlocks;
use igd::model::Described;
use igd::nn::{
    Autoencoder, Builder, Critic, GlobalConfig, LocalConfig, Mode, Normalisation, Scope,
    WeightsError,
};
use igd::train::paper::{Losses, Setup, Trainer};
use plain::{Entries, Training};
use tch::{Device, Kind, Tensor, no_grad};
use time::{median, seconds};

const LEARNING_RATE: f64 = 1e-4;
const RANGE: f64 = 4.7579;

fn main() {
    // As in a training; here the published step profits too.
    let _kept = KeptBlocks::new();
    let golden = Golden::read("full");
    let entries = golden.entries();
    global(&entries);
    local(&entries);
}

fn global(entries: &Entries) {
    let mut trainer = trainer(
        entries,
        plain::GLOBAL,
        MsSsim::global(RANGE, Device::Cpu),
        |builder| {
            let sizes = GlobalConfig::of_checkpoint(&(&builder.root() / "global"))?;
            Described::global(builder, &sizes, &Normalisation::IMAGENET)
        },
        Critic::global,
    );
    let pictures = Tensor::randn([8, 3, 256, 256], (Kind::Float, Device::Cpu));
    // A training encodes each picture once.
    let features = no_grad(|| trainer.scale.network.features(&pictures, Mode::Train));
    compare(entries, plain::GLOBAL, 3, &pictures, || {
        trainer.step(&pictures, &features);
    });
}

fn local(entries: &Entries) {
    let mut trainer = trainer(
        entries,
        plain::LOCAL,
        MsSsim::local(RANGE, Device::Cpu),
        |builder| {
            let sizes = LocalConfig::of_checkpoint(&(&builder.root() / "local"))?;
            Described::local(builder, &sizes, &Normalisation::IMAGENET)
        },
        Critic::local,
    );
    let patches = Tensor::randn([64, 3, 32, 32], (Kind::Float, Device::Cpu));
    compare(entries, plain::LOCAL, 5, &patches, || {
        let features = no_grad(|| trainer.scale.network.features(&patches, Mode::Train));
        trainer.step(&patches, &features);
    });
}

fn trainer<N: Autoencoder>(
    entries: &Entries,
    scale: plain::Scale,
    criterion: MsSsim,
    network: impl FnOnce(&Builder) -> Result<Described<N>, WeightsError>,
    critic: impl FnOnce(Scope, i64) -> Result<Critic, WeightsError>,
) -> Trainer<N> {
    let setup = Setup {
        device: Device::Cpu,
        criterion,
        learning_rate: LEARNING_RATE,
        interpolation: 0.1,
        whiten: false,
        seed: 1,
    };
    let prefix = format!("{}.", scale.name);
    let given = entries
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, tensor)| (name.clone(), tensor.copy()))
        .collect();
    Trainer::new(setup, given, network, |builder| critic(builder.root(), 64))
        .expect("the entries are a network's")
}

/// Times `ours` against the published step, and prints medians and their ratio.
fn compare(
    entries: &Entries,
    scale: plain::Scale,
    rounds: usize,
    pictures: &Tensor,
    mut ours: impl FnMut(),
) {
    let mut published = Training::new(entries, scale, LEARNING_RATE);
    let shares = Losses::draw_shares(pictures);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..=rounds {
        times[0].push(seconds(|| published.step(pictures, &shares)));
        times[1].push(seconds(&mut ours));
    }
    let [published, ours] = times.map(|times| median(times[1..].to_vec()));
    println!(
        "{}, {} a step: published {:.2}/s, ours {:.2}/s, {:.2} times as fast (medians of {rounds})",
        scale.name,
        pictures.size()[0],
        pictures.size()[0] as f64 / published,
        pictures.size()[0] as f64 / ours,
        published / ours,
    );
}
