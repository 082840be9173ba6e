//! What a model says of a picture, beside what is true.

use crate::model::Scales;

/// A picture's or a frame's score and what it should be.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What people know it by.
    pub name: String,
    /// `good` or the kind of defect.
    pub kind: String,
    /// A group to look at by itself, such as a type of product.
    pub group: Option<String>,
    /// Whether it should be flagged.
    pub anomalous: bool,
    /// The raw score.
    pub score: f32,
    /// What the score is made of; nothing where that is not known.
    pub scales: Scales,
}

impl Scored {
    /// Whether it scores above the threshold.
    pub fn is_flagged(&self, threshold: f32) -> bool {
        self.score > threshold
    }
}
