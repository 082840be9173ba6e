//! The tests of the elements.

#[path = "../../crates/igd/tests/common/mod.rs"]
mod common;
#[path = "../element/mod.rs"]
mod element;

mod analytics;
mod drift;
mod exit;
mod gate;
mod igdfilter;
mod igdmetaenc;
mod leaks;
mod learning;
mod line_sinks;
mod live;
mod marks;
mod metadata;
mod readers;
mod reference;
mod sharing;
mod soak;
mod stall;
mod streaming;
mod survival;
mod views;
