//! What the properties say.

use std::env;
use std::path::{Path, PathBuf};

use super::{Messages, Overlay};
use crate::libtorch::{Choice, DeviceError, choose_device};
use crate::model::Precision;
use crate::video::Colormap;

pub const DEFAULT_DEVICE: &str = "auto";
const DEFAULT_PRECISION: Precision = Precision::Auto;
/// A negative threshold stands for the model's own.
pub const DEFAULT_THRESHOLD: f32 = -1.0;
const DEFAULT_OVERLAY: Overlay = Overlay::HEATMAP;
const DEFAULT_OPACITY: f32 = 0.5;
const DEFAULT_COLORMAP: Colormap = Colormap::Turbo;
const DEFAULT_INFERENCE_INTERVAL: u32 = 1;
const DEFAULT_MESSAGES: Messages = Messages::Changes;
/// None: the element is given a model.
const DEFAULT_LEARN_FRAMES: u32 = 0;

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
    pub messages: Messages,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            device: DEFAULT_DEVICE.into(),
            precision: DEFAULT_PRECISION,
            learn_frames: DEFAULT_LEARN_FRAMES,
            learn_location: None,
            frame: FrameSettings {
                threshold: DEFAULT_THRESHOLD,
                overlay: DEFAULT_OVERLAY,
                opacity: DEFAULT_OPACITY,
                colormap: DEFAULT_COLORMAP,
                inference_interval: DEFAULT_INFERENCE_INTERVAL,
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
        self.learn_frames > 0 && !self.model.as_deref().is_some_and(is_set)
    }

    /// Where a learned model is saved.
    pub fn learn_location(&self) -> Option<PathBuf> {
        self.learn_location.clone().filter(|path| is_set(path))
    }

    pub fn model_path(&self) -> Result<PathBuf, gst::ErrorMessage> {
        let path = self
            .model
            .clone()
            .filter(|path| is_set(path))
            .or_else(|| {
                env::var_os(MODEL_VARIABLE)
                    .map(PathBuf::from)
                    .filter(|path| is_set(path))
            })
            .ok_or_else(|| {
                gst::error_msg!(
                    gst::ResourceError::Settings,
                    ("no model: set model=FILE or {MODEL_VARIABLE}, or learn-frames=N to learn one from the first frames")
                )
            })?;
        if !path.exists() {
            return Err(gst::error_msg!(
                gst::ResourceError::NotFound,
                (
                    "there is no model {}: set model=FILE or {MODEL_VARIABLE} to a model that `igd train` has written",
                    path.display()
                )
            ));
        }
        Ok(path)
    }

    pub fn choose_device(&self) -> Result<Choice, gst::ErrorMessage> {
        choose_device(&self.device).map_err(|err| {
            let kind = match err {
                DeviceError::Unknown => gst::ResourceError::Settings,
                DeviceError::Unusable(_) | DeviceError::Missing { .. } => {
                    gst::ResourceError::NotFound
                }
            };
            gst::error_msg!(kind, ("device={}: {err}", self.device))
        })
    }
}
