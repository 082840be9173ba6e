//! `igd data`

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gstigd::data::{elpv, mnist};
use serde_json::json;

#[derive(Args)]
pub struct Arguments {
    /// Which data set
    #[arg(value_enum)]
    set: Set,
    /// The folder to write it to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Set {
    /// Electroluminescence pictures of solar cells (90 MB)
    Elpv,
    /// Handwritten digits, ten classes (55 MB)
    Mnist,
    /// Clothes and shoes, ten classes (55 MB)
    FashionMnist,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let out = &arguments.out;
    let (counts, text, licence) = match arguments.set {
        Set::Elpv => {
            let counts = elpv::write(out)?;
            let text = format!(
                "{} good pictures for training, {} good and {} defective ones for testing",
                counts.train_good, counts.test_good, counts.test_defective
            );
            (json!(counts), text, elpv::LICENCE)
        }
        Set::Mnist => of_classes(mnist::write_mnist(out)?, mnist::MNIST_LICENCE),
        Set::FashionMnist => of_classes(
            mnist::write_fashion_mnist(out)?,
            mnist::FASHION_MNIST_LICENCE,
        ),
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
