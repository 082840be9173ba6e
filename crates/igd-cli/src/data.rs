//! `igd data`

mod synthetic;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use igd::data::{elpv, fetch, mnist};
use igd::files::write_atomically;
use igd::train::BACKBONE_LICENCE;
use serde_json::json;

use crate::output::stdout;

#[derive(Subcommand)]
pub enum Arguments {
    /// Electroluminescence pictures of solar cells (90 MB)
    Elpv(Target),
    /// Handwritten digits, ten classes (55 MB)
    Mnist(Target),
    /// Clothes and shoes, ten classes (55 MB)
    FashionMnist(Target),
    /// The default encoder's ImageNet weights, for training and learning without a network (14 MB)
    Encoder(EncoderTarget),
    /// Draw defects on good pictures: a test set with masks, without a single defective part
    Synthetic(synthetic::Arguments),
}

#[derive(Args)]
pub struct Target {
    /// The folder to write it to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Args)]
pub struct EncoderTarget {
    /// The folder to write them to, such as /usr/share/gst-igd, where all users' programs find them [default: the
    /// user's cache]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
        Arguments::Encoder(EncoderTarget { out }) => {
            let file = fetch::efficientnet_lite0()?;
            let out = match out {
                Some(folder) => copy_to(&file, folder)?,
                None => file,
            };
            return tell(&out, &json!(null), "weights", BACKBONE_LICENCE, json);
        }
        Arguments::Synthetic(arguments) => return synthetic::run(arguments, json),
    };
    tell(out, &counts, &text, licence, json)
}

/// Says what was written.
fn tell(
    out: &Path,
    counts: &serde_json::Value,
    text: &str,
    licence: &str,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        let line = json!({ "out": out, "counts": counts, "licence": licence });
        writeln!(stdout(), "{line}")?;
    } else {
        writeln!(stdout(), "{}: {text}; licence {licence}", out.display())?;
    }
    Ok(())
}

/// The file's copy, which is there as a whole or not at all.
fn copy_to(file: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let out = folder.join(file.file_name().unwrap_or_default());
    write_atomically(&out, &std::fs::read(file)?).with_context(|| out.display().to_string())?;
    Ok(out)
}

/// What is told of a set of ten classes.
fn of_classes(counts: mnist::Counts, licence: &str) -> (serde_json::Value, String, &str) {
    let text = format!(
        "{} pictures for training, {} for testing, in ten classes (--class)",
        counts.train, counts.test
    );
    (json!(counts), text, licence)
}
