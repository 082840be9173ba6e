//! The tests of the program `igd`, and of the scripts that use it.

#[path = "../../../igd/tests/common/mod.rs"]
mod common;
#[path = "../../../../tests/element/mod.rs"]
mod element;

mod bench;
mod calibrate;
mod commands;
mod data_sets;
mod dense;
mod doctor;
mod export;
mod feedback;
mod full_disks;
mod interruptions;
mod kills;
mod logs;
mod pipelines;
mod predict;
mod program;
mod protocol;
mod recentre;
mod report;
mod schema;
mod serve;
mod single;
mod training;
mod videos;
