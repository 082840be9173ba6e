use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::Packet;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Broker;

/// What a broker may take to answer, or to read what it is sent.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest packet that it may send, in bytes.
pub(super) const LARGEST: u32 = 64 * 1024;

/// What is read at once, in bytes.
const CHUNK: usize = 4096;
/// Some do not say which it is.
const CLOSED: &str = "it has closed the connection: it has ended, or another client there has this one's name (give \
                      another client in [outputs.mqtt])";

/// Bytes both ways, by TCP or TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that packets go through.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// Bytes that have come and are no packet yet.
    read: BytesMut,
}

impl Wire {
    pub(super) async fn open(
        broker: &Broker,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self, String> {
        timeout(PATIENCE, Self::connect(broker, tls))
            .await
            .unwrap_or_else(|_| Err(silence()))
    }

    async fn connect(broker: &Broker, tls: Option<&Arc<ClientConfig>>) -> Result<Self, String> {
        let tcp = (TcpStream::connect((broker.host.as_str(), broker.port)).await).map_err(text)?;
        // Verdicts are small, and nobody waits for more of them.
        tcp.set_nodelay(true).map_err(text)?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(tcp),
            Some(tls) => {
                let name = ServerName::try_from(broker.host.clone()).map_err(text)?;
                let tls = TlsConnector::from(tls.clone()).connect(name, tcp).await;
                Box::new(tls.map_err(|error| format!("TLS: {error}"))?)
            }
        };
        Ok(Self {
            stream,
            read: BytesMut::new(),
        })
    }

    /// The next packet. Nothing is lost if the future is dropped before it comes.
    pub(super) async fn read(&mut self) -> Result<Packet, String> {
        loop {
            if let Some(packet) = self.arrived()? {
                return Ok(packet);
            }
            self.read.reserve(CHUNK);
            if self.stream.read_buf(&mut self.read).await.map_err(text)? == 0 {
                return Err(CLOSED.into());
            }
        }
    }

    /// The next packet, if it is there already.
    pub(super) fn arrived(&mut self) -> Result<Option<Packet>, String> {
        match Packet::read(&mut self.read, Some(LARGEST)) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(format!("this is not MQTT 5: {error}")),
        }
    }

    pub(super) async fn write(&mut self, packets: &[Packet]) -> Result<(), String> {
        let mut bytes = BytesMut::new();
        for packet in packets {
            packet.write(&mut bytes, None).map_err(text)?;
        }
        let written = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match timeout(PATIENCE, written).await {
            Ok(written) => written.map_err(text),
            Err(_) => Err(silence()),
        }
    }

    /// After the last packet, so that it arrives.
    pub(super) async fn close(mut self) {
        // The peer may have closed it before.
        let _ = self.stream.shutdown().await;
    }
}

/// What is said of a broker that does not answer.
pub(super) fn silence() -> String {
    format!("it has not answered for {} s", PATIENCE.as_secs())
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
