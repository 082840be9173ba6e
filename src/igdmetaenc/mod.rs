//! `igdmetaenc`: frames with the results of [`igdfilter`](crate::igdfilter) in, a line of JSON for each out.
//!
//! ```sh
//! gst-launch-1.0 -q v4l2src ! videoconvert ! igdfilter model=part.safetensors ! igdmetaenc ! fdsink
//! gst-launch-1.0 -q uridecodebin uri=file:///parts.mp4 ! videoconvert ! igdfilter model=part.safetensors ! tee
//!     name=results \ results. ! queue ! videoconvert ! x264enc ! mp4mux ! filesink location=parts.mp4 \
//!     results. ! igdmetaenc only-anomalous=true ! queue max-size-time=0 ! filesink location=parts.jsonl
//! gst-launch-1.0 -q v4l2src ! videoconvert ! igdfilter model=part.safetensors ! tee name=results \
//!     results. ! queue ! videoconvert ! autovideosink \
//!     results. ! queue ! igdmetaenc path=camera-1 ! tcpserversink host=0.0.0.0 port=5000
//! ```
//!
//! A line is what `igd predict` says of a video's frame: [`FrameLine`](crate::meta::FrameLine), described by
//! `docs/frame.schema.json`. It has the frame's PTS, DTS and duration. Frames are numbered from 0 as they arrive, from
//! the start of the element on. Where several filters have left results, the line is that of the worst, and has each
//! of them as `results`, with the name of its element.
//!
//! Frames without a result, and with `only-anomalous` the normal ones, become gap events, so that nothing downstream
//! waits for them. A warning is posted when no frame has a result, and with `include-map` when a result has no map,
//! which `igdfilter` leaves with `attach-map=true` only; the lines go on without it.
//!
//! The video may have any format and be in any memory, and also be encoded where the encoder keeps the metadata, since
//! no pixel is looked at. An encoder in another branch of a `tee` takes seconds of frames before the first comes out:
//! the queue beside it has to hold as many, which is cheap after `igdmetaenc` and dear before it.
//!
//! Since: 0.1.0

use gst::glib;
use gst::prelude::*;

mod imp;

glib::wrapper! {
    pub struct IgdMetaEnc(ObjectSubclass<imp::IgdMetaEnc>) @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::meta::register();
    gst::Element::register(
        Some(plugin),
        "igdmetaenc",
        gst::Rank::NONE,
        IgdMetaEnc::static_type(),
    )
}
