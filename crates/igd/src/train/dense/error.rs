//! Why a fit is not to be had.

/// Why moments make no model. The text tells the user what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    #[error("{0} pictures say nothing of how normal ones vary: show it more")]
    TooFew(i64),
    #[error(
        "all pictures are the same, so that any other would be an anomaly: show it pictures that vary as normal ones do"
    )]
    AllTheSame,
    #[error("the fit would take {0} GB of memory: use fewer or smaller tiles, or --tile-model one")]
    TooLarge(i64),
    #[error("the pictures' features are not finite: the backbone's weights are damaged")]
    NotFinite,
}
