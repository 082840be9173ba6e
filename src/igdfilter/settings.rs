//! What the properties say.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::engine::Batching;
use super::refusal::Refusal;
use super::region::{OddRegion, parse_region};
use super::{InferenceMode, InferenceRegion, Messages, Overlay, OverlayMethod, Precision};
use crate::video::{Area, Colormap};
use igd::libtorch::{Choice, DeviceError, choose_device};

pub const DEFAULT_DEVICE: &str = "auto";
const DEFAULT_PRECISION: Precision = Precision::Auto;
/// A negative threshold stands for the model's own.
const DEFAULT_THRESHOLD: f32 = -1.0;
const DEFAULT_OVERLAY: Overlay = Overlay::HEATMAP;
const DEFAULT_OPACITY: f32 = 0.5;
const DEFAULT_COLORMAP: Colormap = Colormap::Turbo;
const DEFAULT_INFERENCE_INTERVAL: u32 = 1;
const DEFAULT_MESSAGES: Messages = Messages::Changes;
/// None: the element is given a model.
const DEFAULT_LEARN_FRAMES: u32 = 0;

const DEFAULT_INFERENCE_MODE: InferenceMode = InferenceMode::Sync;
const DEFAULT_INFERENCE_REGION: InferenceRegion = InferenceRegion::FullFrame;
const DEFAULT_OVERLAY_METHOD: OverlayMethod = OverlayMethod::Auto;
const DEFAULT_SMOOTHING: f32 = 0.0;
const DEFAULT_MIN_AREA: u32 = 16;
const DEFAULT_MAX_REGIONS: u32 = 16;
/// As the model says.
const DEFAULT_SIGNIFICANT_BITS: u32 = 0;
const DEFAULT_BATCH_SIZE: u32 = 1;
/// In milliseconds.
const DEFAULT_BATCH_TIMEOUT: u32 = 5;

/// Frames to learn from where the signal `learn` asks for it and `learn-frames` says nothing.
pub const LEARN_FRAMES: u32 = 300;

/// The model of elements that are not given one.
const MODEL_VARIABLE: &str = "IGD_MODEL";

#[derive(Debug, Clone)]
pub struct Settings {
    pub model: Option<PathBuf>,
    pub device: String,
    pub precision: Precision,
    pub learn_frames: u32,
    pub learn_location: Option<PathBuf>,
    pub mask_location: Option<PathBuf>,
    pub region: Option<String>,
    pub significant_bits: u32,
    pub model_instance_id: Option<String>,
    pub batch_size: u32,
    /// In milliseconds.
    pub batch_timeout: u32,
    pub overlay_method: OverlayMethod,
    pub frame: FrameSettings,
}

/// The settings that may change between two frames.
#[derive(Debug, Clone, Copy)]
pub struct FrameSettings {
    pub threshold: f32,
    pub overlay: Overlay,
    pub opacity: f32,
    pub colormap: Colormap,
    pub inference_interval: u32,
    pub inference_mode: InferenceMode,
    pub smoothing: f32,
    pub min_area: u32,
    pub max_regions: u32,
    pub candidates: bool,
    pub attach_map: bool,
    pub watch_drift: bool,
    pub inspection: Inspection,
    pub messages: Messages,
}

/// What of the frames is to be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub kind: InferenceRegion,
    /// The part that [`Settings::region`] names; `None` for all.
    pub region: Option<Area>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            device: DEFAULT_DEVICE.into(),
            precision: DEFAULT_PRECISION,
            learn_frames: DEFAULT_LEARN_FRAMES,
            learn_location: None,
            mask_location: None,
            region: None,
            significant_bits: DEFAULT_SIGNIFICANT_BITS,
            model_instance_id: None,
            batch_size: DEFAULT_BATCH_SIZE,
            batch_timeout: DEFAULT_BATCH_TIMEOUT,
            overlay_method: DEFAULT_OVERLAY_METHOD,
            frame: FrameSettings {
                threshold: DEFAULT_THRESHOLD,
                overlay: DEFAULT_OVERLAY,
                opacity: DEFAULT_OPACITY,
                colormap: DEFAULT_COLORMAP,
                inference_interval: DEFAULT_INFERENCE_INTERVAL,
                inference_mode: DEFAULT_INFERENCE_MODE,
                smoothing: DEFAULT_SMOOTHING,
                min_area: DEFAULT_MIN_AREA,
                max_regions: DEFAULT_MAX_REGIONS,
                candidates: false,
                attach_map: false,
                watch_drift: false,
                inspection: Inspection {
                    kind: DEFAULT_INFERENCE_REGION,
                    region: None,
                },
                messages: DEFAULT_MESSAGES,
            },
        }
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

impl Settings {
    /// Whether the element starts without a model. One that is named comes before `learn-frames`, and that before the
    /// environment.
    pub fn learns_first(&self) -> bool {
        self.learn_frames > 0 && self.named_model().is_none()
    }

    /// The model that the property names.
    pub fn named_model(&self) -> Option<&Path> {
        self.model.as_deref().filter(|path| is_set(path))
    }

    /// Where a learned model is saved.
    pub fn learn_location(&self) -> Option<PathBuf> {
        self.learn_location.clone().filter(|path| is_set(path))
    }

    /// The part of the frames that `region` names, if it does.
    pub fn check_region(&self) -> Result<Option<Area>, OddRegion> {
        parse_region(self.region.as_deref().unwrap_or_default())
    }

    /// Of samples of 16 bits, those that are used; `None` where that is left to the model.
    pub fn significant_bits(&self) -> Option<u32> {
        (self.significant_bits != 0).then_some(self.significant_bits)
    }

    /// The name under which the model is shared.
    pub fn instance_id(&self) -> Option<&str> {
        let id = self.model_instance_id.as_deref();
        id.filter(|id| !id.is_empty())
    }

    pub fn batching(&self) -> Batching {
        Batching {
            size: self.batch_size as usize,
            timeout: Duration::from_millis(self.batch_timeout.into()),
        }
    }

    /// The mask's file.
    pub fn mask_location(&self) -> Option<&Path> {
        self.mask_location.as_deref().filter(|path| is_set(path))
    }

    pub fn model_path(&self) -> Result<PathBuf, Refusal> {
        let path = self
            .named_model()
            .map(Path::to_owned)
            .or_else(|| {
                env::var_os(MODEL_VARIABLE)
                    .map(PathBuf::from)
                    .filter(|path| is_set(path))
            })
            .ok_or_else(|| {
                Refusal::new(
                    gst::ResourceError::Settings,
                    format_args!("no model: set model=FILE or {MODEL_VARIABLE}, or learn-frames=N to learn one from \
                                 the first frames"),
                )
            })?;
        if !path.exists() {
            return Err(Refusal::new(
                gst::ResourceError::NotFound,
                format_args!(
                    "there is no model {}: set model=FILE or {MODEL_VARIABLE} to a model that `igd train` has written",
                    path.display()
                ),
            ));
        }
        Ok(path)
    }

    pub fn choose_device(&self) -> Result<Choice, Refusal> {
        choose_device(&self.device).map_err(|err| {
            let kind = match err {
                DeviceError::Unknown => gst::ResourceError::Settings,
                DeviceError::Unusable(_) | DeviceError::Missing { .. } => {
                    gst::ResourceError::NotFound
                }
            };
            Refusal::new(kind, format_args!("device={}: {err}", self.device))
        })
    }
}
