//! An OPC UA server: what cameras show, as nodes, and two of each that can be written.

mod nodes;
mod rules;

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use open62541::{Certificate, PrivateKey, Server, ServerBuilder, ServerRunner};
use tracing::{error, info};

use self::rules::Rules;
use super::OutputStatus;
use super::board::Board;
use crate::command::Commands;
use crate::config::{LineConfig, OpcUaConfig};
use crate::lock::lock;

/// The server listens by then, or does not start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that listens, in a thread of its own: whoever is slow is served slowly, and holds up nothing else.
pub(super) struct OpcUa {
    server: Server,
    stop: Arc<AtomicBool>,
    error: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl OpcUa {
    pub(super) fn start(
        config: &LineConfig,
        opcua: &OpcUaConfig,
        board: &Arc<Board>,
        commands: &Commands,
    ) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("[outputs.opcua] {error}");
        // The library tells nobody why it cannot listen.
        TcpListener::bind(opcua.listen)
            .map_err(|error| wrong(&format_args!("listen = \"{}\": {error}", opcua.listen)))?;
        let rules = Rules::new(opcua, &config.server.tokens);
        let (server, runner) = builder(opcua)
            .and_then(|builder| {
                builder
                    .access_control(rules)
                    .map_err(|error| error.to_string())
            })
            .map_err(|error| wrong(&error))?
            .build();
        nodes::add(
            &server,
            config.name.as_str(),
            !opcua.read_only,
            board,
            commands,
        )
        .map_err(|error| wrong(&error))?;
        let stop = Arc::new(AtomicBool::new(false));
        let error = Arc::new(Mutex::new(None));
        let (told, started) = sync_channel(1);
        let work = {
            let (stop, error) = (stop.clone(), error.clone());
            move || {
                run(runner, &stop, &error, &|| {
                    // Only the first time.
                    let _ = told.try_send(());
                })
            }
        };
        let thread = thread::Builder::new().name("igd-opcua".into()).spawn(work);
        let thread = thread.map_err(|error| wrong(&error))?;
        match started.recv_timeout(PATIENCE) {
            Ok(()) => (),
            Err(RecvTimeoutError::Timeout) => {
                return Err(wrong(&"the server does not start"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let error = lock(&error).clone().unwrap_or_default();
                return Err(wrong(&error));
            }
        }
        info!(address = %opcua.listen, "OPC UA");
        Ok(Self {
            server,
            stop,
            error,
            thread: Some(thread),
        })
    }

    pub(super) fn status(&self) -> OutputStatus {
        OutputStatus {
            name: "opcua".into(),
            connected: self.server.statistics().ss().current_session_count() > 0,
            waiting: 0,
            skipped: 0,
            error: lock(&self.error).clone(),
        }
    }
}

impl Drop for OpcUa {
    /// Waits until nobody is served any more, a fraction of a second.
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// With the usual security policies where it has a certificate, without any where it has none.
fn builder(config: &OpcUaConfig) -> Result<ServerBuilder, String> {
    let port = config.listen.port();
    let builder = match &config.tls {
        Some(tls) => {
            let read = |path| {
                fs::read(path)
                    .map_err(|error| format!("{}: {error}", std::path::Path::display(path)))
            };
            let certificate = Certificate::from_bytes(&read(&tls.certificate)?);
            let key = PrivateKey::from_bytes(&read(&tls.key)?);
            ServerBuilder::default_with_security_policies(port, &certificate, &key)
                .map_err(|error| format!("certificate and key cannot be used: {error}"))?
                // Clients are told apart by who signs in.
                .accept_all()
        }
        None => ServerBuilder::minimal(port, None),
    };
    Ok(builder.server_urls(&[&format!("opc.tcp://{}", config.listen)]))
}

fn run(runner: ServerRunner, stop: &AtomicBool, error: &Mutex<Option<String>>, runs: &dyn Fn()) {
    let ended = runner.run_until_cancelled(|| {
        runs();
        stop.load(Relaxed)
    });
    if let Err(wrong) = ended {
        error!("OPC UA: {wrong}");
        *lock(error) = Some(wrong.to_string());
    }
}
