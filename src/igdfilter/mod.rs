//! `igdfilter`: finds what does not belong in decoded video, draws it on the frame and hangs the result on the buffer.
//!
//! ```sh
//! gst-launch-1.0 videotestsrc num-buffers=100 ! igdfilter model=solar-cells.safetensors ! videoconvert ! autovideosink
//! gst-launch-1.0 -m uridecodebin uri=file:///cells.mp4 ! videoconvert ! igdfilter model=solar-cells.safetensors
//! overlay=none ! fakesink gst-launch-1.0 -m v4l2src ! videoconvert ! igdfilter learn-frames=300
//! learn-location=part.safetensors ! videoconvert ! autovideosink
//! ```
//!
//! The last one starts without a model: the first 300 frames are taken for normal, under a bar that shows the progress,
//! then an `igd-learned` message comes and inspection begins. The action signal `learn` does the same anew at any time;
//! the model before goes on where nothing can be learned.
//!
//! # It was wrong
//!
//! The action signal `mark` stores the picture that was judged last, as the model saw it, for `igd feedback`: with
//! `true` as a good one, with `false` as a defect. It lies in `part.marks/good` or `part.marks/bad` beside
//! `part.safetensors`, and an `igd-marked` message tells its file. The frames do not wait for the disk. Of several
//! regions of interest it is the worst.
//!
//! # Live
//!
//! With `inference-mode=latest` the video never waits: the newest frame is inferred beside it, and frames carry the
//! last result with its age. A result is as old as its inference took when it comes, and stays until the next one. With
//! `sync` each frame waits for its own result; the element tells the pipeline of the longest wait of late (LATENCY: of
//! the last 10 to 20 seconds), and infers nothing for frames that downstream calls too late (QoS, unless `qos=false`):
//! they pass with the last result. A state change or a flush never waits for an inference, nor does a model that takes
//! over from another one.
//!
//! # Several streams
//!
//! ```sh
//! gst-launch-1.0 v4l2src device=/dev/video0 ! videoconvert ! igdfilter model=part.safetensors model-instance-id=parts
//!     ! videoconvert ! autovideosink \ v4l2src device=/dev/video1 ! videoconvert ! igdfilter model-instance-id=parts ! videoconvert ! autovideosink
//! ```
//!
//! Elements with the same `model-instance-id` share one model and one queue; frames are served in the order in which
//! they come. A model that one of them is given while playing, or learns, is the new one of all. `batch-size` infers
//! pictures of several streams beside each other: with a dense model 20 % more of them on two cores, for a little more
//! memory.
//!
//! # What is inspected
//!
//! `region` cuts a part out of the frames, which then is the model's picture. `mask-location` names a picture of the
//! frame that is black where nothing counts; give it to `igd calibrate --mask` too. With `inference-region=roi-list`
//! each region of interest that an element before has attached is a picture of its own, and what is found there is tied
//! to it: as `objects` of the metadata, by the parent id of its GstVideoRegionOfInterestMeta, and in GstAnalytics as a
//! part of it.
//!
//! Regions are those of anomalous frames (and objects): what is drawn, attached and told by messages never says
//! anything else. `candidates` shows where other frames come near, for tuning: as `candidates` of the metadata, and by
//! their corners where regions are drawn.
//!
//! Filters in series inspect several parts or judge by several models. Their results are together in one metadata, each
//! with the element's name; the frame is as bad as the worst of them says.
//!
//! # The overlay
//!
//! Where an element after this one draws compositions (GL and other hardware sinks), the overlay is attached as
//! GstVideoOverlayComposition and the frames stay as they are; elsewhere it is blended into them.
//!
//! [`meta`](crate::meta) describes the metadata and the `igd-anomaly`, `igd-drift`, `igd-learned` and `igd-marked`
//! messages. Neither the pixels (with `overlay=none`), nor timestamps, flags and other metadata are changed.
//!
//! Since: 0.1.0

use gst::glib;
use gst::prelude::*;

mod canvas;
mod caps;
mod drift;
mod engine;
mod imp;
mod lesson;
mod marks;
mod pace;
mod properties;
mod refusal;
mod region;
mod settings;
mod state;
mod stats;
mod types;
mod views;

pub use region::{OddRegion, parse_region};
pub use types::{InferenceMode, InferenceRegion, Messages, Overlay, OverlayMethod, Precision};

/// Frames and parts of them below this, in either direction, say nothing about a picture of the network's size.
const SMALLEST_SIDE: u32 = 16;

glib::wrapper! {
    pub struct IgdFilter(ObjectSubclass<imp::IgdFilter>) @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::video::Colormap::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    Precision::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    Messages::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    InferenceMode::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    InferenceRegion::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    OverlayMethod::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    Overlay::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    crate::meta::register();
    gst::Element::register(
        Some(plugin),
        "igdfilter",
        gst::Rank::NONE,
        IgdFilter::static_type(),
    )
}
