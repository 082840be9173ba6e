//! Out to the line: MQTT, webhooks, Modbus, OPC UA. Each delivers what the store has, from where it was, so that a broker's
//! absence loses nothing and slows no frame.

mod board;
mod feed;
mod files;
mod modbus;
mod mqtt;
#[cfg(feature = "opcua")]
mod opcua;
mod webhook;

use std::sync::Arc;
#[cfg(feature = "opcua")]
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Handle;

use self::board::Board;
use self::feed::{Feed, Newest};
use self::modbus::Modbus;
use self::mqtt::Mqtt;
#[cfg(feature = "opcua")]
use self::opcua::OpcUa;
use self::webhook::Webhook;
use crate::command::Commands;
use crate::config::LineConfig;
#[cfg(feature = "opcua")]
use crate::lock::lock;
use crate::store::{Part, Store};

/// What outputs may still take when the line ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// All outputs of a line, running.
pub struct Outputs {
    board: Arc<Board>,
    newest: Arc<Newest>,
    feeds: Vec<Arc<Feed>>,
    threads: Vec<JoinHandle<()>>,
    modbus: Option<Modbus>,
    #[cfg(feature = "opcua")]
    opcua: Mutex<Option<OpcUa>>,
}

/// How an output fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputStatus {
    /// `mqtt`, `modbus`, `opcua`, or a webhook's name.
    pub name: String,
    /// Whether its peer is there.
    pub connected: bool,
    /// Parts that wait for it.
    pub waiting: u64,
    /// Parts that its peer will never take, since the start.
    pub skipped: u64,
    /// What went wrong last.
    pub error: Option<String>,
}

impl Outputs {
    /// Begins to deliver. Configuration errors (a file that is not there, an address that is none) are told at once;
    /// peers that are away are waited for, and the store's events tell of it (`output-lost`, `output-back`,
    /// `output-skipped`). `commands` may be called from any thread.
    pub fn start(
        config: &LineConfig,
        store: Store,
        commands: Commands,
        runtime: &Handle,
    ) -> Result<Self, String> {
        let text = |error: crate::store::StoreError| error.to_string();
        let mut outputs = Self {
            board: Arc::new(Board::new(config, &store).map_err(text)?),
            newest: Arc::new(Newest::of(&store).map_err(text)?),
            feeds: Vec::new(),
            threads: Vec::new(),
            modbus: None,
            #[cfg(feature = "opcua")]
            opcua: Mutex::default(),
        };
        let feed =
            |name: &str| Feed::new(name, store.clone(), outputs.newest.clone()).map_err(text);
        let config_of = &config.outputs;
        let mqtt = match &config_of.mqtt {
            Some(mqtt) => Some(Mqtt::new(
                mqtt,
                &config.name,
                feed("mqtt")?,
                outputs.board.clone(),
                commands.clone(),
            )?),
            None => None,
        };
        let webhooks: Vec<_> = (config_of.webhooks.iter())
            .map(|webhook| Webhook::new(webhook, feed(&webhook.name)?))
            .collect::<Result<_, String>>()?;
        #[cfg(feature = "opcua")]
        if let Some(opcua) = &config_of.opcua {
            let opcua = OpcUa::start(config, opcua, &outputs.board, &commands)?;
            outputs.opcua = Mutex::new(Some(opcua));
        }
        if let Some(modbus) = &config_of.modbus {
            let recipes = config.recipes.keys().map(ToString::to_string).collect();
            outputs.modbus = Some(Modbus::start(
                modbus,
                outputs.board.clone(),
                recipes,
                commands,
                runtime,
            )?);
        }
        if let Some(mqtt) = mqtt {
            let runtime = runtime.clone();
            outputs.begin(mqtt.feed(), move || runtime.block_on(mqtt.run()))?;
        }
        for webhook in webhooks {
            let runtime = runtime.clone();
            outputs.begin(webhook.feed(), move || webhook.run(&runtime))?;
        }
        Ok(outputs)
    }

    /// In a thread of its own, where it may wait for its peer and for the store.
    fn begin(
        &mut self,
        feed: Arc<Feed>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        let thread = thread::Builder::new()
            .name(format!("igd-{}", feed.name()))
            .spawn(work)
            .map_err(|error| format!("no thread for the output {}: {error}", feed.name()))?;
        self.feeds.push(feed);
        self.threads.push(thread);
        Ok(())
    }

    /// Parts have been stored. Never blocks.
    pub fn notify(&self, parts: &[Part]) {
        self.board.parts(parts);
        if let Some(newest) = parts.iter().map(|part| part.seq).max() {
            self.newest.is(newest);
        }
        self.feeds.iter().for_each(|feed| feed.wake());
    }

    /// A camera judges by this recipe from now on. Never blocks.
    pub fn recipe(&self, camera: &str, recipe: &str) {
        self.board.recipe(camera, recipe);
        self.feeds.iter().for_each(|feed| feed.wake());
    }

    /// Of each output.
    pub fn status(&self) -> Vec<OutputStatus> {
        let feeds = self.feeds.iter().map(|feed| feed.status());
        let modbus = self.modbus.iter().map(Modbus::status);
        let status = feeds.chain(modbus);
        #[cfg(feature = "opcua")]
        let status = status.chain(lock(&self.opcua).as_ref().map(OpcUa::status));
        status.collect()
    }

    /// Delivers what it can within a second or two, and ends. What it could not is delivered after the next start.
    pub fn stop(&self) {
        self.feeds.iter().for_each(|feed| feed.stop());
        let until = Instant::now() + FAREWELL;
        // One that waits for its peer's answer is left to itself: it ends with that, or with the process.
        for thread in &self.threads {
            while !thread.is_finished() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if let Some(modbus) = &self.modbus {
            modbus.stop();
        }
        #[cfg(feature = "opcua")]
        drop(lock(&self.opcua).take());
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.stop();
    }
}
