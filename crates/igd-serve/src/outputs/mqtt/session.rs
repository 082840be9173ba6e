use std::collections::BTreeMap;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Connect, ConnectProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Filter,
    LastWill, Packet, PingReq, PubAck, PubAckReason, Publish, RetainForwardRule, Subscribe,
    SubscribeReasonCode,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::Mqtt;
use super::orders::obey;
use super::window::Window;
use super::wire::{LARGEST, PATIENCE, Wire, silence};
use crate::store::Part;

/// What may be sent before the broker says that it has it.
const WINDOW: usize = 50;
/// The broker tells others that we are gone when it has heard nothing for one and a half times as long.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

const ONLINE: &str = "online";
const OFFLINE: &str = "offline";

/// One connection to the broker, from its first packet to its last. The store knows what was delivered by those before.
pub(super) struct Session<'a> {
    mqtt: &'a Mqtt,
    wire: Wire,
    window: Window,
    /// The broker's limit to a packet, in bytes.
    largest: usize,
    keep_alive: Duration,
    /// `seq` of the last part that is sent.
    sent: i64,
    /// What was told of each camera's state.
    told: BTreeMap<String, u64>,
    heard: Instant,
    next_ping: Instant,
    /// It takes parts, or there are none.
    works: bool,
    /// What else is wrong, to be told as soon as it works.
    remark: Option<String>,
}

