use std::error::Error;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::meta::{AnomalyMeta, FrameLine, FrameTimes};

/// Frames without a result until a warning; more than igdfilter usually learns from, which have none.
const FRAMES_WITHOUT_RESULT: u64 = 1000;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "igdmetaenc",
        gst::DebugColorFlags::empty(),
        Some("IGD results as lines of JSON"),
    )
});

#[derive(Clone, Debug)]
struct Settings {
    path: Option<String>,
    only_anomalous: bool,
    include_map: bool,
    include_inference_time: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: None,
            only_anomalous: false,
            include_map: false,
            include_inference_time: true,
        }
    }
}

/// Of one run.
#[derive(Debug, Default)]
struct State {
    segment: gst::Segment,
    frames: u64,
    has_results: bool,
    /// What has been warned of, once is enough.
    warned: Vec<Warning>,
}

impl State {
    /// Counts a frame: its number, from 0, and the segment it is in.
    fn count(&mut self, has_result: bool) -> (u64, gst::Segment) {
        let number = self.frames;
        self.frames += 1;
        self.has_results |= has_result;
        (number, self.segment.clone())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Warning {
    NoResults,
    NoMap,
    BadResult,
}

#[derive(Debug)]
pub struct IgdMetaEnc {
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

/// Nothing panics while it holds one of them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IgdMetaEnc {
    fn chain(&self, frame: &gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let line = self.encode(frame).unwrap_or_else(|error| {
            self.warn_once(
                Warning::BadResult,
                &format!("a result is left out: {error}"),
            );
            None
        });
        gst::log!(
            CAT,
            imp = self,
            "Frame at {:?}: {:?} bytes",
            frame.pts(),
            line.as_ref().map(Vec::len)
        );
        if let Some(line) = line {
            let mut line = gst::Buffer::from_mut_slice(line);
            let times = line.make_mut();
            times.set_pts(frame.pts());
            times.set_dts(frame.dts());
            times.set_duration(frame.duration());
            return self.srcpad.push(line);
        }
        if let Some(time) = frame.pts() {
            let gap = gst::event::Gap::builder(time).duration(frame.duration());
            self.srcpad.push_event(gap.build());
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// The frame's line, if it is to have one.
    fn encode(&self, frame: &gst::BufferRef) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let settings = lock(&self.settings).clone();
        let result = AnomalyMeta::from_buffer(frame);
        let (number, segment) = lock(&self.state).count(!matches!(result, Ok(None)));
        let Some(meta) = result? else {
            if number + 1 == FRAMES_WITHOUT_RESULT {
                self.warn_without_results();
            }
            return Ok(None);
        };
        if settings.only_anomalous && !meta.anomalous {
            return Ok(None);
        }
        let path = settings.path.as_deref();
        let times = FrameTimes::new(frame, &segment);
        let mut line = FrameLine::new(path, number, times, &meta);
        if !settings.include_map {
            line.remove_maps();
        } else if !line.has_map() {
            let text = "the results have no map to include: set attach-map=true on igdfilter";
            self.warn_once(Warning::NoMap, text);
        }
        if !settings.include_inference_time {
            line.remove_inference_times();
        }
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        Ok(Some(text))
    }

    fn warn_without_results(&self) {
        let frames = {
            let state = lock(&self.state);
            if state.has_results || state.frames == 0 {
                return;
            }
            state.frames
        };
        let text = format!("no results on {frames} frames: put igdfilter before igdmetaenc");
        self.warn_once(Warning::NoResults, &text);
    }

    /// For what the stream survives.
    fn warn_once(&self, warning: Warning, text: &str) {
        {
            let warned = &mut lock(&self.state).warned;
            if warned.contains(&warning) {
                return;
            }
            warned.push(warning);
        }
        gst::element_imp_warning!(self, gst::StreamError::Encode, ("{text}"));
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(_) => {
                // Whatever the video is, its lines are of one kind.
                if self.srcpad.has_current_caps() {
                    return true;
                }
                return self.srcpad.push_event(gst::event::Caps::new(&line_caps()));
            }
            gst::EventView::Segment(segment) => {
                lock(&self.state).segment = segment.segment().clone();
            }
            gst::EventView::Eos(_) => self.warn_without_results(),
            _ => (),
        }
        gst::Pad::event_default(&self.sinkpad, Some(&*self.obj()), event)
    }

    fn sink_query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
            // No pixel is looked at, so that they may lie in memory as they like. What comes after takes text, not
            // video.
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return true;
        }
        gst::Pad::query_default(&self.sinkpad, Some(&*self.obj()), query)
    }
}

