//! A line, served: cameras that are judged by `igdfilter`, a verdict a part, a store of what was seen, outputs to the
//! line, an API and a page.

#![warn(missing_docs)]

mod archive;
mod camera;
mod check;
pub mod command;
pub mod config;
pub mod http;
mod judged;
mod lessons;
pub mod line;
mod lock;
mod models;
pub mod outputs;
pub mod page;
mod part;
mod pauses;
pub mod record;
mod run;
pub mod store;
mod thumbnail;
mod webrtc;

pub use self::check::{check, made};
pub use self::config::LineConfig;
pub use self::line::Line;
pub use self::run::{RunError, run, serve};
