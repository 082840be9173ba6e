//! The `igdfilter` that judges a camera's frames by a recipe.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use gst::prelude::*;
use gstigd::video::Area;

/// How a recipe judges at present.
#[derive(Clone, Debug, PartialEq)]
pub struct Judging {
    /// The recipe's name.
    pub recipe: String,
    /// Of its model; 0 where it has none yet.
    pub version: u32,
    /// The file of that version; `None`: frames are seen, and not judged.
    pub model: Option<PathBuf>,
    /// Score above which a frame is anomalous; the model's unless told.
    pub threshold: Option<f32>,
    /// What is inspected; the whole frame unless told.
    pub region: Option<Area>,
    /// A picture that is white where it is inspected.
    pub mask: Option<PathBuf>,
    /// Regions of fewer pixels are not reported.
    pub min_area: u32,
    /// Whether the last frames are held against those that the model was calibrated with.
    pub watch_drift: bool,
}

/// Pictures that are judged at once.
fn threads() -> u32 {
    tch::get_num_threads().clamp(1, 64) as u32
}

/// The property `threshold` that stands for the model's own.
const MODELS_OWN: f32 = -1.0;

impl Judging {
    /// Tells it from others of the pipeline: see [`judging_of`].
    fn name(&self) -> String {
        let mut inspected = DefaultHasher::new();
        let region = self.region.map(|Area { x, y, w, h }| [x, y, w, h]);
        (region, &self.mask).hash(&mut inspected);
        format!("{}@{}@{:x}", self.recipe, self.version, inspected.finish())
    }

    /// Not in a pipeline yet, and nothing opened. Filters of one model share it.
    pub fn filter(&self) -> Result<gst::Element, String> {
        let Some(model) = &self.model else {
            let seen = gst::ElementFactory::make("identity").name(self.name());
            return seen
                .property("silent", true)
                .build()
                .map_err(|error| error.to_string());
        };
        let model = model.to_string_lossy();
        let region = self
            .region
            .map(|Area { x, y, w, h }| format!("{x},{y},{w},{h}"));
        let mask = self
            .mask
            .as_ref()
            .map(|mask| mask.to_string_lossy().into_owned());
        gst::ElementFactory::make("igdfilter")
            .name(self.name())
            .property("model", model.as_ref())
            .property("model-instance-id", model.as_ref())
            .property("threshold", self.threshold.unwrap_or(MODELS_OWN))
            .property_if_some("region", region)
            .property_if_some("mask-location", mask)
            .property("min-area", self.min_area)
            .property("watch-drift", self.watch_drift)
            // What other cameras hand in at the same time is judged a thread each, and nobody waits for it.
            .property("batch-size", threads())
            .property("batch-timeout", 0_u32)
            .property("attach-map", true)
            .property("qos", false)
            .property_from_str("overlay", "none")
            .property_from_str("messages", "none")
            .build()
            .map_err(|error| error.to_string())
    }

    /// A filter that has opened its model, so that it takes over at once. The error says why it cannot.
    pub fn opened(&self) -> Result<gst::Element, String> {
        let filter = self.filter()?;
        let bus = gst::Bus::new();
        filter.set_bus(Some(&bus));
        if filter.set_state(gst::State::Paused).is_ok() {
            return Ok(filter);
        }
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        // One that failed is done with.
        let _ = filter.set_state(gst::State::Null);
        Err(error.as_deref().map_or_else(
            || format!("{}: igdfilter does not start", self.recipe),
            |message| text(message).unwrap_or_default(),
        ))
    }
}

impl Judging {
    /// Whether its model and its mask can be opened.
    pub fn check(&self) -> Result<(), String> {
        let filter = self.opened()?;
        // What was opened is given back; that cannot fail in a way that matters.
        let _ = filter.set_state(gst::State::Null);
        Ok(())
    }
}

/// Sets the threshold of a running filter; without a model there is none.
pub fn set_threshold(filter: &gst::Element, threshold: Option<f32>) {
    if filter.find_property("threshold").is_some() {
        filter.set_property("threshold", threshold.unwrap_or(MODELS_OWN));
    }
}

/// What an error message says to people.
pub fn text(message: &gst::MessageRef) -> Option<String> {
    let gst::MessageView::Error(error) = message.view() else {
        return None;
    };
    let text = error.error().message().to_owned();
    let debug = error.debug().unwrap_or_default();
    let Some(missing) = debug.lines().find(|line| line.starts_with("Missing ")) else {
        return Some(text);
    };
    // Its caps follow in brackets.
    let missing = missing.split(" (video/").next()?;
    Some(format!(
        "{text} {missing}. Install gstreamer1.0-libav, which decodes most"
    ))
}

/// The recipe and the version that a filter's name tells.
pub fn judging_of(name: &str) -> Option<(&str, u32)> {
    let mut parts = name.split('@');
    Some((parts.next()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_is_missing_is_named() {
        gst::init().unwrap();
        let said = |debug| {
            let error = gst::message::Error::builder(gst::CoreError::MissingPlugin, "No plug-in.");
            text(&error.debug(debug).build()).unwrap()
        };
        let missing = "no suitable plugins found:\nMissing decoder: H.264 (High Profile) (video/x-h264, width=64)";
        assert_eq!(
            said(missing),
            "No plug-in. Missing decoder: H.264 (High Profile). Install gstreamer1.0-libav, which decodes most"
        );
        assert_eq!(said("gstbin.c: nothing"), "No plug-in.");
    }
}
