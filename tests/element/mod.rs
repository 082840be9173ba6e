//! Shared by the tests of the element; each uses some of it.
#![allow(dead_code)]

pub mod frame;
pub mod frame_harness;
pub mod model;
pub mod plugin;
pub mod results;

use std::fs;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use gst::prelude::*;
use gst_check::Harness;

/// Longer than any test's pipeline takes on a busy machine.
pub const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Registers the plugin; from here on a warning of GLib or GStreamer ends the test, as with `G_DEBUG=fatal_warnings`.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        // Tests run beside each other.
        tch::set_num_threads(1);
        glib::log_set_always_fatal(
            glib::LogLevels::LEVEL_ERROR
                | glib::LogLevels::LEVEL_CRITICAL
                | glib::LogLevels::LEVEL_WARNING,
        );
        gstigd::plugin_register_static().unwrap();
    });
}

/// An igdfilter with a model, and properties as the text of a pipeline has them: `overlay=none messages=all`.
pub fn filter(model: &Path, properties: &str) -> gst::Element {
    init();
    gst::parse::launch(&format!("igdfilter model={} {properties}", model.display())).unwrap()
}

/// A harness around an element, with a bus to listen to.
pub fn harness(element: &gst::Element) -> (Harness, gst::Bus) {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let harness = Harness::with_element(element, Some("sink"), Some("src"));
    (harness, bus)
}

/// The names of this process's threads.
pub fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    // One may end meanwhile.
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// The text of the first error on a bus, if there is one.
pub fn error_text(bus: &gst::Bus) -> Option<String> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().message().to_owned()),
        _ => None,
    }
}

/// Runs a pipeline to its end; an error is returned as its text.
pub fn run_to_end(pipeline: &gst::Element) -> Result<(), String> {
    let bus = pipeline.bus().unwrap();
    let started = pipeline.set_state(gst::State::Playing);
    let message = bus.timed_pop_filtered(
        started.map_or(gst::ClockTime::ZERO, |_| PATIENCE),
        &[gst::MessageType::Error, gst::MessageType::Eos],
    );
    pipeline.set_state(gst::State::Null).unwrap();
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => Err(error.error().message().to_owned()),
        _ => Err(format!(
            "neither an end nor an error within {:?}",
            Duration::from(PATIENCE)
        )),
    }
}
