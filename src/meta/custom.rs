//! The registration of `IgdAnomalyMeta`, and how it follows its buffer's pictures through other elements.

use std::ffi::c_char;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

use glib::translate::*;
use gst::glib::{GStr, gstr};
use gst::meta::{CustomMeta, MetaTransform, MetaTransformCopy};

use super::AnomalyMeta;

/// The name by which `gst_buffer_get_custom_meta` finds the result on a buffer.
pub const NAME: &GStr = gstr!("IgdAnomalyMeta");

/// Registers the meta with GStreamer, once a process; the element and the functions here do it by themselves.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The plugin and a program with its own copy of it may live in one process.
        if CustomMeta::is_registered(NAME) {
            return;
        }
        // The tags of GStreamer's region of interest, whose fate it shares: converters keep it, scalers hand it the two
        // sizes, encoders copy it, and what crops or turns a picture may know that the places are no longer right.
        let tags: [*const c_char; 4] = [
            gst_video::ffi::GST_META_TAG_VIDEO_STR.as_ptr().cast(),
            gst_video::ffi::GST_META_TAG_VIDEO_ORIENTATION_STR
                .as_ptr()
                .cast(),
            gst_video::ffi::GST_META_TAG_VIDEO_SIZE_STR.as_ptr().cast(),
            ptr::null(),
        ];
        // The Rust binding's way to register hides the sizes from the transform function.
        // SAFETY: the strings are static and null-terminated, and GStreamer copies the list of tags.
        unsafe {
            gst::ffi::gst_meta_register_custom(
                NAME.as_ptr(),
                tags.as_ptr().cast_mut(),
                Some(transform),
                ptr::null_mut(),
                None,
            );
        }
    });
}

/// What GStreamer calls. Should there be a panic, the meta is lost on the copy, and the program goes on.
unsafe extern "C" fn transform(
    destination: *mut gst::ffi::GstBuffer,
    meta: *mut gst::ffi::GstCustomMeta,
    _source: *mut gst::ffi::GstBuffer,
    kind: glib::ffi::GQuark,
    data: glib::ffi::gpointer,
    _user_data: glib::ffi::gpointer,
) -> glib::ffi::gboolean {
    caught(|| {
        // SAFETY: GStreamer passes a writable destination, a meta of this registration, and the data that belongs to
        // `kind`.
        unsafe { copy(destination, meta, kind, data) }
    })
    .into_glib()
}

/// False after a panic, which must not leave Rust.
fn caught(work: impl FnOnce() -> bool) -> bool {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(false)
}

/// Copies the meta to `destination`; when the picture has been scaled on the way, its places move along.
///
/// # Safety
/// As for a GstCustomMetaTransformFunction.
unsafe fn copy(
    destination: *mut gst::ffi::GstBuffer,
    meta: *mut gst::ffi::GstCustomMeta,
    kind: glib::ffi::GQuark,
    data: glib::ffi::gpointer,
) -> bool {
    // SAFETY: the caller promises it.
    unsafe {
        let sizes = if kind == MetaTransformCopy::quark().into_glib() {
            None
        } else if kind == gst_video::ffi::gst_video_meta_transform_scale_get_quark()
            && !data.is_null()
        {
            let scale = &*data.cast::<gst_video::ffi::GstVideoMetaTransform>();
            Some((frame_size(scale.in_info), frame_size(scale.out_info)))
        } else {
            return false;
        };
        let source =
            gst::StructureRef::from_glib_borrow(gst::ffi::gst_custom_meta_get_structure(meta));
        let destination = gst::BufferRef::from_mut_ptr(destination);
        let Ok(mut copy) = CustomMeta::add(destination, NAME) else {
            return false;
        };
        // Field by field, so that those of a later version come along.
        for (name, value) in source.iter() {
            copy.mut_structure().set_value(name, value.clone());
        }
        if let Some((from, to)) = sizes
            && from != to
            && let Ok(mut anomaly) = AnomalyMeta::try_from(source)
        {
            anomaly.rescale(from, to);
            anomaly.write_places(copy.mut_structure());
        }
    }
    true
}

/// The width and height of a video info, 0 where there is none.
///
/// # Safety
/// `info` has to point to a video info, or be null.
unsafe fn frame_size(info: *const gst_video::ffi::GstVideoInfo) -> (u32, u32) {
    // SAFETY: the caller promises it.
    match unsafe { info.as_ref() } {
        Some(info) => (
            u32::try_from(info.width).unwrap_or(0),
            u32::try_from(info.height).unwrap_or(0),
        ),
        None => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panic_reaches_gstreamer() {
        assert!(caught(|| true));
        assert!(!caught(|| panic!("as it would in a copy")));
    }
}
