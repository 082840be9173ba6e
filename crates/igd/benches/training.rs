//! Training steps a second at the paper's sizes, against the published step as a plain graph: `cargo bench --bench
//! training`. The two take turns, so that whatever else the machine does slows both alike.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/plain/mod.rs"]
mod plain;
mod time;
mod trainer;

use common::golden::Golden;
use igd::libtorch::KeptBlocks;
use igd::nn::{Autoencoder, Mode};
use igd::train::paper::Losses;
use plain::{Entries, Training};
use tch::{Device, Kind, Tensor, no_grad};
use time::{median, seconds};
use trainer::LEARNING_RATE;

fn main() {
    // As in a training; here the published step profits too.
    let _kept = KeptBlocks::new();
    let golden = Golden::read("full");
    let entries = golden.entries();
    global(&entries);
    local(&entries);
}

fn global(entries: &Entries) {
    let mut trainer = trainer::global(entries, Device::Cpu);
    let pictures = Tensor::randn([8, 3, 256, 256], (Kind::Float, Device::Cpu));
    // A training encodes each picture once.
    let features = no_grad(|| trainer.scale.network.features(&pictures, Mode::Train));
    compare(entries, plain::GLOBAL, 3, &pictures, || {
        trainer.step(&pictures, &features);
    });
}

fn local(entries: &Entries) {
    let mut trainer = trainer::local(entries, Device::Cpu);
    let patches = Tensor::randn([64, 3, 32, 32], (Kind::Float, Device::Cpu));
    compare(entries, plain::LOCAL, 5, &patches, || {
        let features = no_grad(|| trainer.scale.network.features(&patches, Mode::Train));
        trainer.step(&patches, &features);
    });
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
