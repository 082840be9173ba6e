//! Where a network's training stands: everything needed to go on as if it had not been stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::train::state::Kind;

/// The entry of the file's header that holds [`Progress`].
pub const PROGRESS: &str = "progress";

/// The part of a checkpoint that is not tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What the run was told, in words: another run's checkpoint is refused.
    pub run: String,
    pub steps: usize,
    pub seconds: f64,
    /// How often the descriptor was due to be estimated.
    pub estimates: usize,
}

impl Progress {
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

/// The checkpoint of the network of the whole picture.
pub const OF_GLOBAL: Kind = Kind {
    ending: "global-checkpoint",
    entry: PROGRESS,
    tensor: "network/global.",
};
/// The checkpoint of the network of the patches.
pub const OF_LOCAL: Kind = Kind {
    ending: "local-checkpoint",
    entry: PROGRESS,
    tensor: "network/local.",
};
