//! Inference for CPUs: libtorch for the networks, loops of our own for what comes after them. The global network and
//! each row of patches are pieces of work of their own, which [`Workers`](crate::libtorch::Workers) share.

use rayon::prelude::*;
use tch::{Tensor, no_grad};

use super::{Branch, Branches, Stage, StageTimes, copy_to, scaling};
use crate::criterion::{Reference, Residuals, ScoreWeights, mean_of_overlap};
use crate::model::config::PaperConfig;
use crate::model::detection::{RawDetection, ScaleTerms, Scales};
use crate::nn::{PATCH, PATCHES, PICTURE, STRIDE};

const SIDE: usize = PICTURE as usize;

/// The criterion, and memory that every picture uses again.
#[derive(Debug)]
pub struct InLoops {
    /// Factor and offset of each channel.
    scaling: [(f32, f32); 3],
    /// The normalised picture.
    picture: Vec<f32>,
    reference: Reference,
    whole: Whole,
    /// Empty where the local network sees the whole picture.
    rows: Vec<Row>,
}

/// The work of the network that sees the whole picture.
#[derive(Debug)]
struct Whole {
    reference: Reference,
    residuals: Residuals,
    reconstruction: Vec<f32>,
    map: Vec<f32>,
    stages: StageTimes,
}

/// The work of a row of patches.
#[derive(Debug)]
struct Row {
    residuals: Residuals,
    /// The part of the picture that the patches cover: (3, 32, 256).
    strip: Vec<f32>,
    reconstruction: Vec<f32>,
    gaussian: Vec<f32>,
    terms: Vec<ScaleTerms>,
    /// Sum of the patches' maps: (32, 256).
    map: Vec<f32>,
    stages: StageTimes,
}

impl InLoops {
    pub fn new(config: &PaperConfig) -> Self {
        let side = config.input[0];
        let reference = || Reference::local(side, config.range);
        let scaling = scaling(&config.normalisation);
        let picture = vec![0.0; 3 * side * side];
        if config.is_patch() {
            return Self {
                scaling,
                picture,
                whole: Whole::new(reference(), side),
                reference: reference(),
                rows: Vec::new(),
            };
        }
        let reference = reference();
        Self {
            scaling,
            picture,
            whole: Whole::new(Reference::global(config.range), side),
            rows: (0..PATCHES).map(|_| Row::new(&reference)).collect(),
            reference,
        }
    }

    /// Judges a picture, on one of the workers; see [`Paper::run`](super::Paper::run).
    pub fn run(
        &mut self,
        branches: &Branches,
        weights: &ScoreWeights,
        rgb: &[f32],
        raw: &mut RawDetection,
        stages: &mut StageTimes,
    ) {
        let Self {
            scaling,
            picture,
            reference,
            whole,
            rows,
        } = self;
        stages.time(Stage::Prepare, || normalise(rgb, scaling, picture));
        let picture = &picture[..];
        let (global, local) = (branches.global.as_ref(), branches.local.as_ref());
        if let (Some(local), true) = (local, rows.is_empty()) {
            let terms = no_grad(|| whole.run(local, picture));
            *stages += std::mem::take(&mut whole.stages);
            raw.map.copy_from_slice(&whole.map);
            raw.patches.clear();
            raw.patches.push(terms);
            raw.scales = Scales {
                local: Some(terms),
                ..Scales::default()
            };
            return;
        }
        if local.is_some() {
            stages.time(Stage::Criterion, || reference.set(picture));
        }
        let reference = &*reference;
        let (global_terms, ()) = rayon::join(
            || global.map(|branch| no_grad(|| whole.run(branch, picture))),
            || {
                if let Some(branch) = local {
                    rows.par_iter_mut().enumerate().for_each(|(row, work)| {
                        no_grad(|| work.run(branch, picture, reference, row));
                    });
                }
            },
        );
        *stages += std::mem::take(&mut whole.stages);
        for row in rows.iter_mut() {
            *stages += std::mem::take(&mut row.stages);
        }
        let map = &mut raw.map[..];
        stages.time(Stage::Map, || match (global, local) {
            (_, None) => map.copy_from_slice(&whole.map),
            (None, Some(_)) => sum_rows(rows, map),
            (Some(_), Some(_)) => {
                sum_rows(rows, map);
                let share = weights.global_share;
                for (local, global) in map.iter_mut().zip(&whole.map) {
                    *local = share * global + (1.0 - share) * *local;
                }
            }
        });
        raw.patches.clear();
        if local.is_some() {
            raw.patches
                .extend(rows.iter().flat_map(|row| row.terms.iter().copied()));
        }
        raw.scales = Scales {
            global: global_terms,
            local: ScaleTerms::worst(&raw.patches, &weights.local),
            dense: None,
        };
    }
}

