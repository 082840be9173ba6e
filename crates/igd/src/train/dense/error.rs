//! Why a fit is not to be had.

/// Why moments make no model. The text tells the user what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Fewer than two pictures have been seen; how many.
    #[error("{0} pictures say nothing of how normal ones vary: show it more")]
    TooFew(i64),
    /// The features hardly vary.
    #[error(
        "all pictures are the same, so that any other would be an anomaly: show it pictures that vary as normal ones do"
    )]
    AllTheSame,
    /// There are too many places; the gigabytes that their moments would take.
    #[error("the fit would take {0} GB of memory: use fewer or smaller tiles, or --tile-model one")]
    TooLarge(i64),
    /// What was seen holds NaN or infinite values.
    #[error("the pictures' features are not finite: the backbone's weights are damaged")]
    NotFinite,
}
