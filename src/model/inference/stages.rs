//! Where the time of an inference goes.

use std::time::{Duration, Instant};

/// The parts of an inference on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Normalising, and cutting patches.
    Prepare,
    GlobalEncoder,
    GlobalDecoder,
    LocalEncoder,
    LocalDecoder,
    /// Descriptor, MS-SSIM, L1 and residual maps.
    Criterion,
    /// Folding and mixing the maps.
    Map,
}

impl Stage {
    pub const ALL: [Self; 7] = [
        Self::Prepare,
        Self::GlobalEncoder,
        Self::GlobalDecoder,
        Self::LocalEncoder,
        Self::LocalDecoder,
        Self::Criterion,
        Self::Map,
    ];
}

/// The time that each stage has taken since the start. Zero on GPUs, which work while the CPU is elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages([Duration; Stage::ALL.len()]);

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::GlobalEncoder => "global encoder",
            Self::GlobalDecoder => "global decoder",
            Self::LocalEncoder => "local encoder",
            Self::LocalDecoder => "local decoder",
            Self::Criterion => "criterion",
            Self::Map => "map",
        }
    }
}

impl Stages {
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// Runs a part of a stage.
    pub(super) fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.0[stage as usize] += start.elapsed();
        result
    }
}
