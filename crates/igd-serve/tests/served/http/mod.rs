//! The API of a line that works, over real connections.

mod access;
mod answers;
pub mod client;
mod description;
mod files;
mod foreign;
mod limits;
mod metrics;
pub mod model;
pub mod program;
mod refusals;
pub mod served;
mod streams;
mod tls;
mod video;
