//! `igdgate`: lets a stream through only around anomalies, with what was before the first anomalous frame.
//!
//! Raw video, recorded with what [`igdfilter`](crate::igdfilter) draws; one file an event:
//!
//! ```sh
//! gst-launch-1.0 -e v4l2src ! videoconvert ! igdfilter model=part.safetensors ! igdgate continuous=true !
//! videoconvert ! x264enc ! h264parse ! splitmuxsink async-handling=true location=event-%05d.mp4
//! ```
//!
//! An encoded stream, recorded as it came; only the branch that is inspected is decoded:
//!
//! ```sh
//! gst-launch-1.0 -e rtspsrc location=rtsp://camera ! rtph264depay ! h264parse ! tee name=t \
//!     t. ! queue ! igdgate name=gate ! h264parse ! splitmuxsink async-handling=true location=event-%05d.mp4 \
//!     t. ! queue ! avdec_h264 ! videoconvert ! igdfilter model=part.safetensors overlay=none ! gate.result
//! ```
//!
//! # How results reach it
//!
//! Without the pad `result`, each buffer carries its own: the `IgdAnomalyMeta` that igdfilter hangs on frames, and that
//! encoders copy (x264enc and every other encoder on GstVideoEncoder). With the pad `result`, only the frames that
//! arrive there count. They are matched by running time, so that the two branches need nothing in common but the
//! source, and are not passed on. A stream whose results are late is held until they come, for at most `max-wait`.
//! Where several filters have inspected a frame, the worst result counts.
//!
//! # What is passed
//!
//! For each anomalous frame what is from `pre-roll` before to `post-roll` after it; what overlaps is one event. A
//! buffer without the flag DELTA_UNIT is a key frame; what is passed begins at one, the last that is not after the
//! start of the pre-roll, since the frames after it cannot be decoded without it. Every raw frame is a key frame. An
//! event ends, and the next one begins, only where something was left out in between. Hence an event is over once a
//! buffer is left out, `pre-roll` (and the rest of a group of pictures) after its last buffer.
//!
//! # One file an event
//!
//! At the beginning of each event but the first the gate sends a GstForceKeyUnit event downstream, at which encoders
//! begin a new group of pictures (and `multifilesink next-file=key-unit-event` a file), and tells a splitmuxsink after
//! it to begin a file there, by its signal `split-at-running-time`. splitmuxsink finishes a file when the next event
//! begins or the stream ends, not before; where there was no event at all, it leaves an empty one. Without
//! `async-handling=true` it keeps other sinks from prerolling until the first event, and where there are others and no
//! event its end never comes.
//!
//! An encoder with B-frames after the gate derives decode times from frames before the event, so that each file but the
//! first would begin with the time that was left out. With `continuous=true` there is none.
//!
//! # In a pipeline
//!
//! - Latency: `pre-roll`, since what was held is passed at once when an event begins, after what the results take where
//!   they come on a branch of their own. It counts where a sink after the gate waits for the clock, and then for all
//!   sinks of a live pipeline that do, such as the picture beside it; sinks that write what they get (`sync=false`, as
//!   in splitmuxsink and filesink) delay nobody. How far the last key frame before the pre-roll reaches back is not
//!   known before, and not part of it.
//! - GAP events: one at the first buffer, so that sinks preroll (not to a splitmuxsink, which would never end). While
//!   an encoded stream is left out, another one each second, so that muxers go on with their other streams; not for raw
//!   streams, whose encoder would keep them all until its next frame. None with `continuous` but the first.
//! - Buffers of raw video are held for as long as `pre-roll`: the gate offers upstream no pool of buffers that could
//!   run out.
//! - Streams of all kinds pass. An igdgate for the audio, with the same results, keeps what belongs to the video.
//!
//! [`GateMessage`](crate::meta::GateMessage) describes the `igd-gate` messages.
//!
//! Since: 0.1.0

use gst::glib;
use gst::prelude::*;

mod gate;
mod hysteresis;
mod imp;
mod media;
mod output;
mod settings;
mod splitter;
mod state;
mod stats;

glib::wrapper! {
    pub struct IgdGate(ObjectSubclass<imp::IgdGate>) @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::meta::register();
    gst::Element::register(
        Some(plugin),
        "igdgate",
        gst::Rank::NONE,
        IgdGate::static_type(),
    )
}
