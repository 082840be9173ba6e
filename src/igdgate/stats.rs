//! The property `stats`.

use gst::glib::gstr;

/// Counts since the element has started.
#[derive(Debug, Default)]
pub struct Stats {
    pub buffers: u64,
    pub passed: u64,
    pub left_out: u64,
    pub results: u64,
    pub events: u64,
}

impl Stats {
    pub fn to_structure(&self) -> gst::Structure {
        let held = self.buffers - self.passed - self.left_out;
        gst::Structure::builder("igdgate-stats")
            .field(gstr!("buffers"), self.buffers)
            .field(gstr!("passed"), self.passed)
            .field(gstr!("left-out"), self.left_out)
            .field(gstr!("held"), held)
            .field(gstr!("results"), self.results)
            .field(gstr!("events"), self.events)
            .build()
    }
}
