//! What there is to evaluate.

use igd::eval::{PixelMetrics, Scored};

use super::pictures::Pictures;

/// Pictures or frames with what is said of them.
pub struct Results {
    /// What was judged and by what, for people: pairs of a name and what it is.
    pub about: Vec<(&'static str, String)>,
    pub scored: Vec<Scored>,
    /// Infinite where the model has none.
    pub threshold: f32,
    /// Pictures that could not be used.
    pub skipped: usize,
    pub pixels: PixelMetrics,
    /// What can be shown of each of `scored`; frames of a video cannot.
    pub pictures: Option<Pictures>,
}
