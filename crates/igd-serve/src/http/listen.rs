//! Connections: how many, how slow they may be, and how they end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// At once. Others wait until one ends.
const CONNECTIONS: usize = 256;
/// For a greeting by TLS, and for the headers of a request; a connection that asks for nothing ends after it too.
const PATIENCE: Duration = Duration::from_secs(10);
/// Whoever has not taken what was sent to them by then is gone.
const GONE: Duration = Duration::from_secs(30);
/// For what is under way when the server ends.
const END: Duration = Duration::from_millis(1500);
/// Of all headers of a request.
const HEADERS: usize = 32 << 10;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Each connection puts it there.
        parts
            .extensions
            .get()
            .copied()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Answers until `stop`, tells streams by `close` that they have to end, and ends.
pub(super) async fn listen(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: impl Future<Output = ()>,
    close: watch::Sender<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places
                .clone()
                .acquire_owned()
                .await
                .expect("it is never closed");
            (place, accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let connection = connection(
            stream,
            Peer(peer),
            tls.clone(),
            router.clone(),
            close.subscribe(),
        );
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%peer, "{error}");
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    close.send_replace(true);
    let _ = time::timeout(END, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
    connections.shutdown().await;
}

/// The next connection. What fails meanwhile is one that has gone already, or that no file descriptor is left for.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(connection) => return connection,
            Err(error) => {
                tracing::warn!("a connection could not be taken: {error}");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    stream: TcpStream,
    peer: Peer,
    tls: Option<TlsAcceptor>,
    router: Router,
    closing: watch::Receiver<bool>,
) -> Result<(), Fault> {
    notice_the_gone(&stream)?;
    match tls {
        Some(tls) => {
            let stream = time::timeout(PATIENCE, tls.accept(stream)).await??;
            converse(stream, peer, router, closing).await
        }
        None => converse(stream, peer, router, closing).await,
    }
}

/// A client that was switched off says nothing of it.
fn notice_the_gone(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, GONE)?;
    sockopt::set_tcp_user_timeout(stream, GONE.as_millis() as u32)?;
    Ok(())
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    mut closing: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_header_size(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        end = connection.as_mut() => return Ok(end?),
        _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}
