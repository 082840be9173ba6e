//! What the line may be told from outside, by whichever way.

use std::sync::Arc;

use crate::store::StoreError;

/// By MQTT, Modbus or HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// There is a part before a camera.
    Trigger {
        /// The camera's name.
        camera: String,
    },
    /// Another product comes.
    Recipe {
        /// The camera's name.
        camera: String,
        /// The recipe's.
        recipe: String,
    },
}

/// Does what it is told, without waiting for what comes of it; the error is a text for whoever told it.
pub type Commands = Arc<dyn Fn(Command) -> Result<(), Refused> + Send + Sync>;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such camera, recipe, version or part.
    #[error("{0}")]
    Unknown(String),
    /// Not now, or not with this.
    #[error("{0}")]
    Unfit(String),
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}
