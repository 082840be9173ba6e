//! Why the element does not start, or another model is not taken.

use igd::train::dense::LearnError;

/// A text that tells the user what to do, and GStreamer's name for the kind of error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    kind: gst::ResourceError,
    text: String,
}

impl Refusal {
    pub fn new(kind: gst::ResourceError, text: impl ToString) -> Self {
        Self {
            kind,
            text: text.to_string(),
        }
    }
}

impl From<Refusal> for gst::ErrorMessage {
    fn from(refusal: Refusal) -> Self {
        gst::error_msg!(refusal.kind, ("{}", refusal.text))
    }
}

/// An error of learning in a message.
pub fn learn_text(error: &LearnError) -> String {
    format!("cannot learn a model: {error}")
}

/// The same as GStreamer's error.
pub fn learn_error(error: &LearnError) -> gst::ErrorMessage {
    let kind = match error {
        LearnError::TooFewFrames(_) => gst::ResourceError::Settings,
        _ => gst::ResourceError::Failed,
    };
    gst::error_msg!(kind, ("{}", learn_text(error)), ["{error:?}"])
}

pub fn not_negotiated() -> gst::ErrorMessage {
    gst::error_msg!(
        gst::CoreError::Negotiation,
        ("a frame came before the caps that describe it")
    )
}

pub fn unexpected_frame(size: usize, info: &gst_video::VideoInfo) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::StreamError::Format,
        (
            "a buffer of {size} bytes is not the {} frame of {}x{} that the caps promise",
            info.format(),
            info.width(),
            info.height()
        )
    )
}
