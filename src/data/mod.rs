//! Pictures in: folders of files, public data sets, and the one resampler.

pub mod elpv;
pub mod fetch;
mod folder;
mod picture;
pub mod resize;

pub use folder::{
    FolderError, GOOD, TestPicture, group_of, is_picture, normal_pictures, pictures_in,
    test_pictures,
};
pub use picture::{Picture, PictureError};
