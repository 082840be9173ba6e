//! The tests of the library.

#[path = "../common/mod.rs"]
mod common;
#[path = "../plain/mod.rs"]
mod plain;

mod choice;
mod dense;
mod drift;
mod exit;
mod feedback;
mod fuse;
mod geometry;
mod golden;
mod layers;
mod layouts;
mod left_out;
mod marked_cells;
mod memory;
mod metrics;
mod models;
mod moving;
mod plain_graph;
mod recentre;
mod small_pictures;
mod solar_cells;
mod synthetic;
mod tensors;
mod trim;
