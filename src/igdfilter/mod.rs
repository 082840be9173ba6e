//! `igdfilter`: finds what does not belong in decoded video, draws it on the frame and hangs the result on the buffer.
//!
//! ```sh
//! gst-launch-1.0 videotestsrc num-buffers=100 ! igdfilter model=solar-cells.safetensors ! videoconvert ! autovideosink
//! gst-launch-1.0 -m uridecodebin uri=file:///cells.mp4 ! videoconvert ! igdfilter model=solar-cells.safetensors overlay=none ! fakesink
//! gst-launch-1.0 -m v4l2src ! videoconvert ! igdfilter learn-frames=300 learn-location=part.safetensors ! videoconvert ! autovideosink
//! ```
//!
//! The last one starts without a model: the first 300 frames are taken for normal, under a bar that shows the progress, then
//! an `igd-learned` message comes and inspection begins. The action signal `learn` does the same anew at any time; the model before
//! goes on where nothing can be learned.
//!
//! [`meta`](crate::meta) describes the metadata and the `igd-anomaly` and `igd-learned` messages. Neither the pixels (with `overlay=none`), nor
//! timestamps, flags and other metadata are changed.
//!
//! Since: 0.1.0

use gst::glib;
use gst::prelude::*;

mod canvas;
mod caps;
mod engine;
mod imp;
mod instance;
mod lesson;
mod mailbox;
mod pace;
mod pool;
mod properties;
mod refusal;
mod region;
mod settings;
mod state;
mod stats;
mod types;
mod views;

#[doc(hidden)]
pub use engine::stall_inferences;
pub use types::{InferenceMode, InferenceRegion, Messages, Overlay, OverlayMethod};

/// Frames and parts of them below this, in either direction, say nothing about a picture of the network's size.
const SMALLEST_SIDE: u32 = 16;

glib::wrapper! {
    pub struct IgdFilter(ObjectSubclass<imp::IgdFilter>) @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::video::Colormap::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    crate::model::Precision::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
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
