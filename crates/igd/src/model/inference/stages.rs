//! Where the time of an inference goes.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// The parts of an inference whose times are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the part, in dense models that look for it.
    Align,
    /// Normalising, and cutting patches or tiles.
    Prepare,
    /// The backbone of dense models.
    Features,
    /// The distances of dense models.
    Descriptor,
    /// Whole pictures to latents.
    GlobalEncoder,
    /// Latents to whole pictures.
    GlobalDecoder,
    /// Patches to latents.
    LocalEncoder,
    /// Latents to patches.
    LocalDecoder,
    /// Descriptor, MS-SSIM, L1 and residual maps.
    Criterion,
    /// Folding and mixing the maps, or smoothing and enlarging them.
    Map,
    /// Normalising the map and finding the regions in it.
    Regions,
}

impl Stage {
    /// All of them, in the order that they run in.
    pub const ALL: [Self; 11] = [
        Self::Align,
        Self::Prepare,
        Self::Features,
        Self::Descriptor,
        Self::GlobalEncoder,
        Self::GlobalDecoder,
        Self::LocalEncoder,
        Self::LocalDecoder,
        Self::Criterion,
        Self::Map,
        Self::Regions,
    ];

    /// For people, such as `global encoder`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Align => "align",
            Self::Prepare => "prepare",
            Self::Features => "features",
            Self::Descriptor => "descriptor",
            Self::GlobalEncoder => "global encoder",
            Self::GlobalDecoder => "global decoder",
            Self::LocalEncoder => "local encoder",
            Self::LocalDecoder => "local decoder",
            Self::Criterion => "criterion",
            Self::Map => "map",
            Self::Regions => "regions",
        }
    }
}

/// The time that each stage has taken since the start, of all threads together. On GPUs, which work while the CPU is
/// elsewhere, only what the CPU does is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct StageTimes([Duration; Stage::ALL.len()]);

impl AddAssign for StageTimes {
    fn add_assign(&mut self, other: Self) {
        for (sum, time) in self.0.iter_mut().zip(other.0) {
            *sum += time;
        }
    }
}

impl StageTimes {
    /// That of one stage.
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    pub(in crate::model) fn add(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] += time;
    }

    /// Runs a part of a stage.
    pub(super) fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.add(stage, start.elapsed());
        result
    }
}
