//! A line from its start to its end: SIGTERM and SIGINT end it, SIGHUP reads its configuration anew, systemd is told
//! how it fares.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::check::check;
use crate::command::Refused;
use crate::config::{ConfigError, LineConfig};
use crate::http::{self, ServeError};
use crate::line::{Line, Refit};
use crate::page;

/// Why a line is not served.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its configuration is none.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It does not start.
    #[error(transparent)]
    Line(#[from] Refused),
    /// Its page is not served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The address is taken, or not this machine's.
    #[error("[server] listen = \"{address}\": {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The system gives no threads or signals.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// For what still goes on of the line before: a webhook waits ten seconds for its answer.
const FAREWELL: Duration = Duration::from_secs(12);

/// Why a line has ended.
enum End {
    Stop,
    Reload(Box<LineConfig>),
}

/// Serves the line that `open` gives, which is asked again on SIGHUP: where something is wrong with it then, that is
/// told, and the line goes on as it was. `ready` is told the address that it is served at.
pub fn run(
    open: impl Fn() -> Result<LineConfig, ConfigError>,
    ready: impl FnMut(SocketAddr, &LineConfig),
) -> Result<(), RunError> {
    let runtime = runtime()?;
    let result = run_on(&runtime, open, ready);
    // What hangs ends with the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

fn run_on(
    runtime: &Runtime,
    open: impl Fn() -> Result<LineConfig, ConfigError>,
    mut ready: impl FnMut(SocketAddr, &LineConfig),
) -> Result<(), RunError> {
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::watch()?
    };
    let mut config = open()?;
    let mut begun = begin(&config, runtime.handle());
    loop {
        let (line, listener) = begun?;
        ready(listener.local_addr()?, line.config());
        let end = runtime.block_on(serve_until_told(&line, listener, &mut signals, &open));
        let _ = sd_notify::notify(&[match &end {
            Ok(End::Reload(_)) => NotifyState::Reloading,
            _ => NotifyState::Stopping,
        }]);
        line.stop();
        drop(line);
        let End::Reload(next) = end? else {
            return Ok(());
        };
        begun = begin_again(&next, runtime.handle());
        match &begun {
            Ok(_) => config = *next,
            Err(error) => {
                tracing::error!("the line goes on as it was: {error}");
                begun = begin_again(&config, runtime.handle());
            }
        }
    }
}

fn begin(config: &LineConfig, runtime: &Handle) -> Result<(Arc<Line>, TcpListener), RunError> {
    let listener = bind(config.server.listen)?;
    Ok((Line::start(config.clone(), runtime)?, listener))
}

/// The line before may hold its folder and its addresses for a moment, as requests and outputs end.
fn begin_again(
    config: &LineConfig,
    runtime: &Handle,
) -> Result<(Arc<Line>, TcpListener), RunError> {
    let until = Instant::now() + FAREWELL;
    loop {
        let begun = begin(config, runtime);
        if begun.is_ok() || Instant::now() > until {
            return begun;
        }
        let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        thread::sleep(Duration::from_millis(200));
    }
}

fn runtime() -> io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("line").enable_all();
    builder.build()
}

fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).map_err(|error| RunError::Bind { address, error })
}

/// Serves a line's API and its page, until it is told to stop; what is under way then has two seconds to end.
pub async fn serve(
    line: Arc<Line>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    http::serve(line, page::router(), listener, stop).await
}

async fn serve_until_told(
    line: &Arc<Line>,
    listener: TcpListener,
    signals: &mut Signals,
    open: &impl Fn() -> Result<LineConfig, ConfigError>,
) -> Result<End, RunError> {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let until = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut served = pin!(serve(line.clone(), listener, until));
    let mut watchdog = tokio::time::interval(watchdog_period());
    let end = loop {
        tokio::select! {
            done = &mut served => {
                done?;
                return Ok(End::Stop);
            }
            _ = watchdog.tick() => {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
            _ = signals.hangup.recv() => match reload(line, open).await {
                Ok(config) => break End::Reload(config.into()),
                Err(text) => tracing::error!("the line goes on as it was: {text}"),
            },
            _ = signals.terminate.recv() => break End::Stop,
            _ = signals.interrupt.recv() => break End::Stop,
        }
    };
    let _ = stop.send(true);
    served.await?;
    Ok(end)
}

/// A configuration that can take the place of the present one.
async fn reload(
    line: &Line,
    open: &impl Fn() -> Result<LineConfig, ConfigError>,
) -> Result<LineConfig, String> {
    let recipes = line.recipes().map_err(|error| error.to_string())?;
    let mut refits = recipes.iter().map(|recipe| &recipe.refit);
    if refits.any(|refit| matches!(refit, Refit::Running { .. })) {
        return Err("a recipe is being refitted: reload when that is done".into());
    }
    if line.is_teaching() {
        return Err("a recipe is being taught: reload when that is done, or cancelled".into());
    }
    let config = open().map_err(|error| error.to_string())?;
    let checked = config.clone();
    let wrong = tokio::task::spawn_blocking(move || check(&checked)).await;
    match wrong.map_err(|error| error.to_string())?.join("; ") {
        wrong if wrong.is_empty() => Ok(config),
        wrong => Err(wrong),
    }
}

/// Half of what systemd asks for.
fn watchdog_period() -> Duration {
    match sd_notify::watchdog_enabled() {
        Some(period) => period / 2,
        None => Duration::from_secs(3600),
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn watch() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}
