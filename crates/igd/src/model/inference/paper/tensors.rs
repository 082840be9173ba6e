//! Inference in tensors from end to end, as GPUs want it: pictures go up as they are, and what they come to goes down
//! in one copy.

use tch::{Device, Tensor};

use super::{Branch, Branches, copy_to, scaling, upload};
use crate::criterion::{self, MsSsim, PatchFold, ScoreWeights, residual_map};
use crate::model::config::PaperConfig;
use crate::model::detection::{InputPicture, ScaleTerms, Scales};
use crate::nn::patches;

/// Pictures that are judged together: the patches of more, 225 each, would not be judged any faster, and take gigabytes.
const TOGETHER: usize = 8;

#[derive(Debug)]
pub struct InTensors {
    device: Device,
    /// Width and height of a picture.
    size: [usize; 2],
    /// Of each channel: (1, 3, 1, 1).
    factor: Tensor,
    offset: Tensor,
    global: MsSsim,
    local: MsSsim,
    fold: PatchFold,
    /// What comes back of each picture: the map, then the two terms of the whole and of each patch.
    result: Vec<f32>,
}

impl InTensors {
    pub fn new(config: &PaperConfig, device: Device) -> Self {
        let scaling = scaling(&config.normalisation);
        let of_channels = |values: [f32; 3]| {
            let values = Tensor::from_slice(&values).view([1, 3, 1, 1]);
            values.to_device(device)
        };
        Self {
            device,
            size: config.input,
            factor: of_channels(scaling.map(|(factor, _)| factor)),
            offset: of_channels(scaling.map(|(_, offset)| offset)),
            global: MsSsim::global(config.range, device),
            local: MsSsim::local(config.range, device),
            fold: PatchFold::new(config.input[0] as i64, device),
            result: Vec::new(),
        }
    }

    /// Judges pictures; see [`Paper::run`](super::Paper::run).
    pub fn run(
        &mut self,
        branches: &Branches,
        weights: &ScoreWeights,
        pictures: &mut [&mut InputPicture],
    ) {
        for pictures in pictures.chunks_mut(TOGETHER) {
            self.judge(branches, weights, pictures);
        }
    }

    fn judge(
        &mut self,
        branches: &Branches,
        weights: &ScoreWeights,
        pictures: &mut [&mut InputPicture],
    ) {
        let values = pictures.iter().map(|picture| &picture.rgb[..]);
        let values = upload(values, self.size, self.device);
        // Rounded as `f32::round` does it, for `Tensor::round` takes halves to even numbers.
        let seen = (values + 0.5).floor() * &self.factor + &self.offset;
        let Branches { global, local } = branches;
        let global = global
            .as_ref()
            .map(|branch| Errors::of(branch, &self.global, &seen));
        let local = local
            .as_ref()
            .map(|branch| Errors::of(branch, &self.local, &patches(&seen)));
        let share = f64::from(weights.global_share);
        let folded = |local: &Errors| self.fold.mean(&local.maps);
        let mixed = match (&global, &local) {
            (Some(global), Some(local)) => &global.maps * share + folded(local) * (1.0 - share),
            (Some(only), None) => only.maps.shallow_clone(),
            (None, Some(only)) => folded(only),
            (None, None) => unreachable!("a model without networks is refused when it is read"),
        };
        let count = pictures.len() as i64;
        let mut parts = vec![mixed.flatten(1, -1)];
        for errors in global.iter().chain(&local) {
            let terms = Tensor::stack(&[&errors.reconstruction, &errors.gaussian], 1);
            parts.push(terms.view([count, -1]));
        }
        let all = Tensor::cat(&parts, 1);
        let length = all.size()[1] as usize;
        copy_to(&mut self.result, &all.to_device(Device::Cpu));
        let results = self.result.chunks_exact(length);
        for (InputPicture { raw, .. }, result) in pictures.iter_mut().zip(results) {
            let (values, terms) = result.split_at(raw.map.len());
            raw.map.copy_from_slice(values);
            let mut terms = terms.chunks_exact(2).map(|pair| ScaleTerms {
                reconstruction: pair[0],
                gaussian: pair[1],
            });
            let global = global.as_ref().and_then(|_| terms.next());
            raw.patches.clear();
            raw.patches.extend(terms);
            raw.scales = Scales {
                global,
                local: ScaleTerms::worst(&raw.patches, &weights.local),
                dense: None,
            };
        }
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
