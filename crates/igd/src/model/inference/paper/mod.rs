//! The paper's two networks, with the criterion that suits the device.

mod cpu;
mod gpu;

use rayon::ThreadPoolBuildError;
use tch::{Device, Kind, Tensor};

use self::cpu::OnCpu;
use self::gpu::OnGpu;
use super::{Stage, StageTimes, copy_to};
use crate::criterion::{Descriptor, ScoreWeights};
use crate::libtorch::Workers;
use crate::model::config::PaperConfig;
use crate::model::detection::RawDetection;
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
    normalisation: Normalisation,
    /// The normalised picture.
    picture: Vec<f32>,
    criterion: Criterion,
    workers: Workers,
    pub stages: StageTimes,
}

#[derive(Debug)]
enum Criterion {
    Cpu(Box<OnCpu>),
    Gpu(Box<OnGpu>),
}

impl Paper {
    pub fn new(
        config: &PaperConfig,
        networks: PaperNetworks,
        device: Device,
        kind: Kind,
    ) -> Result<Self, ThreadPoolBuildError> {
        let patches = patches_along(config.input[0] as i64);
        // Only patches can be shared.
        let workers = match (&networks.local, device) {
            (Some(_), Device::Cpu) if patches > 1 => Workers::sharing()?,
            (Some(_), Device::Cpu) => Workers::single_threaded()?,
            _ => Workers::libtorch_threaded()?,
        };
        let patch_batch = match device {
            // A row of them: the largest layers of more would leave the cache.
            Device::Cpu => patches,
            _ => patches * patches,
        };
        let PaperNetworks { global, local } = networks;
        // On the threads that will use them: the layout of packed weights depends on how many there are for a product.
        let (global, local) = workers.run(|| {
            rayon::join(
                || {
                    global.map(|global| Branch {
                        network: Fused::global(&global.network, kind, 1),
                        descriptor: global.descriptor,
                        encoder: Stage::GlobalEncoder,
                        decoder: Stage::GlobalDecoder,
                    })
                },
                || {
                    local.map(|local| Branch {
                        network: Fused::local(&local.network, kind, patch_batch),
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
            normalisation: config.normalisation.clone(),
            picture: vec![0.0; 3 * config.input[0] * config.input[1]],
            criterion: match device {
                Device::Cpu => Criterion::Cpu(Box::new(OnCpu::new(config))),
                _ => Criterion::Gpu(Box::new(OnGpu::new(config, device))),
            },
            stages: StageTimes::default(),
        })
    }

    /// Threads that share a picture's work.
    pub fn threads(&self) -> usize {
        self.workers.count()
    }

    /// The picture has the model's size.
    pub fn run(&mut self, rgb: &[f32], raw: &mut RawDetection) {
        let (branches, weights, stages) = (&self.branches, &self.score, &mut self.stages);
        let picture = &mut self.picture;
        stages.time(Stage::Prepare, || {
            normalise(rgb, &self.normalisation, picture);
        });
        match &mut self.criterion {
            Criterion::Cpu(criterion) => self
                .workers
                .run(|| criterion.run(branches, weights, picture, raw, stages)),
            Criterion::Gpu(criterion) => {
                tch::no_grad(|| criterion.run(branches, weights, picture, raw))
            }
        }
        raw.score = raw.scales.score(weights);
    }
}

/// What makes the networks' pictures of values in 0..=255: (value - mean) / deviation, a channel each. Values are
/// rounded to whole ones first, as those of training pictures are, and the published code's after its `Resize`: a
/// picture that was made larger is smooth without, and to a network that has learned from rounded ones alone that is a
/// defect.
fn normalise(rgb: &[f32], normalisation: &Normalisation, out: &mut [f32]) {
    let area = rgb.len() / 3;
    let channels = rgb.chunks_exact(area).zip(out.chunks_exact_mut(area));
    let numbers = normalisation.mean.iter().zip(&normalisation.std);
    for ((rgb, out), (mean, deviation)) in channels.zip(numbers) {
        let factor = (1.0 / (255.0 * deviation)) as f32;
        let offset = (-mean / deviation) as f32;
        for (out, value) in out.iter_mut().zip(rgb) {
            *out = value.round() * factor + offset;
        }
    }
}

/// The numbers as a picture tensor (1, 3, side, side) on the CPU.
fn picture_of(values: &[f32]) -> Tensor {
    let side = (values.len() / 3).isqrt() as i64;
    Tensor::from_slice(values).view([1, 3, side, side])
}
