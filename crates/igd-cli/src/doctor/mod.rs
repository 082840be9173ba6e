//! `igd doctor`: what the plugin needs, whether it is there, and the cure where it is not.

mod child;
mod devices;
mod elements;
mod encoder;
mod finding;
mod folders;
mod library;
mod libtorch;
mod model;
mod plugin;
mod processor;
mod registry;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use finding::{Finding, Status};

use crate::output::stdout;

#[derive(Args)]
pub struct Arguments {
    /// A model to look at as well; where it is not given, the one that the environment variable IGD_MODEL names
    #[arg(long, value_name = "M.safetensors")]
    model: Option<PathBuf>,
    #[command(flatten)]
    question: Question,
}

/// What a child of ours is asked.
#[derive(Args)]
#[group(multiple = false)]
struct Question {
    /// What does GStreamer know?
    #[arg(long, hide = true)]
    ask_registry: bool,
    /// What does the plugin in this file say of itself?
    #[arg(long, hide = true, value_name = "FILE")]
    ask_library: Option<PathBuf>,
}

impl Question {
    /// Whether this process is such a child; the answer has been printed then.
    fn answer(&self) -> anyhow::Result<bool> {
        if self.ask_registry {
            print_answer(&registry::know()?)?;
        } else if let Some(file) = &self.ask_library {
            print_answer(&library::describe(file)?)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn print_answer(answer: &impl Serialize) -> anyhow::Result<()> {
    Ok(writeln!(stdout(), "{}", serde_json::to_string(answer)?)?)
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    if arguments.question.answer()? {
        return Ok(());
    }
    let findings = findings(arguments);
    let failures = findings
        .iter()
        .filter(|finding| finding.status == Status::Failure)
        .count();
    if json {
        let report = json!({ "ok": failures == 0, "findings": findings });
        writeln!(stdout(), "{report}")?;
    } else {
        print(&findings)?;
    }
    match failures {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        _ => bail!("{failures} checks failed"),
    }
}

fn findings(arguments: &Arguments) -> Vec<Finding> {
    let mut findings = vec![registry::version()];
    findings.extend(folders::check());
    findings.push(registry::cache());
    match registry::read() {
        Ok(known) => {
            findings.extend(plugin::check(known.plugin.as_ref()));
            findings.extend(elements::check(&known.missing));
        }
        Err(fault) => {
            findings.push(fault);
            findings.extend(plugin::check_files());
        }
    }
    findings.push(libtorch::check());
    findings.push(libtorch::check_gpus());
    findings.push(processor::check());
    findings.extend(devices::check());
    findings.push(encoder::check());
    findings.extend(model::check(arguments.model.as_deref()));
    findings
}

fn print(findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        writeln!(
            stdout(),
            "{} {}: {}",
            finding.status.label(),
            finding.subject,
            finding.text
        )?;
        if let Some(cure) = &finding.cure {
            writeln!(stdout(), "        cure: {cure}")?;
        }
    }
    Ok(())
}
