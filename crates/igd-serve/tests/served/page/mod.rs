//! The operator's page in a browser, of a line that works.

mod accessible;
pub mod bench;
mod drawing;
mod latency;
mod screen;
mod signing_in;
mod story;
mod teaching;
mod view;
mod watching;
