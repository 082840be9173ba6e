//! Pictures in: folders of files, and public data sets.

pub mod elpv;
mod error;
pub mod fetch;
mod folder;
mod frame;
mod ground_truth;
pub mod mnist;
pub mod packed;
mod picture;
mod sample;
mod selection;
mod set;
pub mod synthetic;
mod test_picture;
mod training;

pub use crate::decode::{Claim, PictureError, claimed};
pub use error::{FolderError, SetError};
pub use folder::{group_of, is_picture, pictures_below, pictures_in};
pub use frame::Frame;
pub use ground_truth::GroundTruth;
pub use picture::{Picture, white};
pub use sample::Sample;
pub use selection::{GOOD, Selection};
pub use set::{normal_pictures, test_pictures};
pub use test_picture::TestPicture;
pub use training::TrainingSet;
