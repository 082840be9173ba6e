//! MQTT 5: each record, the state of each camera, and what others tell the line.

mod orders;
mod session;
mod window;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::Login;
use rustls::ClientConfig;
use tracing::info;

use self::session::Session;
use super::board::Board;
use super::feed::Feed;
use super::files::{first_line, tls};
use crate::command::Commands;
use crate::config::{Broker, MqttConfig};
use crate::pauses::Pauses;

/// A connection that has lasted so long may be tried again soon. Two clients of one name end each other's at once, and
/// shall not do so twice a second.
const STABLE: Duration = Duration::from_secs(10);

/// A client of a broker.
pub(super) struct Mqtt {
    feed: Arc<Feed>,
    board: Arc<Board>,
    commands: Commands,
    broker: Broker,
    /// What topics begin with, without the slash.
    topic: String,
    client: String,
    login: Option<Login>,
    tls: Option<Arc<ClientConfig>>,
}

impl Mqtt {
    pub(super) fn new(
        config: &MqttConfig,
        line: &str,
        feed: Arc<Feed>,
        board: Arc<Board>,
        commands: Commands,
    ) -> Result<Self, String> {
        let wrong = |error| format!("[outputs.mqtt] {error}");
        let password = config.password_file.as_deref().map(first_line);
        let password = password.transpose().map_err(wrong)?.unwrap_or_default();
        let tls = config.broker.tls.then(|| tls(config.ca.as_deref()));
        Ok(Self {
            feed,
            board,
            commands,
            broker: config.broker.clone(),
            topic: match &config.topic {
                Some(topic) => topic.as_str().trim_end_matches('/').to_owned(),
                None => format!("igd/{line}"),
            },
            client: config.client.as_deref().unwrap_or(line).to_owned(),
            login: config.user.as_ref().map(|user| Login::new(user, password)),
            tls: tls.transpose().map_err(wrong)?,
        })
    }

    pub(super) fn feed(&self) -> Arc<Feed> {
        self.feed.clone()
    }

    /// Until the feed is stopped. What is under way when a connection ends is told again in the next one.
    pub(super) async fn run(self) {
        tokio::select! {
            () = self.connect_again_and_again() => {}
            () = self.feed.overdue() => {}
        }
    }

    async fn connect_again_and_again(&self) {
        let mut pauses = Pauses::new();
        while !self.feed.is_stopping() {
            let start = Instant::now();
            let end = match Session::open(self).await {
                Ok(session) => {
                    info!(broker = %self.broker, "connected");
                    session.run().await
                }
                Err(why) => Err(why),
            };
            let Err(why) = end else { return };
            if start.elapsed() > STABLE {
                pauses = Pauses::new();
            }
            self.feed.lost(format!("{}: {why}", self.broker));
            self.feed.pause(pauses.next()).await;
        }
    }
}
