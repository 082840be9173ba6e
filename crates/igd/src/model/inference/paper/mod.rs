//! The paper's two networks, with the criterion in loops or in tensors.

mod loops;
mod tensors;

use rayon::ThreadPoolBuildError;
use tch::{Device, Kind};

use self::loops::InLoops;
use self::tensors::InTensors;
use super::{Stage, StageTimes, copy_to, upload};
use crate::criterion::{Descriptor, ScoreWeights};
use crate::libtorch::Workers;
use crate::model::config::PaperConfig;
use crate::model::detection::InputPicture;
use crate::model::execution::Execution;
use crate::model::networks::PaperNetworks;
use crate::nn::{Fused, Normalisation, patches_along};

/// A network for inference and the descriptor of its normal latents.
#[derive(Debug)]
struct Branch {
    network: Fused,
    descriptor: Descriptor,
    /// What the times of its two halves count for.
    encoder: Stage,
    decoder: Stage,
}

// SAFETY: nothing changes the tensors once they are here, and libtorch lets any number of threads read one.
unsafe impl Sync for Branch {}

/// Those of a model, one at least.
#[derive(Debug)]
struct Branches {
    global: Option<Branch>,
    local: Option<Branch>,
}

/// See [`Inference`](super::Inference).
#[derive(Debug)]
pub struct Paper {
    branches: Branches,
    score: ScoreWeights,
    criterion: Criterion,
    workers: Workers,
    pub stages: StageTimes,
}

#[derive(Debug)]
enum Criterion {
    Loops(Box<InLoops>),
    Tensors(Box<InTensors>),
}

impl Paper {
    pub fn new(
        config: &PaperConfig,
        networks: PaperNetworks,
        device: Device,
        kind: Kind,
        execution: Execution,
    ) -> Result<Self, ThreadPoolBuildError> {
        let patches = patches_along(config.input[0] as i64);
        // Only patches can be shared.
        let workers = match (&networks.local, execution) {
            (Some(_), Execution::Loops) if patches > 1 => Workers::sharing()?,
            (Some(_), Execution::Loops) => Workers::single_threaded()?,
            _ => Workers::libtorch_threaded()?,
        };
        // A row of patches: the largest layers of more would leave the cache.
        let batch = |pictures| (execution == Execution::Loops).then_some(pictures);
        let PaperNetworks { global, local } = networks;
        // On the threads that will use them: the layout of packed weights depends on how many there are for a product.
        let (global, local) = workers.run(|| {
            rayon::join(
                || {
                    global.map(|global| Branch {
                        network: Fused::global(&global.network, kind, batch(1)),
                        descriptor: global.descriptor,
                        encoder: Stage::GlobalEncoder,
                        decoder: Stage::GlobalDecoder,
                    })
                },
                || {
                    local.map(|local| Branch {
                        network: Fused::local(&local.network, kind, batch(patches)),
                        descriptor: local.descriptor,
                        encoder: Stage::LocalEncoder,
                        decoder: Stage::LocalDecoder,
                    })
                },
            )
        });
        Ok(Self {
            branches: Branches { global, local },
            workers,
            score: config.score,
            criterion: match execution {
                Execution::Loops => Criterion::Loops(Box::new(InLoops::new(config))),
                Execution::Tensors => Criterion::Tensors(Box::new(InTensors::new(config, device))),
            },
            stages: StageTimes::default(),
        })
    }

    /// Threads that share a picture's work.
    pub fn threads(&self) -> usize {
        self.workers.count()
    }

    /// The pictures have the model's size.
    pub fn run(&mut self, pictures: &mut [&mut InputPicture]) {
        let (branches, weights, stages) = (&self.branches, &self.score, &mut self.stages);
        let criterion = &mut self.criterion;
        self.workers.run(|| match criterion {
            Criterion::Loops(criterion) => {
                for InputPicture { rgb, raw } in &mut *pictures {
                    criterion.run(branches, weights, rgb, raw, stages);
                }
            }
            Criterion::Tensors(criterion) => {
                tch::no_grad(|| criterion.run(branches, weights, pictures));
            }
        });
        for InputPicture { raw, .. } in pictures {
            raw.score = raw.scales.score(weights);
        }
    }
}

/// What makes the networks' pictures of values in 0..=255: factor and offset of each channel. Values are rounded to
/// whole ones first, as those of training pictures are, and the published code's after its `Resize`: a picture that was
/// made larger is smooth without, and to a network that has learned from rounded ones alone that is a defect.
fn scaling(normalisation: &Normalisation) -> [(f32, f32); 3] {
    [0, 1, 2].map(|channel| {
        let (mean, deviation) = (normalisation.mean[channel], normalisation.std[channel]);
        (
            (1.0 / (255.0 * deviation)) as f32,
            (-mean / deviation) as f32,
        )
    })
}
