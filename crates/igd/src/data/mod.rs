//! Pictures in: folders of files, public data sets, and the one resampler.

pub mod elpv;
pub mod fetch;
mod folder;
mod frame;
mod ground_truth;
pub mod mnist;
pub mod packed;
mod picture;
pub mod resize;
mod sample;
mod set;
pub mod synthetic;
mod training;

pub use folder::{FolderError, GOOD, group_of, is_picture, pictures_in};
pub use frame::Frame;
pub use ground_truth::GroundTruth;
pub use picture::{Picture, PictureError};
pub use sample::Sample;
pub use set::{Selection, SetError, TestPicture, contaminants, normal_pictures, test_pictures};
pub use training::TrainingSet;
