//! Properties of the elements as texts, as a pipeline's text sets them; then the element starts and gets a frame.
#![no_main]

use arbitrary::Arbitrary;
use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use igd_fuzz::{init, model_file};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    element: u8,
    /// A property's number and its text.
    before: Vec<(u8, String)>,
    while_playing: Vec<(u8, String)>,
}

const ELEMENTS: [&str; 3] = ["igdfilter", "igdgate", "igdmetaenc"];
/// They name files that are written, or wait for frames.
const LEFT_OUT: [&str; 4] = ["name", "parent", "learn-location", "batch-timeout"];

/// Those that a user can set.
fn properties(element: &gst::Element) -> Vec<glib::ParamSpec> {
    let mut properties = element.list_properties().to_vec();
    properties.retain(|property| {
        let is_writable = property.flags().contains(glib::ParamFlags::WRITABLE);
        is_writable && !LEFT_OUT.contains(&property.name())
    });
    properties
}

fn set(element: &gst::Element, texts: &[(u8, String)]) {
    let properties = properties(element);
    for (number, text) in texts {
        let property = &properties[usize::from(*number) % properties.len()];
        let text = text.replace('\0', "");
        let value = glib::Value::deserialize_with_pspec(&text, property);
        if let Ok(value) = value {
            element.set_property_from_value(property.name(), &value);
        }
    }
}

fuzz_target!(|input: Input| {
    init();
    let name = ELEMENTS[usize::from(input.element) % ELEMENTS.len()];
    let element = gst::ElementFactory::make(name)
        .build()
        .expect("an element of ours");
    if name == "igdfilter" {
        element.set_property("model", model_file().to_str());
    }
    set(&element, &input.before);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    // What the texts do not allow is refused here, with an error on the bus.
    if element.set_state(gst::State::Paused).is_ok() {
        play(&element, &input.while_playing);
    }
    let _ = element.set_state(gst::State::Null);
});

/// Sends a frame, sets the texts, and sends another one.
fn play(element: &gst::Element, texts: &[(u8, String)]) {
    let info = VideoInfo::builder(VideoFormat::Gray8, 40, 30).fps(gst::Fraction::new(25, 1));
    let info = info.build().expect("a gray frame");
    let mut harness = gst_check::Harness::with_element(element, Some("sink"), None);
    harness.set_src_caps(info.to_caps().expect("caps"));
    let frame = || gst::Buffer::with_size(info.size()).expect("memory");
    let _ = harness.push(frame());
    set(element, texts);
    let _ = harness.push(frame());
}
