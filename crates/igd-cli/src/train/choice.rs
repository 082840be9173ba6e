//! What a few known defects choose, and how many of them the model finds.

use std::io::{self, Write};

use igd::choice::{Choice, ChoiceError, ChoiceEvent, Options, Tried, choose, found};
use igd::data::{Sample, pictures_below};
use igd::eval::Rate;
use igd::model::DenseConfig;
use igd::train::{self, Profile};
use serde_json::{Value, json};

use super::{Arguments, tell};
use crate::output::stdout;
use crate::progress::Progress;

/// The known defects, and what was tried with them.
pub struct Chosen {
    bad: Vec<Sample>,
    /// Good pictures that there are.
    good: usize,
    choice: Choice,
}

impl Chosen {
    /// Tries what the arguments leave open; the options become those of what was chosen.
    pub fn new(arguments: &Arguments, options: &mut train::Options) -> anyhow::Result<Self> {
        let mut bad = Vec::new();
        for folder in &arguments.bad {
            bad.extend(pictures_below(folder)?.into_iter().map(Sample::File));
        }
        let paper = &arguments.paper;
        let others = match arguments.profile {
            None if paper.given().is_some() => vec![Profile::Paper(
                paper.options(paper.seed(), arguments.sample_rate)?,
            )],
            _ => Vec::new(),
        };
        let options_of_choice = Options {
            training: options,
            sizes: !arguments.dense.has_sizes(),
            others: &others,
            bad: &bad,
        };
        let mut progress = Progress::new();
        let choice = choose(&options_of_choice, |event| match event {
            ChoiceEvent::Trying(profile, index, all) => {
                progress.stage(&format!(
                    "trying {} ({} of {all})",
                    named(profile),
                    index + 1
                ));
            }
            ChoiceEvent::Training(event) => match event {
                train::TrainingEvent::Pictures(..) | train::TrainingEvent::Step(_) => {
                    tell(&mut progress, event);
                }
                _ => {}
            },
            ChoiceEvent::Skipped(error) => progress.note(&format!("left out: {error}")),
        });
        progress.finish();
        let choice = choice.map_err(of_training)?;
        options.profile = choice.tried[choice.best].profile.clone();
        Ok(Self {
            bad,
            good: options.data.samples.len(),
            choice,
        })
    }

    /// Pictures of defects that could not be used.
    pub fn skipped(&self) -> usize {
        self.choice.skipped
    }

    /// What was tried, for people.
    pub fn print(&self) -> io::Result<()> {
        let Choice {
            pictures,
            tried,
            best,
            ..
        } = &self.choice;
        let mut out = stdout();
        writeln!(
            out,
            "tried with {} known defects, fitted to {pictures} of {} good pictures:",
            tried[0].bad.len(),
            self.good
        )?;
        let rows: Vec<[String; 6]> = tried.iter().map(|one| row(one, &tried[0])).collect();
        let heads = ["", "AUROC", "gain", "found", "false alarms", "time"].map(str::to_owned);
        let widths = [0, 1, 2, 3, 4, 5].map(|column| {
            let cells = rows
                .iter()
                .chain([&heads])
                .map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        });
        for row in [&heads].into_iter().chain(&rows) {
            let cells = row.iter().zip(widths);
            let line: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(out, "  {}", line.join("  ").trim_end())?;
        }
        let why = match best {
            0 if tried.len() == 1 => "there is nothing else to try",
            0 => {
                "no other tells them from good pictures better by twice the standard error of the gain"
            }
            _ => {
                "it tells them best from good pictures, by more than twice the standard error of the gain"
            }
        };
        writeln!(out, "chosen: {}, since {why}", named(&tried[*best].profile))
    }

    /// How many of the defects the model finds that was trained as chosen.
    pub fn found(&self, options: &train::Options) -> anyhow::Result<Rate> {
        found(&options.out, &self.bad, self.choice.tried.len()).map_err(of_training)
    }

    /// That in words.
    pub fn said(&self, found: &Rate) -> String {
        let chosen = match self.choice.tried.len() {
            1 => String::new(),
            count => {
                format!("; the interval allows for the choice among {count} by the same defects")
            }
        };
        format!("finds {found} of the known defects{chosen}")
    }

    /// The same for programs.
    pub fn json(&self, found: &Rate) -> Value {
        let first = &self.choice.tried[0];
        let tried = self.choice.tried.iter().map(|one| {
            let gain = one.gain_over(first);
            json!({
                "candidate": named(&one.profile),
                "auroc": one.auroc(),
                "gain": gain.auroc,
                // Infinite of a single defect, which JSON does not have.
                "gain_error": gain.error.is_finite().then_some(gain.error),
                "found": one.found(),
                "false_alarms": one.alarms(),
                "seconds": one.time.as_secs_f64(),
            })
        });
        json!({
            "pictures": self.choice.pictures,
            "tried": tried.collect::<Vec<_>>(),
            "chosen": named(&self.choice.tried[self.choice.best].profile),
            "found": found,
        })
    }
}

fn row(one: &Tried, first: &Tried) -> [String; 6] {
    let gain = one.gain_over(first);
    let of = |rate: Option<Rate>| {
        rate.map_or_else(String::new, |rate| {
            format!("{} of {}", rate.flagged, rate.pictures)
        })
    };
    [
        named(&one.profile),
        format!("{:.3}", one.auroc()),
        match std::ptr::eq(one, first) {
            true => String::new(),
            false => format!("{:+.3} ± {:.3}", gain.auroc, gain.error),
        },
        of(one.found()),
        of(one.alarms()),
        format!("{:.0} s", one.time.as_secs_f64()),
    ]
}

/// The arguments that a profile comes of.
fn named(profile: &Profile) -> String {
    let Profile::Dense(dense) = profile else {
        return "--profile paper".to_owned();
    };
    let DenseConfig { tiling, shared, .. } = &dense.config;
    let [width, height] = tiling.tile;
    let input = match width == height {
        true => format!("--input {width}"),
        false => format!("--input {width}x{height}"),
    };
    let [columns, rows] = tiling.tiles;
    match (tiling.count(), shared) {
        (1, _) => input,
        (_, false) => format!("{input} --tiles {columns}x{rows}"),
        (_, true) => format!("{input} --tiles {columns}x{rows} --tile-model one"),
    }
}

/// A training's own error, as it is told elsewhere.
fn of_training(error: ChoiceError) -> anyhow::Error {
    match error {
        ChoiceError::Train(error) => error.into(),
        error => error.into(),
    }
}
