//! Inference on a GPU: everything in tensors there, with one copy up and one copy down a picture.

use tch::{Device, Kind, Tensor};

use super::{Branch, Branches, copy_to, picture_of};
use crate::criterion::{self, MsSsim, PatchFold, ScoreWeights, residual_map};
use crate::model::config::PaperConfig;
use crate::model::detection::{RawDetection, ScaleTerms, Scales};
use crate::nn::patches;

#[derive(Debug)]
pub struct OnGpu {
    device: Device,
    global: MsSsim,
    local: MsSsim,
    fold: PatchFold,
    /// What comes back: the map, then the two terms of the whole and of each patch.
    result: Vec<f32>,
}

impl OnGpu {
    pub fn new(config: &PaperConfig, device: Device) -> Self {
        // All pictures have one size: trying out which kernels are fastest for it pays.
        tch::Cuda::cudnn_set_benchmark(true);
        Self {
            device,
            global: MsSsim::global(config.range, device),
            local: MsSsim::local(config.range, device),
            fold: PatchFold::new(config.input[0] as i64, device),
            result: Vec::new(),
        }
    }

    /// Judges a normalised picture; see [`Paper::run`](super::Paper::run).
    pub fn run(
        &mut self,
        branches: &Branches,
        weights: &ScoreWeights,
        picture: &[f32],
        raw: &mut RawDetection,
    ) {
        // From page-locked memory the copy goes on by itself while the CPU queues what follows.
        let picture = picture_of(picture).pin_memory(self.device).to_device_(
            self.device,
            Kind::Float,
            true,
            false,
        );
        let Branches { global, local } = branches;
        let global = global
            .as_ref()
            .map(|branch| Errors::of(branch, &self.global, &picture));
        let local = local
            .as_ref()
            .map(|branch| Errors::of(branch, &self.local, &patches(&picture)));
        let share = f64::from(weights.global_share);
        let folded = |local: &Errors| self.fold.mean(&local.maps);
        let mixed = match (&global, &local) {
            (Some(global), Some(local)) => &global.maps * share + folded(local) * (1.0 - share),
            (Some(only), None) => only.maps.shallow_clone(),
            (None, Some(only)) => folded(only),
            (None, None) => unreachable!("a model without networks is refused when it is read"),
        };
        let mut parts = vec![mixed.flatten(0, -1)];
        for errors in global.iter().chain(&local) {
            let terms = Tensor::stack(&[&errors.reconstruction, &errors.gaussian], 1);
            parts.push(terms.flatten(0, -1));
        }
        copy_to(
            &mut self.result,
            &Tensor::cat(&parts, 0).to_device(Device::Cpu),
        );
        let (values, terms) = self.result.split_at(raw.map.len());
        raw.map.copy_from_slice(values);
        let mut terms = terms.chunks_exact(2).map(|pair| ScaleTerms {
            reconstruction: pair[0],
            gaussian: pair[1],
        });
        let global = global.and_then(|_| terms.next());
        raw.patches.clear();
        raw.patches.extend(terms);
        raw.scales = Scales {
            global,
            local: ScaleTerms::worst(&raw.patches, &weights.local),
            dense: None,
        };
    }
}

/// The errors of a batch of pictures or patches.
struct Errors {
    /// (N).
    reconstruction: Tensor,
    /// (N).
    gaussian: Tensor,
    /// (N, 1, side, side).
    maps: Tensor,
}

impl Errors {
    fn of(branch: &Branch, criterion: &MsSsim, pictures: &Tensor) -> Self {
        let z = branch.network.encode(pictures);
        let reconstructed = branch.network.decode(&z);
        let similarity = criterion.compare(pictures, &reconstructed);
        let range = criterion.range();
        Self {
            reconstruction: criterion::reconstruction(
                pictures,
                &reconstructed,
                &similarity.value,
                range,
            ),
            gaussian: branch.descriptor.distance(&z),
            maps: residual_map(pictures, &reconstructed, &similarity, criterion),
        }
    }
}
