//! Inference on the CPU: libtorch for the networks, loops of our own for what comes after them.

use tch::Tensor;

use super::stages::{Stage, Stages};
use super::{Branch, normalise, picture_of};
use crate::criterion::{Residuals, ScoreWeights, mean_of_overlap};
use crate::model::config::ModelConfig;
use crate::model::detection::{ScaleTerms, Scales};
use crate::nn::{Normalisation, PATCHES, STRIDE, patches};

/// Patches that go through the local network together: the largest layers of more would leave the cache.
pub const PATCH_BATCH: i64 = 45;

/// The criterion, and memory that every picture uses again.
#[derive(Debug)]
pub struct OnCpu {
    normalisation: Normalisation,
    global: Residuals,
    local: Residuals,
    /// The normalised picture.
    picture: Vec<f32>,
    reconstruction: Vec<f32>,
    gaussian: Vec<f32>,
    global_map: Vec<f32>,
}

impl OnCpu {
    pub fn new(config: &ModelConfig) -> Self {
        let area = config.input[0] * config.input[1];
        Self {
            normalisation: config.normalisation.clone(),
            global: Residuals::global(config.range),
            local: Residuals::local(config.range),
            picture: vec![0.0; 3 * area],
            reconstruction: Vec::new(),
            gaussian: Vec::new(),
            global_map: vec![0.0; area],
        }
    }

    pub fn run(
        &mut self,
        (global, local): (Option<&Branch>, Option<&Branch>),
        weights: &ScoreWeights,
        rgb: &[f32],
        map: &mut [f32],
        stages: &mut Stages,
    ) -> Scales {
        let picture = stages.time(Stage::Prepare, || {
            normalise(rgb, &self.normalisation, &mut self.picture);
            picture_of(&self.picture)
        });
        map.fill(0.0);
        let local_terms = local.map(|branch| self.local(branch, weights, &picture, map, stages));
        let global_terms = global.map(|branch| {
            if local.is_none() {
                return self.global(branch, &picture, map, stages);
            }
            let mut global_map = std::mem::take(&mut self.global_map);
            global_map.fill(0.0);
            let terms = self.global(branch, &picture, &mut global_map, stages);
            stages.time(Stage::Map, || {
                let share = weights.global_share;
                for (local, global) in map.iter_mut().zip(&global_map) {
                    *local = share * global + (1.0 - share) * *local;
                }
            });
            self.global_map = global_map;
            terms
        });
        Scales {
            global: global_terms,
            local: local_terms,
        }
    }

    fn global(
        &mut self,
        branch: &Branch,
        picture: &Tensor,
        map: &mut [f32],
        stages: &mut Stages,
    ) -> ScaleTerms {
        let z = stages.time(Stage::GlobalEncoder, || branch.network.encode(picture));
        let reconstruction = stages.time(Stage::GlobalDecoder, || branch.network.decode(&z));
        stages.time(Stage::Criterion, || {
            copy_to(&mut self.reconstruction, &reconstruction);
            self.global.set_picture(&self.picture);
            ScaleTerms {
                reconstruction: self.global.compare(&self.reconstruction, (0, 0), map),
                gaussian: branch.descriptor.distance(&z).double_value(&[0]) as f32,
            }
        })
    }

    /// The terms of the worst patch.
    fn local(
        &mut self,
        branch: &Branch,
        weights: &ScoreWeights,
        picture: &Tensor,
        map: &mut [f32],
        stages: &mut Stages,
    ) -> ScaleTerms {
        let batches = stages.time(Stage::Prepare, || patches(picture).split(PATCH_BATCH, 0));
        stages.time(Stage::Criterion, || self.local.set_picture(&self.picture));
        let mut corners = (0..PATCHES * PATCHES).map(|patch| {
            let at = |place: i64| (place * STRIDE) as usize;
            (at(patch % PATCHES), at(patch / PATCHES))
        });
        let mut worst = ScaleTerms::default();
        let mut worst_score = f32::NEG_INFINITY;
        for batch in batches {
            let z = stages.time(Stage::LocalEncoder, || branch.network.encode(&batch));
            let reconstructions = stages.time(Stage::LocalDecoder, || branch.network.decode(&z));
            stages.time(Stage::Criterion, || {
                copy_to(&mut self.gaussian, &branch.descriptor.distance(&z));
                copy_to(&mut self.reconstruction, &reconstructions);
                let patch = self.reconstruction.len() / self.gaussian.len();
                let patches = self.reconstruction.chunks_exact(patch);
                for ((patch, &gaussian), corner) in patches.zip(&self.gaussian).zip(&mut corners) {
                    let reconstruction = self.local.compare(patch, corner, map);
                    let score = weights.local.mix(reconstruction, gaussian);
                    // What is not a number is worse than anything.
                    if score > worst_score || score.is_nan() {
                        worst_score = score;
                        worst = ScaleTerms {
                            reconstruction,
                            gaussian,
                        };
                    }
                }
            });
        }
        stages.time(Stage::Map, || mean_of_overlap(map));
        worst
    }
}

/// The tensor's numbers (f32) in memory that is kept.
fn copy_to(values: &mut Vec<f32>, tensor: &Tensor) {
    values.resize(tensor.numel(), 0.0);
    tensor.copy_data(values, tensor.numel());
}
