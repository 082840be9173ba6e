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
    /// A box around each anomalous region; corners around each candidate.
    #[flags_value(name = "Regions: box each anomalous region", nick = "regions")]
    REGIONS = 1 << 1,
    /// Whether what was inspected is good, in words, and its score against the threshold.
    #[flags_value(
        name = "Badge: say whether it is good, and the score against the threshold",
        nick = "badge"
    )]
    BADGE = 1 << 2,
}

/// Whether frames wait for their results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdInferenceMode")]
#[repr(i32)]
pub enum InferenceMode {
    /// Every frame that is inferred waits for its own result.
    #[enum_value(name = "Sync: every frame waits for its own result", nick = "sync")]
    Sync,
    /// The newest frame is inferred while the video goes on with the last result.
    #[enum_value(
        name = "Latest: the newest frame is inferred beside the video, which never waits",
        nick = "latest"
    )]
    Latest,
}

/// What of a frame is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdInferenceRegion")]
#[repr(i32)]
pub enum InferenceRegion {
    /// The frame, or the part of it that `region` names, as one picture.
    #[enum_value(
        name = "Full frame: the frame, or the part that region names",
        nick = "full-frame"
    )]
    FullFrame,
    /// Each region of interest that elements before this one have attached, as a picture of its own.
    #[enum_value(
        name = "ROI list: each upstream region of interest by itself",
        nick = "roi-list"
    )]
    RoiList,
}

/// How the overlay gets on the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdOverlayMethod")]
#[repr(i32)]
pub enum OverlayMethod {
    /// As a composition where an element after this one draws those, else blended.
    #[enum_value(
        name = "Auto: attached where an element after this one draws it, else blended",
        nick = "auto"
    )]
    Auto,
    /// Blended into the frames.
    #[enum_value(name = "Blend: into the frames", nick = "blend")]
    Blend,
    /// Attached as GstVideoOverlayComposition; the frames stay as they are.
    #[enum_value(
        name = "Composition: attached for the sink to draw, the frames stay as they are",
        nick = "composition"
    )]
    Composition,
}

/// When `igd-anomaly` messages are posted on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdMessages")]
#[repr(i32)]
pub enum Messages {
    /// Never.
    #[enum_value(name = "None: never", nick = "none")]
    None,
    /// At the first anomalous frame, at the first normal one (or without a region of interest) after it, and so on.
    #[enum_value(
        name = "Changes: when the frames turn anomalous or normal again",
        nick = "changes"
    )]
    Changes,
    /// For every frame that is inferred.
    #[enum_value(name = "All: for each inferred frame", nick = "all")]
    All,
}

/// Which numbers the networks' convolutions and matrices are made of: [`igd::model::Precision`] as GObject knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "IgdPrecision")]
#[repr(i32)]
pub enum Precision {
    #[enum_value(
        name = "Auto: bf16 where the hardware multiplies it faster, f32 elsewhere",
        nick = "auto"
    )]
    Auto,
    #[enum_value(name = "f32: single precision", nick = "f32")]
    F32,
    #[enum_value(name = "bf16: half the bits, the same range", nick = "bf16")]
    Bf16,
    #[enum_value(name = "f16: half the bits, on GPUs", nick = "f16")]
    F16,
}

impl From<Precision> for igd::model::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Auto => Self::Auto,
            Precision::F32 => Self::F32,
            Precision::Bf16 => Self::Bf16,
            Precision::F16 => Self::F16,
        }
    }
}