/// See [`scaling`].
fn normalise(rgb: &[f32], scaling: &[(f32, f32); 3], out: &mut [f32]) {
    let area = rgb.len() / 3;
    let channels = rgb.chunks_exact(area).zip(out.chunks_exact_mut(area));
    for ((rgb, out), (factor, offset)) in channels.zip(scaling) {
        for (out, value) in out.iter_mut().zip(rgb) {
            *out = value.round() * factor + offset;
        }
    }
}

/// The numbers as a picture tensor (1, 3, side, side).
fn picture_of(values: &[f32]) -> Tensor {
    let side = (values.len() / 3).isqrt() as i64;
    Tensor::from_slice(values).view([1, 3, side, side])
}

/// Lays the rows' maps at their places.
fn sum_rows(rows: &[Row], map: &mut [f32]) {
    map.fill(0.0);
    for (index, row) in rows.iter().enumerate() {
        let place = &mut map[index * STRIDE as usize * SIDE..][..row.map.len()];
        for (sum, value) in place.iter_mut().zip(&row.map) {
            *sum += value;
        }
    }
    mean_of_overlap(map);
}

impl Whole {
    /// For pictures with sides of `side` pixels.
    fn new(reference: Reference, side: usize) -> Self {
        Self {
            residuals: Residuals::new(&reference),
            reference,
            reconstruction: Vec::new(),
            map: vec![0.0; side * side],
            stages: StageTimes::default(),
        }
    }

    fn run(&mut self, branch: &Branch, picture: &[f32]) -> ScaleTerms {
        let stages = &mut self.stages;
        let tensor = stages.time(Stage::Prepare, || picture_of(picture));
        let z = stages.time(branch.encoder, || branch.network.encode(&tensor));
        let reconstruction = stages.time(branch.decoder, || branch.network.decode(&z));
        stages.time(Stage::Criterion, || {
            copy_to(&mut self.reconstruction, &reconstruction);
            self.reference.set(picture);
            self.map.fill(0.0);
            ScaleTerms {
                reconstruction: self.residuals.compare(
                    &self.reference,
                    &self.reconstruction,
                    (0, 0),
                    &mut self.map,
                ),
                gaussian: branch.descriptor.distance(&z).double_value(&[0]) as f32,
            }
        })
    }
}

impl Row {
    fn new(reference: &Reference) -> Self {
        let area = PATCH as usize * SIDE;
        Self {
            residuals: Residuals::new(reference),
            strip: vec![0.0; 3 * area],
            reconstruction: Vec::new(),
            gaussian: Vec::new(),
            terms: Vec::new(),
            map: vec![0.0; area],
            stages: StageTimes::default(),
        }
    }

    fn run(&mut self, branch: &Branch, picture: &[f32], reference: &Reference, row: usize) {
        let y = row * STRIDE as usize;
        let stages = &mut self.stages;
        let patches = stages.time(Stage::Prepare, || {
            let strips = self.strip.chunks_exact_mut(PATCH as usize * SIDE);
            for (strip, channel) in strips.zip(picture.chunks_exact(SIDE * SIDE)) {
                strip.copy_from_slice(&channel[y * SIDE..][..strip.len()]);
            }
            Tensor::from_slice(&self.strip)
                .view([3, PATCH, PICTURE])
                .unfold(2, PATCH, STRIDE)
                .permute([2, 0, 1, 3])
        });
        let z = stages.time(branch.encoder, || branch.network.encode(&patches));
        let reconstructions = stages.time(branch.decoder, || branch.network.decode(&z));
        stages.time(Stage::Criterion, || {
            copy_to(&mut self.gaussian, &branch.descriptor.distance(&z));
            copy_to(&mut self.reconstruction, &reconstructions);
            self.map.fill(0.0);
            self.terms.clear();
            let patch = self.reconstruction.len() / self.gaussian.len();
            let patches = self.reconstruction.chunks_exact(patch);
            for (column, (patch, &gaussian)) in patches.zip(&self.gaussian).enumerate() {
                let x = column * STRIDE as usize;
                let map = &mut self.map[x..];
                let reconstruction = self.residuals.compare(reference, patch, (x, y), map);
                self.terms.push(ScaleTerms {
                    reconstruction,
                    gaussian,
                });
            }
        });
    }
}
