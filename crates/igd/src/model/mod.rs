//! A trained model: its file, the networks in it, and the [`Detector`] that judges pictures with them.

mod calibration;
mod config;
mod detection;
mod detector;
mod error;
mod execution;
mod file;
mod import;
mod inference;
mod mask;
mod networks;
mod pickle;
mod postprocessor;
mod precision;
mod promise;
mod regions;
mod sharp;

pub use calibration::{Calibration, CalibrationMethod, FALSE_POSITIVE_RATE, calibrate};
pub(crate) use config::DETAIL_DIMENSIONS;
pub use config::{Alignment, DenseConfig, ModelConfig, PaperConfig, Storage, Tiling};
pub use detection::{
    DenseTerms, DetectError, Detection, InputPicture, Map, Measurement, RawDetection, Region,
    ScaleTerms, Scales,
};
pub use detector::Detector;
pub use error::ModelError;
pub(crate) use execution::Execution;
pub(crate) use file::bytes_of;
pub use file::{
    Flagged, Header, Model, Provenance, Recentred, Revision, Tensors, read_tensors, tensors_of,
    write_tensors,
};
pub use import::import;
pub(crate) use import::read_state_dict;
pub(crate) use inference::{Extractor, PlacesView};
pub use inference::{Stage, StageTimes};
pub use mask::{BlackMask, Mask, MaskError, read_mask};
pub(crate) use networks::tensors_of_references;
pub use networks::{
    DenseNetworks, Described, LeftOut, Networks, PaperNetworks, PaperScale, ProfileNetworks,
};
pub use pickle::PickleError;
pub use postprocessor::Postprocessor;
pub use precision::{NoHalfPrecision, Precision};
pub use promise::Promise;
pub use regions::ANOMALOUS;
pub(crate) use sharp::NEAR;
