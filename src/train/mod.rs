//! Training.
mod losses;
pub use losses::Losses;
