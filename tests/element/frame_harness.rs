//! Frames that go through one element.

use super::harness;
use gst::prelude::*;
use gst_check::Harness;
use gst_video::VideoInfo;

/// An element that gets frames of one kind and hands on as many.
pub struct FrameHarness {
    pub harness: Harness,
    pub bus: gst::Bus,
    pub element: gst::Element,
    pub info: VideoInfo,
    /// Frames so far.
    pub count: u64,
}

impl FrameHarness {
    pub fn new(element: gst::Element, info: VideoInfo) -> Self {
        let (mut harness, bus) = harness(&element);
        harness.set_src_caps(info.to_caps().unwrap());
        Self {
            harness,
            bus,
            element,
            info,
            count: 0,
        }
    }

    /// Sends a frame through, which `draw` makes of its number.
    pub fn pass(
        &mut self,
        draw: impl FnOnce(&VideoInfo, u64) -> gst::Buffer,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let buffer = draw(&self.info, self.count);
        self.count += 1;
        self.harness.push(buffer)?;
        Ok(self.harness.pull().unwrap())
    }

    /// The structures of the element messages since the last time.
    pub fn structures(&self) -> impl Iterator<Item = gst::Structure> {
        let message = || self.bus.pop_filtered(&[gst::MessageType::Element]);
        std::iter::from_fn(message)
            .filter_map(|message| message.structure().map(|structure| structure.to_owned()))
    }

    /// The texts of the warnings since the last time.
    pub fn warnings(&self) -> Vec<String> {
        let message = || self.bus.pop_filtered(&[gst::MessageType::Warning]);
        std::iter::from_fn(message)
            .filter_map(|message| match message.view() {
                gst::MessageView::Warning(warning) => Some(warning.error().message().to_owned()),
                _ => None,
            })
            .collect()
    }

    /// A number of the property `stats`.
    pub fn stat(&self, name: &str) -> u64 {
        let stats = self.element.property::<gst::Structure>("stats");
        stats.get(name).unwrap()
    }
}