fn line_caps() -> gst::Caps {
    gst::Caps::builder("application/x-json")
        .field("format", "ndjson")
        .build()
}

#[glib::object_subclass]
impl ObjectSubclass for IgdMetaEnc {
    const NAME: &'static str = "GstIgdMetaEnc";
    type Type = super::IgdMetaEnc;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| {
            class
                .pad_template(name)
                .expect("the class has templates for both pads")
        };
        let sinkpad = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| this.chain(&buffer),
                )
            })
            .event_function(|_pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(event))
            })
            .query_function(|_pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_query(query))
            })
            .build();
        let srcpad = gst::Pad::builder_from_template(&template("src"))
            .flags(gst::PadFlags::FIXED_CAPS)
            .build();
        Self {
            sinkpad,
            srcpad,
            settings: Mutex::default(),
            state: Mutex::default(),
        }
    }
}

impl ObjectImpl for IgdMetaEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let defaults = Settings::default();
            vec![
                glib::ParamSpecString::builder("path")
                    .nick("Path")
                    .blurb("Names the source in each line, as `path`: a file, a URI, or a camera")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("only-anomalous")
                    .nick("Only anomalous")
                    .blurb("Lines for anomalous frames only")
                    .default_value(defaults.only_anomalous)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("include-map")
                    .nick("Include map")
                    .blurb("The map in each line, as `map`: a gray PNG of 8 bits in base64, anomalous from 128. Needs \
                           igdfilter attach-map=true")
                    .default_value(defaults.include_map)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("include-inference-time")
                    .nick("Include inference time")
                    .blurb("How long the inference took in each line, as `inference_ms`. Without it the same frames are \
                           the same lines")
                    .default_value(defaults.include_inference_time)
                    .mutable_playing()
                    .build(),
            ]
        });

        PROPERTIES.as_ref()
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        for pad in [&self.sinkpad, &self.srcpad] {
            element
                .add_pad(pad)
                .expect("a new element has no other pads");
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        match pspec.name() {
            "path" => settings.path = value.get().expect("type checked upstream"),
            "only-anomalous" => {
                settings.only_anomalous = value.get().expect("type checked upstream")
            }
            "include-map" => settings.include_map = value.get().expect("type checked upstream"),
            "include-inference-time" => {
                settings.include_inference_time = value.get().expect("type checked upstream")
            }
            _ => unimplemented!(),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match pspec.name() {
            "path" => settings.path.to_value(),
            "only-anomalous" => settings.only_anomalous.to_value(),
            "include-map" => settings.include_map.to_value(),
            "include-inference-time" => settings.include_inference_time.to_value(),
            _ => unimplemented!(),
        }
    }
}

impl GstObjectImpl for IgdMetaEnc {}

impl ElementImpl for IgdMetaEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static ELEMENT_METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "IGD metadata encoder",
                "Encoder/Metadata",
                "Writes what igdfilter has found in each frame as a line of JSON",
                "The gst-igd authors",
            )
        });

        Some(&*ELEMENT_METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PAD_TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let template = |name, direction, caps| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
                    .expect("any caps make a pad template")
            };
            vec![
                template("src", gst::PadDirection::Src, line_caps()),
                // Every video, decoded or encoded: only what hangs on it counts.
                template("sink", gst::PadDirection::Sink, gst::Caps::new_any()),
            ]
        });

        PAD_TEMPLATES.as_ref()
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            *lock(&self.state) = State::default();
        }
        self.parent_change_state(transition)
    }
}
