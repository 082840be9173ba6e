//! Why the element does not start, or another model is not taken.

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
