//! Visual anomaly detection for GStreamer pipelines with Interpolated Gaussian Descriptors (IGD; Chen et al., AAAI
//! 2022): the `igdfilter` element, `igdmetaenc` that writes its results as JSON, and `igdgate` that passes a stream
//! around them. The models themselves are the crate `igd`.

pub mod igdfilter;
pub mod igdgate;
pub mod igdmetaenc;
pub mod meta;
pub mod video;

/// What the plugin tells GStreamer as its version: that of the package, and the commit that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID"));

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    igdfilter::register(plugin)?;
    igdgate::register(plugin)?;
    igdmetaenc::register(plugin)
}

gst::plugin_define!(
    igd,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    // VERSION; the macro takes literals alone.
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    // GStreamer knows no "MIT OR Apache-2.0".
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "Unknown package origin",
    env!("BUILD_REL_DATE")
);
