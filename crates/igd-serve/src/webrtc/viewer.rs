//! One who watches: the browser's end of a connection, as GStreamer's webrtcbin has it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppLeakyType, AppSrc};
use gst_video::UpstreamForceKeyUnitEvent;
use tokio::sync::watch;

use super::offer::Offer;
use super::{NoVideo, description};
use crate::command::Refused;

/// webrtcbin answers by then, or hangs: the first one makes a key, which takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames that wait to be sent.
const WAITING: u64 = 30;
/// Bytes of a packet, so that it fits any network.
const PACKET: u32 = 1200;

/// How a connection fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Coming,
    There,
    Gone,
}

/// The connection ends with this.
pub(super) struct Viewer {
    pipeline: gst::Pipeline,
    frames: AppSrc,
    webrtc: gst::Element,
}

impl Viewer {
    /// Not connected yet. `fares` is told of the connection, and `anew` is called when the other end has lost frames,
    /// both from threads of GStreamer.
    pub fn new(
        payload: i32,
        fares: watch::Sender<Connection>,
        anew: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, glib::BoolError> {
        let frames = AppSrc::builder()
            .caps(&gst::Caps::new_empty_simple("video/x-vp8"))
            .format(gst::Format::Time)
            .is_live(true)
            .do_timestamp(true)
            .leaky_type(AppLeakyType::Downstream)
            .max_buffers(WAITING)
            .build();
        let packets = gst::ElementFactory::make("rtpvp8pay")
            .property("pt", payload as u32)
            .property("mtu", PACKET)
            .property_from_str("picture-id-mode", "15-bit")
            .build()?;
        let webrtc = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()?;
        set_network(&webrtc);
        let caps = gst::Caps::builder("application/x-rtp")
            .field("media", "video")
            .field("encoding-name", "VP8")
            .field("clock-rate", 90_000_i32)
            .field("payload", payload)
            .build();
        let pipeline = gst::Pipeline::new();
        let source = frames.upcast_ref();
        pipeline.add_many([source, &packets, &webrtc])?;
        source.link(&packets)?;
        packets.link_filtered(&webrtc, &caps)?;

        let pad = source.static_pad("src");
        let pad = pad.ok_or_else(|| glib::bool_error!("appsrc has a source"))?;
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let event = info.event();
            if event.is_some_and(|event| UpstreamForceKeyUnitEvent::parse(event).is_ok()) {
                anew();
            }
            gst::PadProbeReturn::Ok
        });
        let broken = fares.clone();
        let bus = pipeline.bus();
        let bus = bus.ok_or_else(|| glib::bool_error!("a pipeline has a bus"))?;
        bus.set_sync_handler(move |_, message| {
            if message.type_() == gst::MessageType::Error {
                broken.send_replace(Connection::Gone);
            }
            gst::BusSyncReply::Drop
        });
        webrtc.connect_notify(Some("connection-state"), move |webrtc, _| {
            tell(&fares, state(webrtc, "connection-state").as_deref());
        });
        Ok(Self {
            pipeline,
            frames,
            webrtc,
        })
    }

    /// The answer to an offer, with all addresses of this machine in it. Takes a moment: not for an asynchronous
    /// thread.
    pub fn answer(&self, offer: &Offer) -> Result<String, NoVideo> {
        let failed = |error: String| NoVideo::Refused(Refused::Failed(error));
        let started = self.pipeline.set_state(gst::State::Playing);
        started.map_err(|error| failed(error.to_string()))?;
        let offer = description::offer(&offer.description);
        let offer = offer.ok_or_else(|| failed("webrtcbin takes no offers".into()))?;
        self.ask("set-remote-description", offer)
            .map_err(|error| NoVideo::Offer(format!("the offer is refused: {error}")))?;
        self.gather().map_err(failed)
    }

    /// The answer, when all addresses of this machine are in it.
    fn gather(&self) -> Result<String, String> {
        let reply = self.ask("create-answer", None::<gst::Structure>.to_value())?;
        let answer = reply.as_ref().and_then(|reply| reply.value("answer").ok());
        let answer = answer.ok_or("webrtcbin gives no answer")?;
        let (told, gathered) = channel();
        self.webrtc
            .connect_notify(Some("ice-gathering-state"), move |webrtc, _| {
                if state(webrtc, "ice-gathering-state").as_deref() == Some("complete") {
                    let _ = told.send(());
                }
            });
        self.ask("set-local-description", (**answer).clone())?;
        await_for(&gathered)?;
        let answer = self.webrtc.property_value("local-description");
        description::text(&answer).ok_or_else(|| "webrtcbin gives no answer".into())
    }

    /// Has webrtcbin do something, and waits for it.
    fn ask(&self, what: &str, with: glib::Value) -> Result<Option<gst::Structure>, String> {
        let (told, done) = channel();
        let promise = gst::Promise::with_change_func(move |reply| {
            let reply = reply.map(|reply| reply.map(ToOwned::to_owned));
            let _ = told.send(reply);
        });
        self.webrtc
            .emit_by_name_with_values(what, &[with, promise.to_value()]);
        let reply = await_for(&done)?.map_err(|error| format!("{what}: {error:?}"))?;
        let refused = reply
            .as_ref()
            .map(|reply| reply.get::<glib::Error>("error"));
        match refused {
            Some(Ok(error)) => Err(error.message().to_owned()),
            _ => Ok(reply),
        }
    }

    /// Hands a frame on, without waiting.
    pub fn send(&self, frame: &gst::BufferRef) {
        let mut frame = frame.copy();
        if let Some(frame) = frame.get_mut() {
            // It is sent now, whenever it was encoded.
            frame.set_pts(None);
            frame.set_dts(None);
        }
        // One that has gone takes none.
        let _ = self.frames.push_buffer(frame);
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// How the network is used. Which of it can be told depends on GStreamer's version.
fn set_network(webrtc: &gst::Element) {
    let ice = webrtc.property::<glib::Object>("ice-agent");
    let set = |of: &glib::Object, name: &str, value: bool| {
        if of.has_property(name) {
            of.set_property(name, value);
        }
    };
    set(&ice, "ice-tcp", false);
    if ice.has_property("agent") {
        let agent = ice.property::<glib::Object>("agent");
        // No router is asked to let anybody in.
        set(&agent, "upnp", false);
        // A browser that was killed says nothing of it.
        set(&agent, "keepalive-conncheck", true);
    }
}

/// One of webrtcbin's states, by its name.
fn state(webrtc: &gst::Element, property: &str) -> Option<String> {
    let value = webrtc.property_value(property);
    let (_, state) = glib::EnumValue::from_value(&value)?;
    Some(state.nick().to_owned())
}

/// What has gone does not come again.
fn tell(fares: &watch::Sender<Connection>, state: Option<&str>) {
    fares.send_if_modified(|fares| {
        let next = match (*fares, state) {
            (Connection::Coming, Some("connected")) => Connection::There,
            (Connection::There, Some("connected")) => Connection::There,
            (Connection::Coming, Some("new" | "connecting")) => Connection::Coming,
            _ => Connection::Gone,
        };
        std::mem::replace(fares, next) != next
    });
}

fn await_for<T>(done: &Receiver<T>) -> Result<T, String> {
    done.recv_timeout(PATIENCE).map_err(|error| match error {
        RecvTimeoutError::Timeout => "webrtcbin does not answer".into(),
        RecvTimeoutError::Disconnected => "webrtcbin has ended".into(),
    })
}
