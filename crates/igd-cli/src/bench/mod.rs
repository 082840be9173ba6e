//! `igd bench`

mod protocol;
mod speed;

use clap::Subcommand;

use self::protocol::Set;

#[derive(Subcommand)]
pub enum Arguments {
    /// Measure how fast a model judges frames, and where the time goes
    Speed(speed::Arguments),
    /// MNIST: each class in turn is normal, a model of each is judged with the whole test set
    Mnist(protocol::Arguments),
    /// Fashion-MNIST: the same
    FashionMnist(protocol::Arguments),
    /// CIFAR-10's binary version: the same
    Cifar10(protocol::Arguments),
    /// MVTec AD: a model a category, with localisation
    Mvtec(protocol::Arguments),
    /// A folder of pictures in MVTec's layout, or with normal and abnormal ones
    Folder(protocol::Arguments),
    /// ELPV's solar cells
    Elpv(protocol::Arguments),
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let (set, arguments) = match arguments {
        Arguments::Speed(arguments) => return speed::run(arguments, json),
        Arguments::Mnist(arguments) => (Set::Mnist, arguments),
        Arguments::FashionMnist(arguments) => (Set::FashionMnist, arguments),
        Arguments::Cifar10(arguments) => (Set::Cifar10, arguments),
        Arguments::Mvtec(arguments) => (Set::Mvtec, arguments),
        Arguments::Folder(arguments) => (Set::Folder, arguments),
        Arguments::Elpv(arguments) => (Set::Elpv, arguments),
    };
    protocol::run(set, &arguments, json)
}
