//! `igd`: trains, calibrates, evaluates and inspects the models that the `igdfilter` element runs.

// `println!` panics where nobody reads any more, as after `igd | head -1`; `writeln!` and `?` end in `is_closed_pipe`.
// `eprintln!` panics on a full disk, and `output::note` does not.
// SIGPIPE stays ignored, as Rust leaves it: the default action would end the program for a peer of GStreamer's that
// hung up as well.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod calibrate;
mod completions;
mod data;
mod doctor;
mod eval;
mod export;
mod feedback;
mod frames;
mod import;
mod info;
mod left_out;
mod man;
mod merge;
mod numbers;
mod output;
mod overlay;
mod plot;
mod predict;
mod progress;
mod recentre;
mod selection;
mod serve;
mod signals;
mod studio;
mod target;
mod train;
mod video;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use igd::libtorch::end_without_destroying;

use feedback::NotBetter;
use left_out::LeftOut;
use output::note;
use signals::Interrupted;

/// Visual anomaly detection with Interpolated Gaussian Descriptors.
#[derive(Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version, propagate_version = true)]
struct Arguments {
    /// Print results as JSON, for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model on pictures of good parts
    Train(Box<train::Arguments>),
    /// Measure how well a model tells good from defective pictures
    Eval(eval::Arguments),
    /// Judge pictures, folders of pictures or videos, a line of JSON each
    Predict(predict::Arguments),
    /// Make one of the files of `predict --shard`: the lines of one run
    Merge(merge::Arguments),
    /// Set a model's thresholds anew from normal pictures it was not trained on
    Calibrate(calibrate::Arguments),
    /// Make a better model of one and of pictures that it judged wrongly
    Feedback(feedback::Arguments),
    /// Make a model that knows a new look: from pictures that nobody has marked, in other noise or compression
    Recentre(recentre::Arguments),
    /// Serve a line of cameras: a verdict a part, outputs, an API and a page
    Serve(serve::Arguments),
    /// Learn from a folder of good pictures and open the page of a line with one camera
    Studio(studio::Arguments),
    /// Make a model of published checkpoints
    Import(import::Arguments),
    /// Write a model as a graph that other programs run, and prove that it judges alike
    Export(export::Arguments),
    /// Say what a model file holds
    Info(info::Arguments),
    /// Fetch a public data set, or make a test set of good pictures
    #[command(subcommand)]
    Data(data::Arguments),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Arguments),
    /// Say what the plugin needs, whether it is there, and what to do where it is not
    Doctor(doctor::Arguments),
    /// Print what completes the program's arguments in a shell
    Completions(completions::Arguments),
    /// Write the man pages
    #[command(hide = true)]
    Man(man::Arguments),
}

fn main() -> ExitCode {
    end_without_destroying();
    let Arguments { json, command } = Arguments::parse();
    let result = match command {
        Command::Train(arguments) => train::run(&arguments, json),
        Command::Eval(arguments) => eval::run(arguments, json),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Merge(arguments) => merge::run(arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments, json),
        Command::Feedback(arguments) => feedback::run(&arguments, json),
        Command::Recentre(arguments) => recentre::run(&arguments, json),
        Command::Serve(arguments) => serve::run(&arguments, json),
        Command::Studio(arguments) => studio::run(arguments, json),
        Command::Import(arguments) => import::run(arguments, json),
        Command::Export(arguments) => export::run(arguments, json),
        Command::Info(arguments) => info::run(arguments, json),
        Command::Data(arguments) => data::run(arguments, json),
        Command::Bench(arguments) => bench::run(arguments, json),
        Command::Doctor(arguments) => doctor::run(&arguments, json),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("igd: {error:#}"));
            status(&error)
        }
    }
}

fn status(error: &anyhow::Error) -> ExitCode {
    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        interrupted.status()
    } else if let Some(left_out) = error.downcast_ref::<LeftOut>() {
        left_out.status()
    } else if let Some(refused) = error.downcast_ref::<NotBetter>() {
        refused.status()
    } else {
        ExitCode::FAILURE
    }
}

/// Whoever read our output has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
