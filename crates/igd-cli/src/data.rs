//! `igd data`

mod synthetic;

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use igd::data::{elpv, mnist};
use serde_json::json;

#[derive(Subcommand)]
pub enum Arguments {
    /// Electroluminescence pictures of solar cells (90 MB)
    Elpv(Target),
    /// Handwritten digits, ten classes (55 MB)
    Mnist(Target),
    /// Clothes and shoes, ten classes (55 MB)
    FashionMnist(Target),
    /// Draw defects on good pictures: a test set with masks, without a single defective part
    Synthetic(synthetic::Arguments),
}

#[derive(Args)]
pub struct Target {
    /// The folder to write it to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let (out, (counts, text, licence)) = match &arguments {
        Arguments::Elpv(Target { out }) => {
            let counts = elpv::write(out)?;
            let text = format!(
                "{} good pictures for training, {} good and {} defective ones for testing",
                counts.train_good, counts.test_good, counts.test_defective
            );
            (out, (json!(counts), text, elpv::LICENCE))
        }
        Arguments::Mnist(Target { out }) => {
            let counts = mnist::write_mnist(out)?;
            (out, of_classes(counts, mnist::MNIST_LICENCE))
        }
        Arguments::FashionMnist(Target { out }) => {
            let counts = mnist::write_fashion_mnist(out)?;
            (out, of_classes(counts, mnist::FASHION_MNIST_LICENCE))
        }
        Arguments::Synthetic(arguments) => return synthetic::run(arguments, json),
    };
    if json {
        let line = json!({ "out": out, "counts": counts, "licence": licence });
        writeln!(stdout(), "{line}")?;
    } else {
        writeln!(stdout(), "{}: {text}; licence {licence}", out.display())?;
    }
    Ok(())
}

/// What is told of a set of ten classes.
fn of_classes(counts: mnist::Counts, licence: &str) -> (serde_json::Value, String, &str) {
    let text = format!(
        "{} pictures for training, {} for testing, in ten classes (--class)",
        counts.train, counts.test
    );
    (json!(counts), text, licence)
}
