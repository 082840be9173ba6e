//! The trainings and evaluations of a protocol, some at a time, each in a process of its own. A result is a file; what
//! has one is not done again, and a training that was stopped goes on.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail};
use igd::files::write_atomically;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Class;
use crate::left_out::LeftOut;
use crate::progress::Progress;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    Paper,
    Dense,
}

impl Profile {
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Dense => "dense",
        }
    }
}

/// One model to train and to judge.
#[derive(Clone, Debug)]
pub struct Job {
    pub class: Class,
    pub profile: Profile,
    pub seed: u64,
    /// Arguments of `igd train` beside data and model.
    pub training: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub class: String,
    pub profile: Profile,
    pub seed: u64,
    /// What the training was told: with other arguments it is done again.
    pub training: Vec<String>,
    /// Of the training, in seconds, over its interruptions.
    pub seconds: f64,
    /// What `igd eval --json` said.
    pub evaluation: Value,
}

impl Job {
    fn name(&self) -> String {
        let Self {
            class,
            profile,
            seed,
            ..
        } = self;
        format!("{}-{}-seed{seed}", class.name, profile.name())
    }

    /// A result that is there already.
    fn done(&self, path: &Path) -> Option<Outcome> {
        let text = fs::read_to_string(path).ok()?;
        let outcome: Outcome = serde_json::from_str(&text).ok()?;
        (outcome.training == self.training).then_some(outcome)
    }

    fn run(&self, out: &Path, threads: usize) -> anyhow::Result<Outcome> {
        let path = out.join(format!("{}.json", self.name()));
        if let Some(outcome) = self.done(&path) {
            return Ok(outcome);
        }
        let model = out.join(format!("{}.safetensors", self.name()));
        let igd = |subcommand: &str| {
            let mut command = Command::new(env::current_exe().unwrap_or_else(|_| "igd".into()));
            command
                .arg("--json")
                .arg(subcommand)
                .arg("--data")
                .arg(&self.class.folder)
                .args(&self.class.arguments)
                // Networks as small as these gain nothing from more threads than their share.
                .env("OMP_NUM_THREADS", threads.to_string());
            command
        };
        let start = Instant::now();
        let spent = out.join(format!("{}.seconds", self.name()));
        let before = seconds(&spent);
        let mut training = igd("train");
        training
            .args(["--resume", "--profile", self.profile.name()])
            .args(&self.training)
            .arg("--out")
            .arg(&model);
        let trained = output(&mut training);
        let seconds = before + start.elapsed().as_secs_f64();
        if trained.is_err() {
            // The next run goes on from the checkpoint.
            let _ = fs::write(&spent, seconds.to_string());
        }
        trained?;
        let _ = fs::remove_file(&spent);
        let evaluated = output(igd("eval").arg("--model").arg(&model))?;
        let outcome = Outcome {
            class: self.class.name.clone(),
            profile: self.profile,
            seed: self.seed,
            training: self.training.clone(),
            seconds,
            evaluation: serde_json::from_str(&evaluated)?,
        };
        write_atomically(&path, serde_json::to_string_pretty(&outcome)?.as_bytes())
            .with_context(|| path.display().to_string())?;
        Ok(outcome)
    }
}

/// What an interrupted run has noted.
fn seconds(path: &Path) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// What a program prints, if it ends well, be it without some of the pictures.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot run igd")?;
    let is_done = [0, LeftOut::STATUS.into()]
        .map(Some)
        .contains(&output.status.code());
    if !is_done {
        let said = String::from_utf8_lossy(&output.stderr);
        let mut lines = said.lines();
        let reason = lines.rfind(|line| line.starts_with("igd:") || line.starts_with("error:"));
        bail!("{}", reason.unwrap_or("igd ended without a word"));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs all jobs, so many at a time. A job that fails ends none of the others; the first failure is told of at the end.
pub fn run(jobs: &[Job], at_a_time: usize, out: &Path) -> anyhow::Result<Vec<Outcome>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / at_a_time).max(1);
    let next = AtomicUsize::new(0);
    let progress = Mutex::new(Progress::new());
    let outcomes = Mutex::new(Vec::new());
    let locked = || {
        progress
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    };
    locked().stage("training and judging");
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(jobs.len()) {
            scope.spawn(|| {
                while let Some((index, job)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(index).map(|job| (index, job))
                } {
                    let outcome = job.run(out, threads);
                    let mut outcomes = outcomes
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    outcomes.push((index, outcome));
                    let done = outcomes.len();
                    locked().at(done as f64 / jobs.len() as f64, || {
                        format!("{done} of {} models, last {}", jobs.len(), job.name())
                    });
                }
            });
        }
    });
    progress
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .finish();
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    outcomes.sort_by_key(|(index, _)| *index);
    let name = |index: usize| jobs[index].name();
    outcomes
        .into_iter()
        .map(|(index, outcome)| outcome.with_context(|| name(index)))
        .collect()
}
