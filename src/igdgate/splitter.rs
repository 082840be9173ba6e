//! The splitmuxsink after the gate.

use gst::glib;
use gst::glib::subclass::SignalId;
use gst::prelude::*;

/// The signal of splitmuxsink that makes it begin a file with the first group of pictures from a running time on.
const SIGNAL: &str = "split-at-running-time";

/// Makes a splitmuxsink begin a file at `running_time`.
pub fn split_at(sink: &gst::Element, running_time: gst::ClockTime) {
    sink.emit_by_name::<()>(SIGNAL, &[&running_time.nseconds()]);
}

/// The splitmuxsink that `pad` leads to, through other elements and out of bins.
pub fn find(pad: &gst::Pad) -> Option<gst::Element> {
    let parent = pad.peer()?.parent()?;
    // The inner side of a bin's pad.
    let parent = match parent.downcast::<gst::GhostPad>() {
        Ok(outer) => return find(outer.upcast_ref()),
        Err(parent) => parent,
    };
    let element = parent.downcast::<gst::Element>().ok()?;
    if splits(element.type_()) {
        return Some(element);
    }
    element.src_pads().iter().find_map(find)
}

fn splits(kind: glib::Type) -> bool {
    SignalId::lookup(SIGNAL, kind)
        .is_some_and(|signal| *signal.query().param_types() == [glib::Type::U64])
}
