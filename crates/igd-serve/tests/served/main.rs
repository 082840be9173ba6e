//! A line as it is served.

mod cameras;
#[path = "../../../igd/tests/common/mod.rs"]
mod common;
mod http;
mod lessons;
mod load;
mod models;
mod outputs;
mod page;
mod store;
