//! Visual anomaly detection for GStreamer pipelines with Interpolated Gaussian Descriptors (IGD; Chen et al., AAAI 2022).

pub mod criterion;
pub mod nn;
pub mod train;
