//! The API, the metrics and the page, for whoever may see them.

mod access;
mod caller;
mod cameras;
mod foreign;
mod health;
mod latency;
mod lessons;
mod listen;
mod live;
mod metrics;
mod news;
mod parts;
mod problem;
mod recipes;
mod routes;
mod tls;
mod video;
mod whole;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use tokio::sync::{Semaphore, watch};

use self::access::Access;
use self::latency::Latencies;
use self::metrics::Dropped;
use crate::config::Server;
use crate::line::Line;
use crate::webrtc::{self, Viewers};

pub use self::access::{hash_token, new_token};
pub use self::caller::Caller;

/// What handlers know.
#[derive(Clone)]
pub struct State {
    /// The line that is served.
    pub line: Arc<Line>,
    access: Arc<Access>,
    latencies: Arc<Latencies>,
    dropped: Arc<Dropped>,
    /// Who watches by WebRTC; `None` where an element for that is missing.
    pub(crate) viewers: Option<Arc<Viewers>>,
    /// Places for those who watch a camera, and for those who listen to what happens.
    watchers: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    /// Places for files that are being sent.
    uploads: Arc<Semaphore>,
    /// Becomes true when the server ends, and streams with it.
    closing: watch::Receiver<bool>,
}

/// Streams of pictures, and of video, at a time.
const WATCHERS: usize = 32;
/// Streams of events at a time.
const LISTENERS: usize = 64;

/// Files that are being read at a time; others wait.
const UPLOADS: usize = 2;

/// Why a line cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file of `[server.tls]` cannot be used.
    #[error("[server.tls] {}: {text}", .path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        text: String,
    },
    /// The listener cannot be used.
    #[error("the address cannot be listened at: {0}")]
    Listen(#[from] io::Error),
}

/// Whether what `[server]` names is there and can be used.
pub fn check(server: &Server) -> Result<(), ServeError> {
    server
        .tls
        .as_ref()
        .map_or(Ok(()), |files| tls::acceptor(files).map(drop))
}

/// Serves a line, and `pages` beside its API, until it is told to stop; what is under way then has two seconds to end.
pub async fn serve(
    line: Arc<Line>,
    pages: Router<State>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let config = line.config();
    let tls = config.server.tls.as_ref().map(tls::acceptor).transpose()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (close, closing) = watch::channel(false);
    let viewers = match webrtc::missing() {
        None => Some(Arc::new(Viewers::new(line.clone())?)),
        Some((element, package)) => {
            tracing::info!("live pictures are JPEGs: {element} is missing (package {package})");
            None
        }
    };
    let state = State {
        access: Arc::new(Access::new(config)),
        latencies: Arc::default(),
        dropped: Arc::default(),
        viewers,
        watchers: Arc::new(Semaphore::new(WATCHERS)),
        listeners: Arc::new(Semaphore::new(LISTENERS)),
        uploads: Arc::new(Semaphore::new(UPLOADS)),
        closing,
        line,
    };
    let measuring = tokio::spawn(latency::measure(
        state.line.parts(),
        state.latencies.clone(),
    ));
    listen::listen(listener, tls, routes::router(state, pages), stop, close).await;
    measuring.abort();
    Ok(())
}
