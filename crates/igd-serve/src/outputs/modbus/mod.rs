//! Modbus TCP: what cameras show, as registers, and bits to trigger them by.

mod map;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response};
use tracing::{info, warn};

use self::map::{Map, Write};
use super::OutputStatus;
use super::board::Board;
use crate::command::{Commands, Refused};
use crate::config::ModbusConfig;

/// Who is connected at once, at most. Others are turned away.
const CONNECTIONS: usize = 32;
/// A peer that has vanished without a word is found out after twice as long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A server that listens.
pub(super) struct Modbus {
    room: Arc<Semaphore>,
    refused: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Modbus {
    pub(super) fn start(
        config: &ModbusConfig,
        board: Arc<Board>,
        recipes: Vec<String>,
        commands: Commands,
        runtime: &Handle,
    ) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| {
            format!("[outputs.modbus] listen = \"{}\": {error}", config.listen)
        };
        let map = Map::new(board.names(), recipes)
            .map_err(|error| format!("[outputs.modbus] {error}"))?;
        let listener = TcpListener::bind(config.listen).map_err(|error| wrong(&error))?;
        listener
            .set_nonblocking(true)
            .map_err(|error| wrong(&error))?;
        let _inside = runtime.enter();
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(|error| wrong(&error))?;
        info!(address = %config.listen, "Modbus TCP");
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let desk = Arc::new(Desk {
            map,
            board,
            commands,
            start: Instant::now(),
        });
        let refused = Arc::new(AtomicU64::new(0));
        let task = runtime.spawn(serve(
            Server::new(listener),
            room.clone(),
            desk,
            refused.clone(),
        ));
        Ok(Self {
            room,
            refused,
            task,
        })
    }

    pub(super) fn status(&self) -> OutputStatus {
        let refused = self.refused.load(Relaxed);
        OutputStatus {
            name: "modbus".into(),
            connected: self.room.available_permits() < CONNECTIONS,
            waiting: 0,
            skipped: 0,
            error: (refused > 0).then(|| {
                format!("{refused} connections were turned away: {CONNECTIONS} at most may be open")
            }),
        }
    }

    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

async fn serve(server: Server, room: Arc<Semaphore>, desk: Arc<Desk>, refused: Arc<AtomicU64>) {
    let connected = |stream: TcpStream, peer: SocketAddr| {
        let client = match room.clone().try_acquire_owned() {
            Ok(seat) => Some(Client {
                desk: desk.clone(),
                _seat: seat,
            }),
            Err(_) => {
                refused.fetch_add(1, Relaxed);
                warn!(%peer, "turned away: {CONNECTIONS} connections are open");
                None
            }
        };
        async move {
            Ok(client
                .filter(|_| keep_alive(&stream).is_ok())
                .map(|client| (client, stream)))
        }
    };
    loop {
        // It ends where a connection cannot be accepted, for want of descriptors: later it can.
        if let Err(error) = server.serve(&connected, |_| {}).await {
            warn!(%error, "Modbus TCP");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE / 3)
        .with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

/// What all clients are served from.
struct Desk {
    map: Map,
    board: Arc<Board>,
    commands: Commands,
    start: Instant,
}

/// A connection.
struct Client {
    desk: Arc<Desk>,
    _seat: OwnedSemaphorePermit,
}

impl Service for Client {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, ExceptionCode>> + Send>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        let desk = self.desk.clone();
        Box::pin(async move { desk.answer(request).await })
    }
}

impl Desk {
    async fn answer(self: Arc<Self>, request: Request<'static>) -> Result<Response, ExceptionCode> {
        let Some(Write { commands, answer }) = self.map.write(&request)? else {
            let seconds = self.start.elapsed().as_secs() as u16;
            return self.map.read(&request, &self.board.all(), seconds);
        };
        let told = spawn_blocking(move || {
            commands
                .into_iter()
                .try_for_each(|command| (self.commands)(command))
        });
        match told.await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(refused)) => Err(exception(&refused)),
            Err(_) => Err(ExceptionCode::ServerDeviceFailure),
        }
    }
}

fn exception(refused: &Refused) -> ExceptionCode {
    warn!("Modbus TCP: {refused}");
    match refused {
        Refused::Unknown(_) => ExceptionCode::IllegalDataValue,
        Refused::Unfit(_) => ExceptionCode::ServerDeviceBusy,
        Refused::Failed(_) => ExceptionCode::ServerDeviceFailure,
    }
}
