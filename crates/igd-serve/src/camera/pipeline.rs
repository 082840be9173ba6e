//! Source, a queue that holds the newest frame alone, `igdfilter`, and a sink that hands each judged frame on. A frame
//! that comes while one is judged makes way for the next, so that a verdict is never behind the camera.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use jiff::Timestamp;

use super::filter::judging_of;
use crate::judged::Judged;
use crate::lock::lock;

/// How long the stream may take to let another filter in.
const EXCHANGE: Duration = Duration::from_secs(10);

/// The time that frames arrive at is counted from here.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Under which a frame carries it.
static ARRIVAL: LazyLock<gst::Caps> =
    LazyLock::new(|| gst::Caps::new_empty_simple("timestamp/x-igd-arrival"));

/// A camera's frames while its source lasts.
pub struct Pipeline {
    pipeline: gst::Pipeline,
    queue: gst::Element,
    filter: Mutex<gst::Element>,
    sink: gst::Element,
}

impl Pipeline {
    /// `arrived` is called for each frame that comes, `judged` for each that was judged, both from the stream's
    /// threads.
    pub fn new(
        source: &gst::Element,
        filter: gst::Element,
        arrived: impl Fn() + Send + Sync + 'static,
        judged: impl Fn(Arc<Judged>) + Send + Sync + 'static,
    ) -> Result<Self, glib::BoolError> {
        let queue = gst::ElementFactory::make("queue")
            .property_from_str("leaky", "downstream")
            .property("max-size-buffers", 1_u32)
            .property("max-size-bytes", 0_u32)
            .property("max-size-time", 0_u64)
            .property("silent", true)
            .build()?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(frame) = frame(sample) {
                judged(Arc::new(frame));
            }
            Ok(gst::FlowSuccess::Ok)
        });
        let sink = AppSink::builder().sync(false).max_buffers(1);
        let sink = sink.callbacks(callbacks.build()).build().upcast();
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([source, &queue, &filter, &sink])?;
        gst::Element::link_many([source, &queue, &filter, &sink])?;
        let pad = queue.static_pad("sink");
        let pad = pad.ok_or_else(|| glib::bool_error!("a queue has a sink"))?;
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer_mut() {
                let now = gst::ClockTime::try_from(START.elapsed()).unwrap_or_default();
                gst::ReferenceTimestampMeta::add(
                    buffer.make_mut(),
                    &ARRIVAL,
                    now,
                    gst::ClockTime::NONE,
                );
                arrived();
            }
            gst::PadProbeReturn::Ok
        });
        Ok(Self {
            pipeline,
            queue,
            filter: Mutex::new(filter),
            sink,
        })
    }

    /// Begins. What fails is told by [`next_message`](Self::next_message).
    pub fn play(&self) {
        let _ = self.pipeline.set_state(gst::State::Playing);
    }

    /// The next error, warning or end of the stream, if one comes in that time.
    pub fn next_message(&self, patience: Duration) -> Option<gst::Message> {
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        let patience = gst::ClockTime::try_from(patience).ok();
        self.pipeline.bus()?.timed_pop_filtered(patience, &kinds)
    }

    /// The filter that judges at present.
    pub fn filter(&self) -> gst::Element {
        lock(&self.filter).clone()
    }

    /// Puts another filter, which has opened its model, in the place of the present one, between two frames.
    pub fn exchange(&self, next: gst::Element) -> Result<(), String> {
        let refused = |error: glib::BoolError| error.to_string();
        // The same version of the same recipe judges already.
        if next.name() == self.filter().name() {
            let _ = next.set_state(gst::State::Null);
            return Ok(());
        }
        let added = self.pipeline.add(&next);
        let added = added.and_then(|()| next.sync_state_with_parent());
        let before = self.filter();
        let exchanged = added
            .map_err(refused)
            .and_then(|()| self.link(&before, &next));
        let gone = match exchanged {
            Ok(()) => {
                *lock(&self.filter) = next;
                before
            }
            Err(_) => next,
        };
        // A pipeline that is still on its way to PLAYING would take it along again.
        gone.set_locked_state(true);
        let _ = gone.set_state(gst::State::Null);
        let _ = self.pipeline.remove(&gone);
        exchanged
    }

    /// Between two frames, in the stream's thread or, where nothing is on its way, in this one.
    fn link(&self, before: &gst::Element, next: &gst::Element) -> Result<(), String> {
        let pad = self.queue.static_pad("src").ok_or("a queue has a source")?;
        let (told, done) = mpsc::channel();
        // Whoever is first has it: the stream, or our patience that ends.
        let taken = Arc::new(AtomicBool::new(false));
        let elements = [&self.queue, before, next, &self.sink].map(Clone::clone);
        let probe = pad.add_probe(gst::PadProbeType::IDLE, {
            let taken = taken.clone();
            move |_, _| {
                if !taken.swap(true, Ordering::SeqCst) {
                    let [queue, before, next, sink] = &elements;
                    queue.unlink(before);
                    before.unlink(sink);
                    let linked = gst::Element::link_many([queue, next, sink]);
                    if linked.is_err() {
                        // As it was a moment ago.
                        queue.unlink(next);
                        let _ = gst::Element::link_many([queue, before, sink]);
                    }
                    let _ = told.send(linked);
                }
                gst::PadProbeReturn::Remove
            }
        });
        let linked = match done.recv_timeout(EXCHANGE) {
            Ok(linked) => linked,
            Err(_) if !taken.swap(true, Ordering::SeqCst) => {
                if let Some(probe) = probe {
                    pad.remove_probe(probe);
                }
                return Err("no other model is let in: the present one judges for too long".into());
            }
            // It has begun in the last moment.
            Err(_) => done.recv().map_err(|error| error.to_string())?,
        };
        linked.map_err(|error| error.to_string())
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn frame(sample: gst::Sample) -> Option<Judged> {
    let buffer = sample.buffer()?;
    let arrived = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    let arrived = arrived.filter(|meta| meta.reference() == ARRIVAL.as_ref());
    let arrived = *START + Duration::from(arrived.last()?.timestamp());
    let age = jiff::SignedDuration::try_from(arrived.elapsed()).unwrap_or_default();
    let time = Timestamp::now() - age;
    let Some(meta) = gstigd::meta::AnomalyMeta::from_buffer(buffer).ok()? else {
        return Judged::unjudged(sample, (arrived, time));
    };
    // A frame that was repeated on the way has the result of the one before: it says nothing of what is there now.
    if meta.age > 0 {
        return None;
    }
    let (recipe, version) = judging_of(&meta.element)?;
    let judging = (recipe.to_owned(), version);
    Judged::new(sample, meta, judging, (arrived, time))
}
