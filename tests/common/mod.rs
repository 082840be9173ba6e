//! Shared by the integration tests; each uses some of it.
#![allow(dead_code)]

pub mod formula;
