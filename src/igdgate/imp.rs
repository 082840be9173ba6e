use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::gate::{Action, AnomalyEvent, Frame};
use super::media::Media;
use super::output::Output;
use super::settings::{LONGEST, Settings};
use super::splitter;
use super::state::{GateAction, Results, State};
use crate::meta::GateMessage;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "igdgate",
        gst::DebugColorFlags::empty(),
        Some("Recording around anomalies"),
    )
});

/// The pad for the frames that carry the results.
const RESULT: &str = "result";

pub struct IgdGate {
    sink: gst::Pad,
    src: gst::Pad,
    settings: Mutex<Settings>,
    state: Mutex<State>,
    /// Results have come, or nobody is to wait for them any more.
    progress: Condvar,
    /// Used by the streaming thread, which alone sends downstream.
    output: Mutex<Output>,
}

/// A panic elsewhere has been reported as an element error; there is no need for a second one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IgdGate {
    fn sink_chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = *lock(&self.settings);
        let added = lock(&self.state).add_buffer(buffer, &settings);
        added.map_err(|error| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
            gst::FlowError::Error
        })?;
        self.wait_for_results(&settings, |state| state.is_ahead(settings.max_wait()));
        let mut state = lock(&self.state);
        if state.flushing {
            return Err(gst::FlowError::Flushing);
        }
        let actions = state.settle(&settings);
        drop(state);
        self.perform(actions, &settings)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        gst::log!(CAT, obj = self.sink, "{event:?}");
        match event.view() {
            gst::EventView::FlushStart(_) => {
                lock(&self.state).flushing = true;
                self.progress.notify_all();
                gst::Pad::event_default(&self.sink, Some(&*self.obj()), event)
            }
            gst::EventView::FlushStop(_) => {
                let flushed = gst::Pad::event_default(&self.sink, Some(&*self.obj()), event);
                self.flush();
                flushed
            }
            gst::EventView::Eos(_) => {
                self.finish();
                self.src.push_event(event)
            }
            _ if event.is_serialized() => self.hold_event(event),
            _ => gst::Pad::event_default(&self.sink, Some(&*self.obj()), event),
        }
    }

    /// Behind the buffers that are held.
    fn hold_event(&self, event: gst::Event) -> bool {
        if matches!(event.view(), gst::EventView::StreamStart(_)) && lock(&self.state).has_frames()
        {
            self.finish();
        }
        let settings = *lock(&self.settings);
        let mut state = lock(&self.state);
        match event.view() {
            gst::EventView::Gap(gap) => {
                let (position, duration) = gap.get();
                state.add_gap(position, duration);
            }
            view => {
                if let gst::EventView::Segment(segment) = view {
                    state.set_segment(segment.segment());
                }
                state.add_event(event);
            }
        }
        let actions = state.settle(&settings);
        drop(state);
        // A stream that cannot go on is told with the next buffer.
        let _ = self.perform(actions, &settings);
        true
    }

    /// The stream ends; what is known later is too late.
    fn finish(&self) {
        let settings = *lock(&self.settings);
        self.wait_for_results(&settings, State::is_unsettled);
        let mut state = lock(&self.state);
        let nothing_known = state.has_frames() && state.stats.results == 0;
        let actions = state.finish(&settings);
        drop(state);
        let _ = self.perform(actions, &settings);
        if nothing_known {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("the stream ended without a single result: put igdfilter before igdgate, or link it to the pad \
                 {RESULT}")
            );
        }
    }

    fn flush(&self) {
        let (event, held) = lock(&self.state).flush();
        if let Some(event) = event {
            self.close(&event);
        }
        let mut output = lock(&self.output);
        for event in held {
            // Upstream will not send them again; segments it will.
            if event.is_sticky() && event.type_() != gst::EventType::Segment {
                let event = output.hand(event, false);
                let _ = self.src.store_sticky_event(&event);
            }
        }
        output.flush();
    }

    /// Holds the stream while it lacks results, as long as some come.
    fn wait_for_results(&self, settings: &Settings, lacks: impl Fn(&State) -> bool) {
        let count = |state: &State| state.results.as_ref().map_or(0, |results| results.count);
        let mut state = lock(&self.state);
        let mut is_news = false;
        while lacks(&state) {
            let seen = count(&state);
            let (waited, timeout) = self
                .progress
                .wait_timeout_while(state, settings.max_wait.into(), |state| {
                    lacks(state) && count(state) == seen
                })
                .unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if timeout.timed_out() {
                is_news = state.results.as_mut().is_some_and(Results::give_up);
            }
        }
        drop(state);
        if is_news {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                (
                    "no results on the pad {RESULT} for {}: the stream goes on without them; is igdfilter linked to \
                    it and fast enough? Otherwise raise max-wait",
                    settings.max_wait
                )
            );
        }
    }

    fn perform(
        &self,
        actions: Vec<GateAction>,
        settings: &Settings,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut opening = None;
        for action in actions {
            match action {
                Action::Hand(event) => self.hand(event, settings),
                Action::Open(event) => opening = Some(event),
                Action::Pass(frame) => self.pass(frame, opening.take(), settings)?,
                Action::LeaveOut(frame) => self.leave_out(&frame, settings),
                Action::LetGroupGo => gst::element_imp_warning!(
                    self,
                    gst::StreamError::Format,
                    ("a group of pictures without end is not kept: make the source send key frames more often")
                ),
                Action::Close(event) => self.close(&event),
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn hand(&self, event: gst::Event, settings: &Settings) {
        if let gst::EventView::Gap(gap) = event.view() {
            let (position, duration) = gap.get();
            self.push_gap(position, duration);
        } else {
            let event = lock(&self.output).hand(event, settings.continuous);
            self.src.push_event(event);
        }
    }

    /// The frame may be the first of an event.
    fn pass(
        &self,
        frame: Frame<Media>,
        begins: Option<AnomalyEvent>,
        settings: &Settings,
    ) -> Result<(), gst::FlowError> {
        let mut output = lock(&self.output);
        let begins = begins.map(|event| (event, output.begin(&frame, settings.continuous)));
        let media = output.pass(frame, settings.continuous);
        drop(output);
        if let Some((event, running_time)) = begins {
            self.open(&event, running_time, settings);
        }
        match media {
            Media::Buffer(buffer) => self.src.push(buffer).map(drop),
            Media::Gap { position, duration } => {
                self.push_gap(position, duration);
                Ok(())
            }
        }
    }

    fn leave_out(&self, frame: &Frame<Media>, settings: &Settings) {
        let gap_is_due = lock(&self.output).leave_out(frame, settings.continuous);
        if let Some(position) = frame.media.position().filter(|_| gap_is_due) {
            self.push_gap(position, frame.media.duration());
        }
    }

    fn push_gap(&self, position: gst::ClockTime, duration: Option<gst::ClockTime>) {
        // After a GAP event and no buffer, splitmuxsink waits at its end for ever.
        let nothing_passed = lock(&self.state).stats.passed == 0;
        if nothing_passed && splitter::find(&self.src).is_some() {
            return;
        }
        let gap = gst::event::Gap::builder(position).duration(duration);
        self.src.push_event(gap.build());
    }

    /// What is passed from `running_time` on is a new event.
    fn open(&self, event: &AnomalyEvent, running_time: gst::ClockTime, settings: &Settings) {
        let number = {
            let mut state = lock(&self.state);
            state.stats.events += 1;
            state.stats.events
        };
        gst::info!(
            CAT,
            imp = self,
            "Event {number} begins at {running_time}: {event:?}"
        );
        self.tell(true, event);
        // The first one begins a group and a file by itself, and x264enc 1.22 heeds no request after one for its first
        // frame.
        if number > 1 {
            let key_unit = gst_video::DownstreamForceKeyUnitEvent::builder()
                .running_time(running_time)
                .all_headers(true)
                .count(number as u32);
            self.src.push_event(key_unit.build());
            if settings.split
                && let Some(sink) = splitter::find(&self.src)
            {
                splitter::split_at(&sink, running_time);
            }
        }
    }

    fn close(&self, event: &AnomalyEvent) {
        gst::info!(CAT, imp = self, "Closed: {event:?}");
        self.tell(false, event);
    }

    fn tell(&self, open: bool, event: &AnomalyEvent) {
        let number = lock(&self.state).stats.events;
        let (start, end) = {
            let output = lock(&self.output);
            (output.start, output.end.filter(|_| !open))
        };
        let message = GateMessage {
            open,
            event: number,
            timestamp: event.first.timestamp,
            stream_time: event.first.stream_time,
            running_time: u64::try_from(event.first.time)
                .ok()
                .map(gst::ClockTime::from_nseconds),
            start,
            end,
            score: event.score,
            normalized: event.normalized,
            anomalous_frames: event.frames,
        };
        let obj = self.obj();
        let structure = gst::Structure::from(&message);
        // Without a bus there is nobody to tell.
        let _ = obj.post_message(gst::message::Element::builder(structure).src(&*obj).build());
        obj.notify("open");
    }

    fn sink_query(&self, query: &mut gst::QueryRef) -> bool {
        if !matches!(query.view(), gst::QueryView::Allocation(_)) {
            return gst::Pad::query_default(&self.sink, Some(&*self.obj()), query);
        }
        let answered = self.src.peer_query(query);
        if let gst::QueryViewMut::Allocation(query) = query.view_mut() {
            // Buffers are held for long: upstream takes its own, of which there are enough.
            while query.allocation_pools().next().is_some() {
                query.remove_nth_allocation_pool(0);
            }
        }
        answered
    }

    fn src_query(&self, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(query) => self.answer_latency(query),
            _ => gst::Pad::query_default(&self.src, Some(&*self.obj()), query),
        }
    }

    /// The first frames of an event are as late as the frame that begins it, and that is as late as its result.
    fn answer_latency(&self, query: &mut gst::query::Latency) -> bool {
        if !self.sink.peer_query(query) {
            return false;
        }
        let (is_live, stream, max) = query.result();
        let pad = self.obj().static_pad(RESULT);
        let mut results = gst::query::Latency::new();
        let is_known = pad.is_some_and(|pad| pad.peer_query(&mut results));
        let results = if is_known { results.result().1 } else { stream };
        let held = lock(&self.settings).pre_roll;
        gst::debug!(
            CAT,
            imp = self,
            "Latency of {held} beside {stream} of the stream and {results} of the results"
        );
        query.set(
            is_live,
            stream.max(results) + held,
            max.map(|max| max + held),
        );
        true
    }

    fn result_chain(&self, buffer: &gst::BufferRef) {
        let settings = *lock(&self.settings);
        lock(&self.state).add_result(buffer, &settings);
        self.progress.notify_all();
    }

    /// Nothing goes on from here.
    fn result_event(&self, event: &gst::Event) -> bool {
        let mut state = lock(&self.state);
        if let Some(results) = &mut state.results {
            match event.view() {
                gst::EventView::StreamStart(_) => results.ended = false,
                gst::EventView::Segment(segment) => results.set_segment(segment.segment()),
                gst::EventView::Gap(gap) => results.advance_to(gap.get().0),
                gst::EventView::Eos(_) => results.ended = true,
                gst::EventView::FlushStop(_) => results.flush(),
                _ => (),
            }
        }
        drop(state);
        self.progress.notify_all();
        true
    }

    fn result_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(query) = query.view_mut() {
            // Any layout: the pixels are not looked at.
            query.add_allocation_meta::<gst_video::VideoMeta>(None);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// The pad that events and queries go on to.
    fn across(&self, pad: &gst::Pad) -> Option<gst::Pad> {
        match pad {
            pad if *pad == self.sink => Some(self.src.clone()),
            pad if *pad == self.src => Some(self.sink.clone()),
            _ => None,
        }
    }

    /// What the pads have in common.
    fn pad(template: &gst::PadTemplate) -> gst::PadBuilder<gst::Pad> {
        gst::Pad::builder_from_template(template).iterate_internal_links_function(|pad, parent| {
            let across = parent
                .and_then(|parent| parent.downcast_ref::<super::IgdGate>())
                .and_then(|gate| gate.imp().across(pad));
            gst::Iterator::from_vec(across.into_iter().collect())
        })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for IgdGate {
    const NAME: &'static str = "GstIgdGate";
    type Type = super::IgdGate;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| {
            class
                .pad_template(name)
                .expect("the class has a template for each of its pads")
        };
        let sink = Self::pad(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |gate| gate.sink_chain(buffer),
                )
            })
            .event_function(|_, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |gate| gate.sink_event(event))
            })
            .query_function(|_, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |gate| gate.sink_query(query))
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let src = Self::pad(&template("src"))
            .query_function(|_, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |gate| gate.src_query(query))
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        Self {
            sink,
            src,
            settings: Mutex::default(),
            state: Mutex::default(),
            progress: Condvar::new(),
            output: Mutex::default(),
        }
    }
}

