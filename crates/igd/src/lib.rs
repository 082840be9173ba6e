//! Visual anomaly detection with Interpolated Gaussian Descriptors (IGD; Chen et al., AAAI 2022) on libtorch: the
//! networks, the criterion, models and their files, pictures, training and evaluation. It knows nothing of GStreamer.

pub mod criterion;
pub mod data;
pub mod eval;
pub mod files;
pub mod libtorch;
pub mod model;
pub mod nn;
pub mod resize;
pub mod train;
