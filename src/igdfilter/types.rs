//! The enumerations of the element's properties.

use gst::glib;

/// What is drawn on the frames.
#[glib::flags(name = "IgdOverlay")]
pub enum Overlay {
    /// Nothing: every pixel stays as it came.
    #[flags_value(name = "None: leave every pixel as it is", nick = "none")]
    NONE = 0,
    /// The anomaly map, blended over the frame.
    #[flags_value(
        name = "Heatmap: blend the anomaly map over the frame",
        nick = "heatmap"
    )]
    HEATMAP = 1 << 0,
    /// A box around each anomalous region.
    #[flags_value(name = "Regions: box each anomalous region", nick = "regions")]
    REGIONS = 1 << 1,
}

/// When `igd-anomaly` messages are posted on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdMessages")]
#[repr(i32)]
pub enum Messages {
    /// Never.
    #[enum_value(name = "None: never", nick = "none")]
    None,
    /// At the first anomalous frame, at the first normal one after it, and so on.
    #[enum_value(
        name = "Changes: when the frames turn anomalous or normal again",
        nick = "changes"
    )]
    Changes,
    /// For every frame that is inferred.
    #[enum_value(name = "All: for each inferred frame", nick = "all")]
    All,
}
