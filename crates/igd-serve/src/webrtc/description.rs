//! Session descriptions as webrtcbin takes and gives them. The library that makes them is not linked, so that a machine
//! without it serves all but this.

use std::ffi::c_int;

use glib::translate::{ToGlibPtr, ToGlibPtrMut, from_glib_full};
use gst_sdp::SDPMessage;
use gst_sdp::ffi::{GstSDPMessage, gst_sdp_message_as_text};

/// GStreamer's `GstWebRTCSessionDescription`.
#[repr(C)]
struct Description {
    kind: c_int,
    sdp: *const GstSDPMessage,
}

/// GStreamer's `GST_WEBRTC_SDP_TYPE_OFFER`.
const OFFER: c_int = 1;

/// The type is known once there is a webrtcbin.
fn kind() -> Option<glib::Type> {
    glib::Type::from_name("GstWebRTCSessionDescription")
}

/// What a browser offers.
pub(super) fn offer(sdp: &SDPMessage) -> Option<glib::Value> {
    let description = Description {
        kind: OFFER,
        sdp: sdp.to_glib_none().0,
    };
    let mut value = glib::Value::from_type(kind()?);
    // SAFETY: the value is of the type that has this layout. It takes a copy of the description and of its message.
    unsafe {
        glib::gobject_ffi::g_value_set_boxed(
            value.to_glib_none_mut().0,
            (&raw const description).cast(),
        );
    }
    Some(value)
}

/// The text of a description. `None` of a value that is none.
pub(super) fn text(value: &glib::Value) -> Option<String> {
    if value.type_() != kind()? {
        return None;
    }
    // SAFETY: a value of that type holds nothing, or what has this layout and goes on as long as the value.
    unsafe {
        let description = glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0);
        let description = description.cast::<Description>().as_ref()?;
        let text: Option<glib::GString> = from_glib_full(gst_sdp_message_as_text(description.sdp));
        text.map(Into::into)
    }
}
