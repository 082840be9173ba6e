//! Visual anomaly detection with Interpolated Gaussian Descriptors (IGD; Chen et al., AAAI 2022) on libtorch: the
//! networks, the criterion, models and their files, pictures, training and evaluation. It knows nothing of GStreamer.
//!
//! Fit a model to pictures of good parts, then judge others with it:
//!
//! ```
//! use std::error::Error;
//! use std::path::Path;
//!
//! use igd::data::{Picture, Selection, TrainingSet};
//! use igd::model::{Detection, Detector, Precision};
//! use igd::tch::Device;
//! use igd::train::{Options, train};
//!
//! /// Writes the model file, calibrated on some of the pictures.
//! fn fit(good_parts: &Path, model: &Path) -> Result<(), Box<dyn Error>> {
//!     let pictures = TrainingSet::open(good_parts, &Selection::default())?;
//!     train(&Options::new(pictures, model.to_owned()), |_| ())?;
//!     Ok(())
//! }
//!
//! fn judge(model: &Path, picture: &Path) -> Result<Detection, Box<dyn Error>> {
//!     let mut detector = Detector::open(model, Device::Cpu, Precision::Auto)?;
//!     let picture = Picture::open(picture)?;
//!     let rgb = picture.resized(detector.input_size());
//!     // One that is kept from picture to picture keeps its memory.
//!     let mut detection = Detection::default();
//!     detector.detect(&rgb, picture.size(), &mut detection)?;
//!     Ok(detection)
//! }
//! #
//! # fn main() -> Result<(), Box<dyn Error>> {
//! #     if igd::data::fetch::efficientnet_lite0().is_err() && std::env::var_os("CI").is_none() {
//! #         return Ok(()); // No network.
//! #     }
//! #     let folder = tempfile::tempdir()?;
//! #     let mut rng = fastrand::Rng::with_seed(1);
//! #     for number in 0..20 {
//! #         let gray = |_, _| image::Luma([120 + rng.u8(..20)]);
//! #         image::GrayImage::from_fn(64, 64, gray).save(folder.path().join(format!("{number}.png")))?;
//! #     }
//! #     let model = folder.path().join("part.safetensors");
//! #     fit(folder.path(), &model)?;
//! #     assert!(!judge(&model, &folder.path().join("3.png"))?.anomalous);
//! #     let odd = folder.path().join("odd.png");
//! #     image::GrayImage::from_fn(64, 64, |x, _| image::Luma([if x < 32 { 20 } else { 220 }])).save(&odd)?;
//! #     assert!(judge(&model, &odd)?.anomalous);
//! #     Ok(())
//! # }
//! ```

#![warn(missing_docs)]

pub mod align;
pub mod choice;
pub mod criterion;
pub mod data;
mod decode;
pub mod encode;
pub mod eval;
pub mod feedback;
pub mod files;
pub mod libtorch;
pub mod model;
pub mod nn;
pub mod onnx;
pub mod resize;
pub mod train;
pub mod warp;

/// Devices, kinds and tensors of the functions here are of this version of it.
pub use tch;