impl ObjectImpl for IgdGate {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let defaults = Settings::default();
            let time = |name, nick, blurb, default: gst::ClockTime| {
                glib::ParamSpecUInt64::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .maximum(LONGEST.nseconds())
                    .default_value(default.nseconds())
                    .mutable_playing()
                    .build()
            };
            vec![
                time(
                    "pre-roll",
                    "Pre-roll",
                    "How much is passed of what was before an anomalous frame, in nanoseconds; encoded streams begin \
                    at the last key frame before that",
                    defaults.pre_roll,
                ),
                time(
                    "post-roll",
                    "Post-roll",
                    "How much is passed of what comes after an anomalous frame, in nanoseconds",
                    defaults.post_roll,
                ),
                glib::ParamSpecDouble::builder("min-score")
                    .nick("Minimum score")
                    .blurb("Normalized score, 0 to 1, from which on a frame counts as anomalous; -1: the frames that \
                           igdfilter has flagged")
                    .minimum(-1.0)
                    .maximum(1.0)
                    .default_value(defaults.min_score)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("hysteresis")
                    .nick("Hysteresis")
                    .blurb("How far the normalized score has to fall below min-score (or 0.5) before a frame counts \
                           as normal again")
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(defaults.hysteresis)
                    .mutable_playing()
                    .build(),
                time(
                    "max-wait",
                    "Maximum wait",
                    "How far the stream may be ahead of the results on the pad result, and how long it then waits for \
                    the next one before it goes on without, in nanoseconds",
                    defaults.max_wait,
                ),
                glib::ParamSpecBoolean::builder("continuous")
                    .nick("Continuous")
                    .blurb("Cut the times that are left out from the timestamps, so that events follow each other \
                           without a gap")
                    .default_value(defaults.continuous)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("split")
                    .nick("Split")
                    .blurb("Tell a splitmuxsink downstream to begin a file with each event")
                    .default_value(defaults.split)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("open")
                    .nick("Open")
                    .blurb("Whether an event is being passed")
                    .read_only()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since the start: buffers that came, and of them passed, left-out and still held ones; \
                           results seen; events")
                    .read_only()
                    .build(),
            ]
        });

        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        let time = || gst::ClockTime::from_nseconds(value.get().expect("type checked upstream"));
        match pspec.name() {
            "pre-roll" => settings.pre_roll = time(),
            "post-roll" => settings.post_roll = time(),
            "min-score" => settings.min_score = value.get().expect("type checked upstream"),
            "hysteresis" => settings.hysteresis = value.get().expect("type checked upstream"),
            "max-wait" => settings.max_wait = time(),
            "continuous" => settings.continuous = value.get().expect("type checked upstream"),
            "split" => settings.split = value.get().expect("type checked upstream"),
            _ => unimplemented!(),
        }
        drop(settings);
        // It is part of the latency.
        if pspec.name() == "pre-roll" {
            let obj = self.obj();
            // Without a bus there is nobody to tell.
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "open" => return lock(&self.state).is_open().to_value(),
            "stats" => return lock(&self.state).stats.to_structure().to_value(),
            _ => (),
        }
        let settings = lock(&self.settings);
        match pspec.name() {
            "pre-roll" => settings.pre_roll.nseconds().to_value(),
            "post-roll" => settings.post_roll.nseconds().to_value(),
            "min-score" => settings.min_score.to_value(),
            "hysteresis" => settings.hysteresis.to_value(),
            "max-wait" => settings.max_wait.nseconds().to_value(),
            "continuous" => settings.continuous.to_value(),
            "split" => settings.split.to_value(),
            _ => unimplemented!(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        for pad in [&self.sink, &self.src] {
            obj.add_pad(pad).expect("the element has no pads yet");
        }
    }
}

