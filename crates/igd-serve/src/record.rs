//! What is said of one part: the one type that the store, the outputs, the API and the page share.

use igd::model::Region;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// None of its frames was anomalous, or too few of them.
    Good,
    /// One of its frames was anomalous, or most of them, as its camera decides.
    Bad,
    /// No result came before the deadline. The line must take it for what it takes the unknown for.
    #[default]
    None,
}

impl Verdict {
    /// As it stands in JSON and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::None => "none",
        }
    }
}

/// The verdict on a part, and what it rests on. All that is told of its frame is of the worst one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Sorts by time; no other part of any line has it.
    pub id: Uuid,
    /// When the part was there: its trigger, or its frame where each frame is a part.
    pub time: Timestamp,
    /// Names of the configuration.
    pub camera: String,
    /// The recipe that it was judged by.
    pub recipe: String,
    /// Number of the version of the recipe's model, from 1 on.
    pub version: u32,
    /// What is said of it.
    pub verdict: Verdict,
    /// Why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// As `igdfilter` tells them; `None` without a result.
    pub score: Option<f32>,
    /// 0 at the median of normal parts, 0.5 at the threshold, at most 1.
    pub normalized: Option<f32>,
    /// Score above which a frame is anomalous.
    pub threshold: Option<f32>,
    /// Of late frames, of the limit: above 1 light, focus or place have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<f32>,
    /// Frames that it rests on.
    pub frames: u32,
    /// From the trigger to the verdict, in milliseconds.
    pub latency_ms: f32,
    /// Width and height of the frame, which the regions refer to.
    pub size: [u32; 2],
    /// What of it was inspected, left, upper edge, width and height in pixels; `None`: the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspected: Option<[u32; 4]>,
    /// Where it is anomalous, the largest first; none of good parts.
    pub regions: Vec<Region>,
}

/// What a user says of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It was good, whatever was said.
    Good,
    /// It was defective.
    Bad,
}

impl Mark {
    /// As it stands in JSON and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}
