//! A trained model: its file, the networks in it, and the [`Detector`] that judges pictures with them.

mod calibration;
mod config;
mod detection;
mod detector;
mod error;
mod file;
mod import;
mod inference;
mod judge;
mod mask;
mod networks;
mod pickle;
mod precision;
mod regions;

pub use calibration::{Calibration, calibrate};
pub use config::{DenseConfig, ModelConfig, PaperConfig, Tiling};
pub use detection::{
    DenseTerms, Detection, Map, Picture, RawDetection, Region, ScaleTerms, Scales,
};
pub use detector::{DetectError, Detector, Judgement};
pub use error::ModelError;
pub use file::{
    Header, Model, Provenance, Storage, Tensors, check_writable, read_tensors, sweep, tensors_of,
    write_atomically, write_tensors,
};
pub use import::{import, read_state_dict};
pub use inference::{Extractor, Stage, Stages};
pub use judge::Judge;
pub use mask::{BlackMask, Mask, MaskError, read_mask};
pub use networks::{
    DenseNetworks, Networks, PaperNetworks, PaperScale, ProfileNetworks, Scale, descriptor,
};
pub use precision::{NoHalfPrecision, Precision};
pub use regions::ANOMALOUS;
