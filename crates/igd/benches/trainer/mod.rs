//! Trainers of the paper's networks.

use igd::criterion::MsSsim;
use igd::model::Described;
use igd::nn::{
    Autoencoder, Builder, Critic, Global, GlobalConfig, Local, LocalConfig, Normalisation, Scope,
    WeightsError,
};
use igd::train::paper::{Setup, Trainer};
use tch::Device;

use crate::plain::{self, Entries};

pub const LEARNING_RATE: f64 = 1e-4;
const RANGE: f64 = 4.7579;

/// Of the network of the whole picture, from its entries and on their device.
pub fn global(entries: &Entries, device: Device) -> Trainer<Global> {
    trainer(
        entries,
        plain::GLOBAL,
        MsSsim::global(RANGE, device),
        device,
        |builder| {
            let sizes = GlobalConfig::of_checkpoint(&(&builder.root() / "global"))?;
            Described::global(builder, &sizes, &Normalisation::IMAGENET)
        },
        Critic::global,
    )
}

/// Of the network of the patches.
pub fn local(entries: &Entries, device: Device) -> Trainer<Local> {
    trainer(
        entries,
        plain::LOCAL,
        MsSsim::local(RANGE, device),
        device,
        |builder| {
            let sizes = LocalConfig::of_checkpoint(&(&builder.root() / "local"))?;
            Described::local(builder, &sizes, &Normalisation::IMAGENET)
        },
        Critic::local,
    )
}

fn trainer<N: Autoencoder>(
    entries: &Entries,
    scale: plain::Scale,
    criterion: MsSsim,
    device: Device,
    network: impl FnOnce(&Builder) -> Result<Described<N>, WeightsError>,
    critic: impl FnOnce(Scope, i64) -> Result<Critic, WeightsError>,
) -> Trainer<N> {
    let setup = Setup {
        device,
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
    let width = entries[&format!("{}.conv1.conv.bias", scale.critic)].size()[0];
    Trainer::new(setup, given, network, |builder| {
        critic(builder.root(), width)
    })
    .expect("the entries are a network's")
}
