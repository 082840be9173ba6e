//! libgstanalytics, looked up when it is first wanted: one build of the plugin serves a GStreamer that has it, from 1.24
//! on, and one that has not.

use std::ffi::{CStr, c_float, c_int, c_uint};
use std::ptr;
use std::sync::OnceLock;

use glib::ffi::{GQuark, gboolean, gpointer};
use gst::ffi::GstBuffer;
use libloading::os::unix::{Library, RTLD_NOW};

const NAME: &str = "libgstanalytics-1.0.so.0";

/// GstAnalyticsRelationMeta, which only the library looks into.
#[repr(C)]
pub(super) struct Meta {
    _private: [u8; 0],
}

/// GstAnalyticsMtd: something that the meta holds.
#[repr(C)]
pub(super) struct Handle {
    pub(super) id: c_uint,
    meta: *mut Meta,
}

impl Handle {
    /// For a function to fill.
    pub(super) const fn empty() -> Self {
        Self {
            id: 0,
            meta: ptr::null_mut(),
        }
    }
}

/// The functions of the library, with the types of its headers, which are those of all versions so far.
#[derive(Debug)]
pub struct Functions {
    pub(super) add_meta: unsafe extern "C" fn(*mut GstBuffer) -> *mut Meta,
    pub(super) meta: unsafe extern "C" fn(*mut GstBuffer) -> *mut Meta,
    pub(super) add_classification:
        unsafe extern "C" fn(*mut Meta, usize, *mut c_float, *mut GQuark, *mut Handle) -> gboolean,
    pub(super) add_detection: unsafe extern "C" fn(
        *mut Meta,
        GQuark,
        c_int,
        c_int,
        c_int,
        c_int,
        c_float,
        *mut Handle,
    ) -> gboolean,
    /// From 1.26 on.
    pub(super) add_segmentation: Option<AddSegmentation>,
    pub(super) relate: unsafe extern "C" fn(*mut Meta, c_uint, c_uint, c_uint) -> gboolean,
    pub(super) entry: unsafe extern "C" fn(*mut Meta, c_uint, usize, *mut Handle) -> gboolean,
    pub(super) next: unsafe extern "C" fn(*mut Meta, *mut gpointer, usize, *mut Handle) -> gboolean,
    pub(super) detection_type: unsafe extern "C" fn() -> usize,
    pub(super) location: unsafe extern "C" fn(
        *const Handle,
        *mut c_int,
        *mut c_int,
        *mut c_int,
        *mut c_int,
        *mut c_float,
    ) -> gboolean,
    pub(super) kind: unsafe extern "C" fn(*const Handle) -> GQuark,
}

type AddSegmentation = unsafe extern "C" fn(
    *mut Meta,
    *mut GstBuffer,
    c_int,
    usize,
    *mut c_uint,
    c_int,
    c_int,
    c_uint,
    c_uint,
    *mut Handle,
) -> gboolean;

/// That of the GStreamer that has loaded the plugin, if it has one.
pub fn library() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    // To an older GStreamer, which has none, that of another one would not fit.
    let opened = || (gst::version() >= (1, 24, 0, 0)).then(open).flatten();
    FUNCTIONS.get_or_init(opened).as_ref()
}

fn open() -> Option<Functions> {
    // SAFETY: GStreamer's own library, which does nothing when it is loaded.
    let library = unsafe { Library::open(Some(NAME), RTLD_NOW) }.ok()?;
    // SAFETY: the names are those of functions with these types.
    let functions = unsafe {
        Functions {
            add_meta: function(&library, c"gst_buffer_add_analytics_relation_meta")?,
            meta: function(&library, c"gst_buffer_get_analytics_relation_meta")?,
            add_classification: function(&library, c"gst_analytics_relation_meta_add_cls_mtd")?,
            add_detection: function(&library, c"gst_analytics_relation_meta_add_od_mtd")?,
            add_segmentation: function(
                &library,
                c"gst_analytics_relation_meta_add_segmentation_mtd",
            ),
            relate: function(&library, c"gst_analytics_relation_meta_set_relation")?,
            entry: function(&library, c"gst_analytics_relation_meta_get_mtd")?,
            next: function(&library, c"gst_analytics_relation_meta_iterate")?,
            detection_type: function(&library, c"gst_analytics_od_mtd_get_mtd_type")?,
            location: function(&library, c"gst_analytics_od_mtd_get_location")?,
            kind: function(&library, c"gst_analytics_od_mtd_get_obj_type")?,
        }
    };
    // Not closed: the functions are needed as long as the process lives.
    std::mem::forget(library);
    Some(functions)
}

/// # Safety
///
/// `F` is the type of the function with this name.
unsafe fn function<F: Copy>(library: &Library, name: &CStr) -> Option<F> {
    // SAFETY: the caller's.
    let found = unsafe { library.get::<F>(name.to_bytes_with_nul()) };
    found.ok().map(|function| *function)
}
