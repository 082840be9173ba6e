//! Visual anomaly detection for GStreamer pipelines with Interpolated Gaussian Descriptors (IGD; Chen et al., AAAI 2022): the
//! `igdfilter` element, `igdmetaenc` that writes its results as JSON, `igdgate` that passes a stream around them, and the library
//! behind the `igd` program.

pub mod criterion;
pub mod data;
pub mod eval;
pub mod igdfilter;
pub mod igdgate;
pub mod igdmetaenc;
pub mod libtorch;
pub mod meta;
pub mod model;
pub mod nn;
pub mod train;
pub mod video;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    igdfilter::register(plugin)?;
    igdgate::register(plugin)?;
    igdmetaenc::register(plugin)
}

gst::plugin_define!(
    igd,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    // GStreamer knows no "MIT OR Apache-2.0".
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "Unknown package origin",
    env!("BUILD_REL_DATE")
);
