//! `igd serve`

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use igd_serve::LineConfig;
use igd_serve::config::ConfigError;
use igd_serve::http::{hash_token, new_token};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::output::{note, stdout};

#[derive(Args)]
pub struct Arguments {
    /// What the line is made of: cameras, recipes, outputs
    #[arg(value_name = "LINE.toml", required_unless_present = "hash_token")]
    line: Option<PathBuf>,
    /// Try the configuration, open its models, and end
    #[arg(long)]
    check: bool,
    /// Make a token for [[server.tokens]], and print it with its hash
    #[arg(long, conflicts_with_all = ["line", "check"])]
    hash_token: bool,
}

pub fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let Some(path) = &arguments.line else {
        let token = new_token();
        writeln!(stdout(), "token: {token}")?;
        writeln!(stdout(), "hash = \"{}\"", hash_token(&token))?;
        return Ok(());
    };
    let open = || LineConfig::open(path);
    if arguments.check {
        let config = open()?;
        let wrong = igd_serve::check(&config);
        for line in igd_serve::made(&config).iter().chain(&wrong) {
            note(line);
        }
        return match wrong.len() {
            0 => Ok(writeln!(stdout(), "{}: fine", path.display())?),
            count => bail!("{}: {count} of its entries cannot be used", path.display()),
        };
    }
    serve(open, json)
}

/// Until it is told to stop.
pub fn serve(open: impl Fn() -> Result<LineConfig, ConfigError>, json: bool) -> anyhow::Result<()> {
    log(json);
    igd_serve::run(open, |address, config| {
        let scheme = match config.server.tls {
            Some(_) => "https",
            None => "http",
        };
        let name = &config.name;
        note(format_args!("{name} is served at {scheme}://{address}/"));
    })?;
    Ok(())
}

/// What happens, a line each on standard error: of JSON where it is asked for. RUST_LOG says of what.
fn log(json: bool) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match json {
        true => lines.json().init(),
        false => lines.init(),
    }
}
