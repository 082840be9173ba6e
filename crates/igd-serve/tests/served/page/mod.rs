//! The operator's page in a browser, of a line that works.

mod accessible;
pub mod bench;
mod screen;
mod signing_in;
mod story;
mod view;