impl GstObjectImpl for IgdGate {}

impl ElementImpl for IgdGate {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static ELEMENT_METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "IGD anomaly gate",
                "Filter/Video",
                "Lets a stream through only around anomalies that igdfilter has found, for recordings of events",
                "The gst-igd authors",
            )
        });

        Some(&*ELEMENT_METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PAD_TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let template = |name, direction, presence| {
                gst::PadTemplate::new(name, direction, presence, &gst::Caps::new_any())
                    .expect("any caps make a pad template")
            };
            vec![
                template("src", gst::PadDirection::Src, gst::PadPresence::Always),
                template("sink", gst::PadDirection::Sink, gst::PadPresence::Always),
                template(RESULT, gst::PadDirection::Sink, gst::PadPresence::Request),
            ]
        });

        PAD_TEMPLATES.as_ref()
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if self.obj().static_pad(RESULT).is_some() {
            gst::warning!(CAT, imp = self, "There is a pad {RESULT} already");
            return None;
        }
        let pad = Self::pad(template)
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |gate| {
                        gate.result_chain(&buffer);
                        Ok(gst::FlowSuccess::Ok)
                    },
                )
            })
            .event_function(|_, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |gate| gate.result_event(&event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |gate| gate.result_query(pad, query),
                )
            })
            .build();
        lock(&self.state).results = Some(Results::default());
        self.obj().add_pad(&pad).ok()?;
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        lock(&self.state).results = None;
        self.progress.notify_all();
        // It is one of this element's.
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => {
                lock(&self.state).start();
                *lock(&self.output) = Output::default();
            }
            gst::StateChange::PausedToReady => {
                lock(&self.state).flushing = true;
                self.progress.notify_all();
            }
            _ => (),
        }
        let changed = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            lock(&self.state).flush();
        }
        Ok(changed)
    }
}