impl<'a> Session<'a> {
    /// Connects, and says who is there.
    pub(super) async fn open(mqtt: &'a Mqtt) -> Result<Self, String> {
        let mut wire = Wire::open(&mqtt.broker, mqtt.tls.as_ref()).await?;
        let connect = Connect {
            keep_alive: KEEP_ALIVE.as_secs() as u16,
            client_id: mqtt.client.clone(),
            clean_start: true,
            properties: Some(ConnectProperties {
                max_packet_size: Some(LARGEST),
                ..ConnectProperties::new()
            }),
        };
        let status = format!("{}/status", mqtt.topic);
        let will = LastWill::new(&status, OFFLINE, QoS::AtLeastOnce, true, None);
        wire.write(&[Packet::Connect(connect, Some(will), mqtt.login.clone())])
            .await?;
        let answer = match timeout(PATIENCE, wire.read()).await {
            Ok(Ok(Packet::ConnAck(answer))) => answer,
            Ok(Ok(_)) => return Err("this is not MQTT 5: it does not begin with CONNACK".into()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(silence()),
        };
        match answer.code {
            ConnectReturnCode::Success => {}
            code @ (ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized) => {
                return Err(format!(
                    "it refuses user and password ({code:?}): see user and password-file"
                ));
            }
            code => return Err(format!("it refuses the connection: {code:?}")),
        }
        let limits = answer.properties;
        let limits = limits.as_ref();
        if limits.and_then(|limits| limits.max_qos) == Some(0) {
            return Err("it takes QoS 0 alone, with which parts can be lost".into());
        }
        let mut session = Self {
            mqtt,
            wire,
            window: Window::new(
                (limits.and_then(|limits| limits.receive_max))
                    .map_or(WINDOW, |most| WINDOW.min(most.max(1).into())),
            ),
            largest: (limits.and_then(|limits| limits.max_packet_size))
                .map_or(usize::MAX, |most| most as usize),
            keep_alive: (limits.and_then(|limits| limits.server_keep_alive))
                .map_or(KEEP_ALIVE, |told| {
                    KEEP_ALIVE.min(Duration::from_secs(told.max(1).into()))
                }),
            sent: mqtt.feed.delivered(),
            told: BTreeMap::new(),
            heard: Instant::now(),
            next_ping: Instant::now(),
            works: false,
            remark: None,
        };
        let subscribe = session.subscribe();
        let online = session.retained(status, ONLINE);
        session.wire.write(&[subscribe, online]).await?;
        Ok(session)
    }

    /// To what the line can be told, for all cameras. What is retained is old: the broker shall not send it.
    fn subscribe(&mut self) -> Packet {
        let filter = |what: &str| Filter {
            path: format!("{}/+/{what}", self.mqtt.topic),
            qos: QoS::AtLeastOnce,
            nolocal: true,
            preserve_retain: true,
            retain_forward_rule: RetainForwardRule::Never,
        };
        let mut subscribe = Subscribe::new_many([filter("trigger"), filter("recipe")], None);
        subscribe.pkid = self.window.next_id();
        Packet::Subscribe(subscribe)
    }

    /// Delivers until the feed ends, or until the connection does: that is an error.
    pub(super) async fn run(mut self) -> Result<(), String> {
        self.work().await?;
        // Without it the broker tells others the same when the connection ends.
        let _ = self.farewell().await;
        Ok(())
    }

    async fn work(&mut self) -> Result<(), String> {
        let mqtt = self.mqtt;
        let feed = &mqtt.feed;
        loop {
            self.send().await?;
            let stopping = feed.is_stopping();
            if stopping && self.window.is_empty() {
                return Ok(());
            }
            tokio::select! {
                packet = self.wire.read() => {
                    self.take(packet?).await?;
                    while let Some(packet) = self.wire.arrived()? {
                        self.take(packet).await?;
                    }
                    self.land();
                }
                () = feed.woken() => {}
                () = feed.stopping(), if !stopping => {}
                () = sleep_until(self.next_ping) => {
                    if self.heard.elapsed() > PATIENCE {
                        return Err(silence());
                    }
                    self.wire.write(&[Packet::PingReq(PingReq)]).await?;
                    self.next_ping += self.keep_alive / 2;
                }
            }
        }
    }

    /// As much as the window has room for: first what cameras show now, then parts.
    async fn send(&mut self) -> Result<(), String> {
        let mut packets = Vec::new();
        while self.window.room() > 0
            && let Some((camera, shown)) = self.mqtt.board.change(&mut self.told)
        {
            let state = serde_json::to_vec(&shown).map_err(|error| error.to_string())?;
            packets.push(self.retained(format!("{}/{camera}/state", self.mqtt.topic), state));
        }
        let room = self.window.room();
        let newest = self.mqtt.feed.newest();
        if room > 0 && newest > self.sent {
            let parts = self.mqtt.feed.after(self.sent, room)?;
            // Those up to the newest may have been removed.
            self.sent = parts.last().map_or(newest, |part| part.seq);
            for part in &parts {
                packets.extend(self.part(part)?);
            }
            self.land();
        }
        match packets.is_empty() {
            true => Ok(()),
            false => self.wire.write(&packets).await,
        }
    }

    /// None, if it is too large for the broker.
    fn part(&mut self, part: &Part) -> Result<Option<Packet>, String> {
        let record = serde_json::to_vec(part).map_err(|error| error.to_string())?;
        let topic = format!("{}/{}/part", self.mqtt.topic, part.record.camera);
        let id = self.window.send(Some(part.seq));
        let packet = message(id, topic, record, false);
        if packet.size() <= self.largest {
            return Ok(Some(packet));
        }
        self.window.arrive(id);
        let why = format!(
            "the broker takes {} bytes at most, it has {}",
            self.largest,
            packet.size()
        );
        self.mqtt.feed.skip(part, &why);
        Ok(None)
    }

    fn retained(&mut self, topic: String, payload: impl Into<Vec<u8>>) -> Packet {
        message(self.window.send(None), topic, payload.into(), true)
    }

    async fn take(&mut self, packet: Packet) -> Result<(), String> {
        self.heard = Instant::now();
        match packet {
            Packet::PubAck(ack) => self.acknowledged(&ack),
            Packet::Publish(publish) => {
                let mut answers = Vec::new();
                if publish.qos == QoS::AtLeastOnce {
                    answers.push(Packet::PubAck(PubAck::new(publish.pkid, None)));
                }
                answers.extend(obey(self.mqtt, &publish));
                self.wire.write(&answers).await
            }
            Packet::SubAck(ack) => {
                let refused =
                    |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
                if let Some(code) = ack.return_codes.iter().find(refused) {
                    let topic = &self.mqtt.topic;
                    self.remark = Some(format!(
                        "the broker does not let it read {topic}/+/trigger and {topic}/+/recipe ({code:?})"
                    ));
                }
                Ok(())
            }
            Packet::PingResp(_) => Ok(()),
            Packet::Disconnect(end)
                if end.reason_code == DisconnectReasonCode::SessionTakenOver =>
            {
                let client = &self.mqtt.client;
                Err(format!(
                    "another client there is called {client}: give another client in [outputs.mqtt]"
                ))
            }
            Packet::Disconnect(end) => Err(format!(
                "it has ended the connection: {:?}",
                end.reason_code
            )),
            _ => Err("this is not MQTT 5: it sends what only clients send".into()),
        }
    }

    fn acknowledged(&mut self, ack: &PubAck) -> Result<(), String> {
        if !matches!(
            ack.reason,
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers
        ) {
            return Err(format!(
                "it does not let {} write below {} ({:?})",
                self.mqtt.client, self.mqtt.topic, ack.reason
            ));
        }
        match self.window.arrive(ack.pkid) {
            true => Ok(()),
            false => Err("this is not MQTT 5: it acknowledges what it was not sent".into()),
        }
    }

    /// What has arrived, with all before it, is delivered.
    fn land(&mut self) {
        let landed = self.window.land();
        if let Some(seq) = landed {
            self.mqtt.feed.deliver(seq);
            self.mqtt.feed.save();
        }
        if !self.works && (landed.is_some() || self.window.is_empty()) {
            self.works = true;
            self.mqtt.feed.connected();
        }
        if self.works
            && let Some(remark) = self.remark.take()
        {
            self.mqtt.feed.note(remark);
        }
    }

    /// That we go, and that it was meant so.
    async fn farewell(mut self) -> Result<(), String> {
        let offline = self.retained(format!("{}/status", self.mqtt.topic), OFFLINE);
        self.wire.write(&[offline]).await?;
        while !matches!(self.wire.read().await?, Packet::PubAck(_)) {}
        let end = Disconnect::new(DisconnectReasonCode::NormalDisconnection);
        self.wire.write(&[Packet::Disconnect(end)]).await?;
        self.wire.close().await;
        Ok(())
    }
}

fn message(id: u16, topic: String, payload: Vec<u8>, retain: bool) -> Packet {
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload, None);
    publish.pkid = id;
    publish.retain = retain;
    Packet::Publish(publish)
}
